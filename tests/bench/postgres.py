"""Central on PostgreSQL, for measuring: one server, a database for each directory of a central.

Lives here: `Databases`. Not here: where the server programs come from (`tests/services.py`).
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.services import start_postgres


class Databases:
    """A durable server of its own, and copies of a prepared central's database."""

    def __init__(self) -> None:
        self._server = start_postgres(durable=True)

    def url(self, directory: Path) -> str:
        return self._named(_name(directory))

    def make(self, directory: Path) -> None:
        self._create(_name(directory), "template0")

    def copy(self, source: Path, target: Path) -> None:
        self._create(_name(target), _name(source))

    def close(self) -> None:
        self._server.stop()

    def _named(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server.url)._replace(path=f"/{name}"))

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._named("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _name(directory: Path) -> str:
    return f"bench_{directory.name.replace('-', '_')}"
