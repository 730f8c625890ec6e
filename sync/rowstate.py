"""A database row ↔ the merge's state of a record.

Lives here: `state_of_row`, `columns_of` (what the row's columns must show for a state) and `is_plain`
(written once: no versions blob). A field that still holds its declared default since creation is not in the
state: every write has seen it. Not here: which arrivals are merged (`sync/apply.py`). Read next:
`sync/core/merge.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from sync.codecs import CodecError
from sync.core.merge import (
    GONE,
    Dot,
    Past,
    State,
    Value,
    Write,
    rewrite_received,
    shown,
    state_from_plain,
    state_of,
    state_to_plain,
)
from sync.ledger.replicas import central_uuid, number_of, received_by_receipt, self_uuid, uuid_of
from sync.node import current_node
from sync.records import SyncedModel
from sync.tables import Table

_NO_PAST = Past()
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


def made_write(row: SyncedModel) -> Write:
    """The change that created this row."""
    return Write(
        dot=Dot(uuid_of(row.made_replica), row.made_seq),
        past=_NO_PAST,
        stamp=row.made_stamp,
        received=row.made_received,
        author=row.made_by,
        device=row.made_on,
        clock_offset_ms=row.made_offset,
    )


def plain_fields(table: Table, row: SyncedModel) -> dict[str, Value]:
    """The wire values of a row's columns that are not at their default."""
    fields: dict[str, Value] = {}
    for name, column in table.columns.items():
        value = getattr(row, column.attname)
        if column.keyed:
            fields.update({f"{name}.{key}": inner for key, inner in value.items()})
        elif value != column.default:
            fields[name] = column.codec.wire(value)
    return fields


def state_of_row(table: Table, row: SyncedModel) -> State:
    """Every head of every field that was ever set."""
    if row.versions is not None:
        return state_from_plain(_unpack(bytes(row.versions)))
    return state_of(made_write(row), {**plain_fields(table, row), GONE: row.gone})


def with_receipts(state: State) -> State:
    """At a clinic: fill in when central received our own writes; the receipts say so, not the rows."""
    if current_node().is_central:
        return state
    mine = self_uuid()
    waiting = {
        head.write.dot.seq
        for heads in state.values()
        for head in heads
        if head.write.received is None and head.write.dot.replica == mine
    }
    for seq, received in received_by_receipt(waiting).items() if waiting else ():
        state = rewrite_received(state, Dot(mine, seq), received)
    return state


def single_write(state: State) -> Write | None:
    """The one write that all heads come from, if that is so."""
    found: Write | None = None
    for heads in state.values():
        if len(heads) != 1:
            return None
        write = heads[0].write
        if found is not None and write is not found and write != found:
            return None
        found = write
    return found


def is_plain(table: Table, state: State) -> Write | None:
    """The creating write where the record was written once and every field is known; then it needs no
    versions blob.
    """
    write = single_write(state)
    if write is None or not write.past.is_empty or GONE not in state:
        return None
    known = all(name == GONE or table.column_of(name) is not None for name in state)
    return write if known else None


def creating_write(state: State) -> Write:
    """The write that made the record, as far as its heads still tell: the living GONE head, else the
    earliest.
    """
    heads = [head.write for head in state.get(GONE, ()) if head.value is False]
    pool = heads or [head.write for field in state.values() for head in field]
    return min(pool, key=lambda write: (write.effective, write.dot))


def columns_of(table: Table, state: State) -> dict[str, Any]:
    """attname → value: what the row must show."""
    return _columns(table, state)[0]


def _columns(table: Table, state: State) -> tuple[dict[str, Any], bool]:
    """What the row must show, and whether this version knows every value. A newer version's code is shown as
    it came; what a column cannot hold stays at its default. The state keeps either.
    """
    central, known = central_uuid(), True
    columns = {column.attname: column.fresh_default() for column in table.columns.values()}
    by_name = {column.name: columns[column.attname] for column in table.columns.values()}
    for name in sorted(state, key=lambda field: "." in field):
        if name == GONE:
            continue
        column = table.column_of(name)
        if column is None:
            continue
        head = shown(state[name], table.rule(name, by_name), central)
        try:
            value, is_known = table.python_or_raw(name, head.value)
        except CodecError:
            known = False
            continue
        known = known and is_known
        if column.keyed:
            key = name.partition(".")[2]
            if value is not None:
                columns[column.attname][key] = value
        else:
            columns[column.attname] = by_name[column.name] = value
    columns["gone"] = shown(state[GONE], "latest", central).value is True if GONE in state else False
    return columns, known


def write_columns(write: Write) -> dict[str, Any]:
    """The `made_*` columns for the creating write."""
    return {
        "made_replica": number_of(write.dot.replica),
        "made_seq": write.dot.seq,
        "made_stamp": write.stamp,
        "made_received": write.received,
        "made_by": write.author,
        "made_on": write.device,
        "made_offset": write.clock_offset_ms,
    }


def put_state(table: Table, row: SyncedModel, state: State) -> None:
    """Set a row's columns and versions to a state; the row is not saved here."""
    columns, known = _columns(table, state)
    for attname, value in columns.items():
        setattr(row, attname, value)
    plain = is_plain(table, state) if known else None
    row.versions = None if plain is not None else _pack(state_to_plain(state))
    if plain is not None or row._state.adding:
        for attname, value in write_columns(creating_write(state) if plain is None else plain).items():
            setattr(row, attname, value)


def fresh_row(table: Table, record_id: UUID, state: State) -> SyncedModel:
    """A row that is not in the database yet."""
    row = table.model(id=record_id)
    put_state(table, row, state)
    return row


def plain_row(
    table: Table, record_id: UUID, made: Mapping[str, Any], fields: Mapping[str, Value]
) -> SyncedModel:
    """The fast way for a record that is written for the first time: no state, no merge. `made` as from
    `write_columns`. Raises `CodecError` for a value that this version does not know.
    """
    columns = dict(zip(table.attnames, table.fresh(), strict=True))
    columns["id"] = record_id
    columns.update(made)
    for name, value in fields.items():
        column = table.column_of(name)
        if column is None:
            continue
        if not column.keyed:
            columns[column.attname] = column.codec.python(value)
        elif value is not None:
            columns[column.attname][name.partition(".")[2]] = table.python(name, value)
    model: Any = table.model
    row: SyncedModel = model(*columns.values())
    return row
