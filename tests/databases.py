"""Databases for the test world: made once from the migrations, then copied for every site.

Lives here: `DatabaseShelf`. The encrypted engine copies a file; PostgreSQL clones a template. With PostgreSQL
under test central stands on it and the clinics on the encrypted engine, as in the field.
"""

from __future__ import annotations

import copy
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend

Settings = dict[str, Any]


def _connection(wanted: Settings) -> Any:
    return load_backend(wanted["ENGINE"]).DatabaseWrapper(wanted, "default")


@contextmanager
def _as_default(connection: Any) -> Iterator[None]:
    before = connections["default"]
    connections["default"] = connection
    try:
        yield
    finally:
        connections["default"] = before


class DatabaseShelf:
    """Hands out migrated, empty databases."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = os.environ.get("POSTA_TEST_ENGINE") == "postgres"
        self._file = self._make_file_template()
        self._database = self._make_postgres_template() if self.postgres else ""

    def take(self, directory: Path, *, central: bool) -> Any:
        """A fresh database for a site, as a connection."""
        if central and self.postgres:
            return self._clone()
        path = directory / "posta.db"
        shutil.copy(self._file, path)
        return _connection(self._embedded(path))

    def put_back(self, connection: Any) -> None:
        """Drop what was cloned; files go with their directory."""
        name = str(connection.settings_dict["NAME"])
        if name.startswith("world_"):
            with self._maintenance() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Drop the template; nothing of it is left on the server."""
        if self._database:
            with self._maintenance() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)')

    def _embedded(self, path: Path) -> Settings:
        wanted = copy.deepcopy(settings.EMBEDDED)
        wanted["NAME"] = str(path)
        return _completed(wanted)

    def _make_file_template(self) -> Path:
        path = self.directory / "template.db"
        connection = _connection(self._embedded(path))
        with _as_default(connection):
            call_command("migrate", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return path

    def _make_postgres_template(self) -> str:
        # Several shelves may stand in one process: each has a template, and drops no other's.
        name = f"world_template_{uuid.uuid4().hex[:12]}"
        with self._maintenance() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        connection = _connection(self._server(name))
        with _as_default(connection):
            call_command("migrate", verbosity=0, interactive=False)
        connection.close()
        return name

    def _clone(self) -> Any:
        name = f"world_{uuid.uuid4().hex[:16]}"
        with self._maintenance() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._database}"')
        return _connection(self._server(name))

    def _server(self, name: str) -> Settings:
        wanted = copy.deepcopy(settings.DATABASES["default"])
        wanted["NAME"] = name
        return _completed(wanted)

    @contextmanager
    def _maintenance(self) -> Iterator[Any]:
        connection = _connection(self._server("postgres"))
        connection.set_autocommit(True)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _completed(wanted: Settings) -> Settings:
    """The keys that Django itself fills in for the databases it knows from the settings."""
    defaults: Settings = {
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {},
        "TIME_ZONE": None,
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
        "TEST": {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None},
    }
    return {**defaults, **wanted, "TEST": defaults["TEST"]}
