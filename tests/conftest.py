"""What every test stands on: a node's directory of its own, a fixed data key, the database engine asked for.

`POSTA_TEST_ENGINE=sqlite|postgres` (default sqlite, the encrypted engine) chooses what the suite runs on.
This file sets the environment before Django reads it; with pytest-xdist every worker has its own directory
and database, and one PostgreSQL serves all of them. Not here: how servers are found (`tests/services.py`).
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import django
import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests.databases import DatabaseShelf
from tests.services import Postgres, start_postgres

TEST_DATA_KEY = bytes(range(32)).hex()
ENGINES = ("sqlite", "postgres")
FOREIGN = "REDIS_URL POSTA_BROKER_SOCKET POSTA_PORT POSTA_HOSTS POSTA_KEY_FD POSTA_ROLE".split()

_data_dir = Path(tempfile.mkdtemp(prefix="posta-test-"))
PROCESSES: Final = {"system", "browser"}
_postgres: Postgres | None = None


def _choose_engine() -> None:
    global _postgres
    engine = os.environ.setdefault("POSTA_TEST_ENGINE", "sqlite")
    if engine not in ENGINES:
        raise pytest.UsageError(f"POSTA_TEST_ENGINE must be sqlite or postgres, not {engine!r}.")
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # the first process chose, and its environment came along
    os.environ.pop("DATABASE_URL", None)
    if engine == "postgres":
        _postgres = start_postgres()
        os.environ["DATABASE_URL"] = _postgres.url


def _set_environment() -> None:
    if settings.configured:
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests choose the environment themselves.")
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["POSTA_DATA"] = str(_data_dir)
    os.environ["POSTA_TEST_DATA_KEY"] = TEST_DATA_KEY
    os.environ["POSTA_SECOND_FACTOR"] = "offered"  # tests of the second step ask for it
    # Playwright keeps an event loop in the thread of the test.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    _choose_engine()


def _set_up_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "deploy.settings"
    settings.POSTA_ARGON2 = (1, 8, 1)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()
    _let_tests_start_empty()
    # A pytest-xdist worker inherits the environment, and must come through here before Django does.
    del os.environ["DJANGO_SETTINGS_MODULE"]


def _let_tests_start_empty() -> None:
    """After a test with transactions of its own Django empties all tables, past every door."""
    from django.core.management.commands.flush import Command

    from sync.records import door

    empty = Command.handle

    def through_the_door(self: Command, **options: Any) -> Any:
        with door():
            return empty(self, **options)

    Command.handle = through_the_door  # type: ignore[method-assign]


_set_environment()
_set_up_django()


@atexit.register  # even when the set-up above fails, nothing is left behind
def _clean_up() -> None:
    if _postgres is not None:
        _postgres.stop()
    shutil.rmtree(_data_dir, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _clean_up()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs no database has run on the first engine, and can tell nothing new on the second."""
    if os.environ["POSTA_TEST_ENGINE"] == "postgres" and not config.option.file_or_dir:
        spared = [item for item in items if not _needs_a_database(item)]
        config.hook.pytest_deselected(items=spared)
        items[:] = [item for item in items if _needs_a_database(item)]


def _needs_a_database(item: pytest.Item) -> bool:
    """By its marker or by a fixture that opens the way to one (pytest-django bars it for all others); or it
    starts processes, which no fixture tells.
    """
    if item.get_closest_marker("once"):
        return False
    if item.path.parts[-2] in PROCESSES or item.get_closest_marker("django_db"):
        return True
    defined: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009  # pytest keeps it so
    ours = [one for found in defined.values() for one in found if one.baseid]
    return bool({"db", "transactional_db"} & defined.keys()) or any(
        "django_db_blocker" in one.argnames for one in ours
    )


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Whatever language a test left on, the next one starts in English."""
    translation.activate("en")
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _nobody_has_tried_to_log_in() -> None:
    """The limits of log-ins count by the minute, and the minute may have begun in another test."""
    cache.clear()


@pytest.fixture(scope="session")
def database_shelf(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[DatabaseShelf]:
    """Migrated empty databases; database access is open while it lives."""
    with django_db_blocker.unblock():
        shelf = DatabaseShelf(tmp_path_factory.mktemp("shelf"))
        yield shelf
        shelf.close()


@pytest.fixture
def data_dir() -> Path:
    """The directory of the node that the tests run as."""
    return _data_dir
