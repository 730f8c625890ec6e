"""The connection: Django's SQLite engine on SQLCipher's driver, with the settings a clinic's laptop needs.

Lives here: opening with the raw key, WAL with `synchronous=FULL`, `BEGIN IMMEDIATE` for every transaction,
and the writer's turn around each of them (`turn.py`). A `SELECT` outside `atomic` takes no lock and waits
for nobody. Not here: the key (`sync/vault/datakey.py`). Read next: `turn.py`.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db.backends.sqlite3 import base as plain
from django.db.backends.sqlite3._functions import register as register_functions
from django.db.backends.sqlite3.client import DatabaseClient as PlainClient
from django.db.backends.sqlite3.features import DatabaseFeatures as PlainFeatures
from django.utils.asyncio import async_unsafe
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from sqlcipher3 import dbapi2

from sync.vault.sqlcipher.creation import DatabaseCreation
from sync.vault.sqlcipher.turn import TurnRefused, WriteTurn

_READS: Final = re.compile(
    r"\s*(?:SELECT|PRAGMA|EXPLAIN|VALUES|ATTACH|DETACH|RELEASE|COMMIT|END|ROLLBACK)\b", re.IGNORECASE
)
_READS_WITH: Final = re.compile(
    r"\s*WITH\b(?!.*\b(?:INSERT|UPDATE|DELETE|REPLACE)\b)", re.IGNORECASE | re.DOTALL
)


def _from_text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda stored: parse(stored.decode())


dbapi2.register_converter("bool", b"1".__eq__)
dbapi2.register_converter("date", _from_text(parse_date))
dbapi2.register_converter("time", _from_text(parse_time))
dbapi2.register_converter("datetime", _from_text(parse_datetime))
dbapi2.register_converter("timestamp", _from_text(parse_datetime))
dbapi2.register_adapter(decimal.Decimal, str)
dbapi2.register_adapter(datetime.date, datetime.date.isoformat)
dbapi2.register_adapter(datetime.datetime, lambda moment: moment.isoformat(" "))


class DatabaseFeatures(PlainFeatures):
    max_query_params = (
        32_766  # the library allows 250,000; longer statements stopped being faster well before
    )


class DatabaseClient(PlainClient):
    executable_name = "sqlcipher"


class Cursor(dbapi2.Cursor):  # type: ignore[misc]  # the driver has no types
    """Django's placeholders turned into SQLite's; the turn taken before a statement that writes."""

    turn: WriteTurn | None = None

    def execute(self, query: str, params: Any = None) -> Any:
        if params is None:
            return self._in_turn(query, super().execute, query)
        names = list(params) if hasattr(params, "keys") else None
        return self._in_turn(query, super().execute, _placeholders(query, names), params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        rows = list(param_list)
        names = list(rows[0]) if rows and hasattr(rows[0], "keys") else None
        return self._in_turn(query, super().executemany, _placeholders(query, names), rows)

    def _in_turn(self, query: str, run: Callable[..., Any], *args: Any) -> Any:
        turn = self.turn
        if turn is None or (not turn.is_mine and _only_reads(query)):
            return run(*args)
        try:
            turn.take()
        except TurnRefused as refused:
            raise dbapi2.OperationalError(f"database is locked: {refused}") from None
        try:
            return run(*args)
        finally:
            if not self.connection.in_transaction:
                turn.give()


def _only_reads(query: str) -> bool:
    return bool(_READS.match(query) or _READS_WITH.match(query))


def _placeholders(query: str, names: list[str] | None) -> str:
    if names is None:
        return str(plain.FORMAT_QMARK_REGEX.sub("?", query)).replace("%%", "%")
    return query % {name: f":{name}" for name in names}


class DatabaseWrapper(plain.DatabaseWrapper):
    display_name = "SQLCipher"
    Database = dbapi2
    client_class = DatabaseClient
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.turn: WriteTurn | None = None

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.setdefault("timeout", 30)
        self.transaction_mode = "IMMEDIATE"
        return params

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        from sync.vault.datakey import data_key

        connection = dbapi2.connect(**conn_params)
        try:
            connection.execute(f"PRAGMA key = \"x'{data_key().hex()}'\"")
            self._check_key(connection)
            self._prepare(connection, conn_params)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_key(self, connection: Any) -> None:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except dbapi2.DatabaseError as error:
            if "not a database" not in str(error):
                raise
            from sync.vault.datakey import wrong_key

            raise wrong_key(str(self.settings_dict["NAME"])) from None

    def _prepare(self, connection: Any, conn_params: dict[str, Any]) -> None:
        register_functions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA legacy_alter_table = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        if self.is_in_memory_db():
            self.turn = None
            return
        self.turn = WriteTurn(f"{conn_params['database']}.turn", conn_params["timeout"])
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self._turn_on_wal(connection, self.turn)

    def _turn_on_wal(self, connection: Any, turn: WriteTurn) -> None:
        turn.take()  # the switch of a new file needs it alone, and does not wait for its neighbours by itself
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            turn.give()

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = self.connection.cursor(factory=Cursor)
        cursor.turn = self.turn
        return cursor

    def _set_autocommit(self, autocommit: bool) -> None:
        with self.wrap_database_errors:
            self.connection.isolation_level = None if autocommit else "IMMEDIATE"

    def _commit(self) -> Any:
        done = super()._commit()  # type: ignore[misc]  # the stubs leave it out
        self._give_turn()  # a commit that fails keeps the turn: the rollback that follows needs it
        return done

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _give_turn(self) -> None:
        if self.turn is not None:
            self.turn.give()
