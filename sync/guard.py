"""The last wall in front of synced tables: the statement itself.

Lives here: `watch`, put before every statement that Django sends on any connection. The querysets and models
of `sync/records.py` refuse a stray write with a name for what was tried; but a plain `QuerySet(Patient)`, a
proxy model with a manager of its own, Django's deletion collector and hand-written SQL pass them by, and none
of them passes here. Not here: who opens the door (`sync/apply.py`). What goes around Django's cursors –
another program with the database's key – only the chains and digests can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.db.backends.signals import connection_created

from sync.records import refuse_stray

WRITES: Final = re.compile(
    r"\b(INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM"
    r"|TRUNCATE(?:\s+TABLE)?)"
    r"\s+(?:ONLY\s+)?(?:[\"`]?\w+[\"`]?\.)?[\"`]?(\w+)",
    re.IGNORECASE,
)
# One statement that reads, or whose first words say what it writes: nearly all there are.
PLAIN: Final = re.compile(r"(?:SELECT|(INSERT|REPLACE|UPDATE|DELETE))\b[^;]*+$", re.IGNORECASE)
COMMENTS: Final = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


@cache
def _synced() -> frozenset[str]:
    from sync.tables import synced_models

    return frozenset(model._meta.db_table for model in synced_models())


def watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """A Django execute wrapper: refuse a statement that writes to a synced table while no door is open."""
    for verb, table in _written(sql) if isinstance(sql, str) else ():
        if table in _synced():
            refuse_stray(f"{verb} {table}")
    return execute(sql, params, many, context)


def _written(sql: str) -> list[tuple[str, str]]:
    """What a statement writes to, as (verb, table)."""
    plain = PLAIN.match(sql)
    if plain is None:
        return WRITES.findall(COMMENTS.sub(" ", sql))
    if not plain[1]:
        return []
    first = WRITES.match(sql)
    return [(first[1], first[2])] if first else WRITES.findall(COMMENTS.sub(" ", sql))


def _post(connection: Any, **_more: Any) -> None:
    if watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)


def stand_guard() -> None:
    """From now on every connection is watched."""
    connection_created.connect(_post, dispatch_uid="sync.guard")
