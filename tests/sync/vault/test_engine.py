"""The encrypted database engine: ciphertext below, Django's behaviour above, and writers that queue."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, models, transaction
from django.test.utils import isolate_apps

from sync.problems import Problem
from sync.vault.sqlcipher.base import DatabaseWrapper
from sync.vault.sqlcipher.turn import TurnRefused, WriteTurn

Opener = Callable[..., DatabaseWrapper]
ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("writer.py")
LINE = "CREATE TABLE line (id integer PRIMARY KEY AUTOINCREMENT, number integer UNIQUE, words text)"


def run(connection: DatabaseWrapper, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def atomic(connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> transaction.Atomic:
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connection)
    return transaction.atomic()


def has_turn(connection: DatabaseWrapper) -> bool:
    return connection.turn is not None and connection.turn.is_mine


def start_writer(database: Path, transactions: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(database), str(transactions), *more]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# --- on the disk -------------------------------------------------------------------------------------------


def test_nothing_readable_reaches_the_disk(opened: Opener, tmp_path: Path) -> None:
    connection = opened()
    run(connection, LINE)
    for number in range(500):
        run(
            connection,
            "INSERT INTO line (number, words) VALUES (%s, %s)",
            [number, f"CANARY-Achieng-{number}"],
        )
    run(connection, "CREATE INDEX by_words ON line (words)")
    run(connection, "SELECT words FROM line ORDER BY random()")

    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"vault.db", "vault.db-wal"} <= set(files)
    assert len(files["vault.db-wal"]) > 4096
    for name, content in files.items():
        assert b"CANARY" not in content, name
        assert b"CREATE TABLE" not in content, name
        assert not content.startswith(b"SQLite format 3"), name


def test_plain_sqlite_cannot_open_it(opened: Opener, tmp_path: Path) -> None:
    import sqlite3

    connection = opened()
    run(connection, LINE)
    connection.close()
    plain = sqlite3.connect(tmp_path / "vault.db")
    try:
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            plain.execute("SELECT * FROM line")
    finally:
        plain.close()


def test_another_key_gets_a_sentence_and_changes_nothing(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_cached_key: None
) -> None:
    first = opened()
    run(first, LINE)
    first.close()
    before = (tmp_path / "vault.db").read_bytes()

    monkeypatch.setenv("POSTA_TEST_DATA_KEY", "ab" * 32)
    from sync.vault import datakey

    datakey.forget()
    with pytest.raises(Problem) as refused:
        run(opened(), "SELECT 1")
    assert refused.value.code == "wrong-data-key"
    assert (tmp_path / "vault.db").read_bytes() == before


def test_a_copy_by_the_backup_call_opens_with_the_same_key(opened: Opener, tmp_path: Path) -> None:
    source = opened()
    run(source, LINE)
    run(source, "INSERT INTO line (number, words) VALUES (7, 'CANARY')")
    copy: Any = opened()
    copy.settings_dict["NAME"] = str(tmp_path / "copy.db")
    copy.ensure_connection()
    connection: Any = source.connection
    connection.backup(copy.connection)
    assert run(copy, "SELECT number, words FROM line") == [(7, "CANARY")]
    assert b"CANARY" not in (tmp_path / "copy.db").read_bytes()


# --- as promised to the rest of the code -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("temp_store", 2)],
)
def test_every_connection_is_durable_and_strict(opened: Opener, pragma: str, value: object) -> None:
    for connection in (opened(), opened()):
        assert run(connection, f"PRAGMA {pragma}") == [(value,)]


def test_the_drivers_errors_are_djangos(opened: Opener) -> None:
    connection = opened()
    run(connection, LINE)
    run(connection, "INSERT INTO line (number) VALUES (1)")
    with pytest.raises(IntegrityError):
        run(connection, "INSERT INTO line (number) VALUES (1)")
    with pytest.raises(OperationalError):
        run(connection, "SELECT * FROM no_such_table")
    assert issubclass(OperationalError, DatabaseError)


@isolate_apps("sync.vault")
def test_models_migrate_and_keep_their_types(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shelf(models.Model):
        class Meta:
            app_label = "vault_test"

    class Box(models.Model):
        id = models.UUIDField(primary_key=True)
        shelf = models.ForeignKey(Shelf, on_delete=models.PROTECT)
        made_at = models.DateTimeField()
        made_on = models.DateField()
        weight = models.DecimalField(max_digits=6, decimal_places=2)
        open = models.BooleanField()
        marks = models.JSONField()
        blob = models.BinaryField()

        class Meta:
            app_label = "vault_test"

    connection = opened()
    with connection.schema_editor() as editor:
        editor.create_model(Shelf)
        editor.create_model(Box)
    with connection.schema_editor() as editor:  # rebuilds the table, as SQLite must
        wider = models.DecimalField(max_digits=9, decimal_places=2, null=True)
        wider.set_attributes_from_name("weight")
        editor.alter_field(Box, Box._meta.get_field("weight"), wider)
    shelf, box_id = 1, uuid4()
    moment = datetime.datetime(2026, 3, 4, 5, 6, 7, 89000)  # noqa: DTZ001  the driver is given naive UTC
    run(connection, "INSERT INTO vault_test_shelf (id) VALUES (1)")
    run(
        connection,
        "INSERT INTO vault_test_box (id, shelf_id, made_at, made_on, weight, open, marks, blob)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [box_id.hex, shelf, moment, moment.date(), Decimal("12.50"), True, '{"a": 1}', b"\x00\xff"],
    )
    row = run(connection, "SELECT made_at, made_on, open, blob FROM vault_test_box WHERE weight > %s", [12])
    assert row == [(moment, moment.date(), True, b"\x00\xff")]
    names = connection.introspection.table_names()
    assert {"vault_test_shelf", "vault_test_box"} <= set(names)


def test_djangos_functions_are_there(opened: Opener) -> None:
    sql = "SELECT django_date_trunc('month', '2026-03-04', NULL, NULL), 'Amina' REGEXP '^A', MD5('a')"
    assert run(opened(), sql) == [("2026-03-01", 1, "0cc175b9c0f1b6a831c399e269772661")]


# --- writers queue -----------------------------------------------------------------------------------------


def test_a_transaction_starts_as_a_writer_and_ends_its_turn(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = opened()
    run(connection, LINE)
    with atomic(connection, monkeypatch):
        assert has_turn(connection)
        run(connection, "INSERT INTO line (number) VALUES (1)")
        with atomic(connection, monkeypatch):
            run(connection, "INSERT INTO line (number) VALUES (2)")
        assert has_turn(connection)
    assert not has_turn(connection)


def test_a_rollback_and_a_lost_connection_end_the_turn(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = opened()
    run(connection, LINE)
    with pytest.raises(ZeroDivisionError), atomic(connection, monkeypatch):
        run(connection, "INSERT INTO line (number) VALUES (1)")
        raise ZeroDivisionError
    assert not has_turn(connection)
    assert run(connection, "SELECT count(*) FROM line") == [(0,)]

    run(connection, "BEGIN IMMEDIATE")
    assert has_turn(connection)
    connection.close()
    assert not has_turn(connection)
    run(opened(timeout=0.2), "INSERT INTO line (number) VALUES (2)")


def test_a_reader_outside_a_transaction_waits_for_nobody(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = opened(), opened(timeout=0.2)
    run(writer, LINE)
    with atomic(writer, monkeypatch):
        run(writer, "INSERT INTO line (number) VALUES (1)")
        assert run(reader, "SELECT count(*) FROM line") == [(0,)]
        assert run(reader, "WITH one AS (SELECT 1) SELECT count(*) FROM line, one") == [(0,)]
        assert not has_turn(reader)
    assert run(reader, "SELECT count(*) FROM line") == [(1,)]


def test_a_single_write_outside_a_transaction_takes_its_turn_too(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, other = opened(), opened(timeout=0.1)
    run(writer, LINE)
    with atomic(writer, monkeypatch), pytest.raises(OperationalError, match="another connection"):
        run(other, "INSERT INTO line (number) VALUES (1)")
    run(other, "INSERT INTO line (number) VALUES (1) RETURNING number")
    assert not has_turn(other)


def test_a_turn_that_never_comes_is_refused_in_time(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    mine, theirs = WriteTurn(path, 5), WriteTurn(path, 0.1)
    mine.take()
    said: list[str] = []

    def try_it() -> None:
        try:
            theirs.take()
        except TurnRefused as refused:
            said.append(str(refused))

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join(5)
    assert said == ["another connection has been writing for 0.1 seconds"]
    mine.give()
    theirs.take()  # the waiter that gave up did not keep the lock
    theirs.give()


def test_a_thread_that_would_wait_for_itself_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    mine, also_mine = WriteTurn(path, 60), WriteTurn(path, 60)
    mine.take()
    mine.take()
    with pytest.raises(TurnRefused, match="this thread"):
        also_mine.take()
    mine.give()
    mine.give()
    also_mine.take()
    also_mine.give()


def test_threads_of_one_process_take_turns(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened()
    run(first, LINE)
    failures: list[Exception] = []

    def write(connection: DatabaseWrapper) -> None:
        try:
            for _ in range(40):
                run(connection, "BEGIN IMMEDIATE")
                highest = run(connection, "SELECT coalesce(max(number), 0) FROM line")[0][0]
                run(connection, "INSERT INTO line (number) VALUES (%s)", [highest + 1])
                run(connection, "COMMIT")
        except DatabaseError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[opened()]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert run(first, "SELECT count(*), max(number) FROM line") == [(240, 240)]


def test_eight_processes_never_meet_a_locked_database(opened: Opener, tmp_path: Path) -> None:
    connection = opened()
    run(connection, LINE)
    writers = [start_writer(tmp_path / "vault.db", 40) for _ in range(8)]
    said = [writer.communicate(timeout=120) for writer in writers]
    assert said == [("40\n", "")] * 8
    assert run(connection, "SELECT count(*), max(number) FROM line") == [(320, 320)]


def test_a_killed_writer_neither_keeps_its_turn_nor_its_half_transaction(
    opened: Opener, tmp_path: Path
) -> None:
    connection = opened(timeout=5)
    run(connection, LINE)
    writer = start_writer(tmp_path / "vault.db", 1, "stop")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "inside\n"
    writer.kill()
    writer.communicate()
    run(connection, "INSERT INTO line (number, words) VALUES (1, 'after')")
    assert run(connection, "SELECT words FROM line") == [("after",)]
