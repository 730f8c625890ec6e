"""Databases of the encrypted engine, whatever engine the suite runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from sync.vault import datakey
from sync.vault.sqlcipher.base import DatabaseWrapper

Opener = Callable[..., DatabaseWrapper]


@pytest.fixture
def opened(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Opener]:
    """Open a connection to `tmp_path/vault.db`; each call is another connection."""
    made: list[Any] = []

    def open_one(**options: Any) -> DatabaseWrapper:
        description = {
            "ENGINE": "sync.vault.sqlcipher",
            "NAME": str(tmp_path / "vault.db"),
            "OPTIONS": options,
        }
        connection: Any = ConnectionHandler({"default": description})["default"]
        connection.inc_thread_sharing()
        made.append(connection)
        return connection  # type: ignore[no-any-return]

    with django_db_blocker.unblock():
        yield open_one
        for connection in made:
            connection.close()


@pytest.fixture
def no_cached_key() -> Iterator[None]:
    datakey.forget()
    yield
    datakey.forget()
