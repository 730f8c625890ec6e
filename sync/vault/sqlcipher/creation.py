"""Test databases of the encrypted engine: files, because what a test must see (locks, WAL, ciphertext) needs
files.

Not here: databases of a running node.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import NotSupportedError
from django.db.backends.sqlite3.creation import DatabaseCreation as PlainCreation

COMPANIONS = ("-wal", "-shm", ".turn")


class DatabaseCreation(PlainCreation):
    def _get_test_db_name(self) -> str:
        named = self.connection.settings_dict["TEST"]["NAME"]
        if named:
            return str(named)
        path = Path(self.connection.settings_dict["NAME"])
        return str(path.with_name(f"test_{path.name}"))

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        name: str = super()._create_test_db(verbosity, autoclobber, keepdb)  # type: ignore[misc]  # no stub
        if not keepdb:
            self._remove(name, COMPANIONS)
        return name

    def _clone_test_db(self, suffix: str, verbosity: int, keepdb: bool = False) -> None:
        raise NotSupportedError(
            "Run tests in parallel with pytest-xdist: each worker makes its own database."
        )

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        if not self.is_in_memory_db(test_database_name):
            self._remove(test_database_name, ("", *COMPANIONS))

    def _remove(self, name: str, endings: tuple[str, ...]) -> None:
        for ending in endings:
            Path(name + ending).unlink(missing_ok=True)

    def test_db_signature(self) -> Any:
        return (self.connection.settings_dict["NAME"], self._get_test_db_name())
