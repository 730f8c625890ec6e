"""Reads of the log worth a name.

Lives here: `history_of(row)`: every change to every field, who, where, when, what it replaced, and where it
has been received. At a clinic that only downloaded a record the log has no changes of it; then the record's
heads are its history.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sync.core.clock import millis_of
from sync.core.merge import GONE, Dot, Value, Write
from sync.core.protocol import Change, from_canonical
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.replicas import received_by_receipt
from sync.node import current_node
from sync.records import SyncedModel
from sync.rowstate import made_write, plain_fields, state_of_row
from sync.tables import Table, table_of


@dataclass(slots=True)
class HistoryEntry:
    """One value that one field was given. `at` is the writer's clock, corrected by the offset known then.
    `at_central` may be known without the time: after a restore central says what it has, receipt or not.
    """

    field: str
    value: Any
    stamp: int
    at: datetime
    corrected: bool
    author: UUID | None
    device: str
    replica: UUID
    seq: int
    node_name: str
    received_at: dict[str, datetime | None]
    at_central: bool
    shown: bool = False
    contested: bool = False
    state: str = "applied"
    replaced: list[Any] = dataclasses.field(default_factory=list)


def was_saved(save_id: UUID | None) -> bool:
    """Whether this save was made here before."""
    return save_id is not None and ChangeRow.objects.filter(save_id=save_id, replica__is_self=True).exists()


def history_of(row: SyncedModel) -> list[HistoryEntry]:
    """All entries of a record, oldest first."""
    table = table_of(type(row))
    replicas = {replica.uuid: replica for replica in Replica.objects.all()}
    entries: list[HistoryEntry] = []
    for change in ChangeRow.objects.filter(record_id=row.pk).select_related("replica").order_by("id"):
        made = from_canonical(bytes(change.body))
        word = (
            "applied"
            if change.state == ChangeRow.State.APPLIED
            else ChangeRow.State(change.state).label.lower()
        )
        entries += _entries(table, made.write(_received(change, made)), _set_by(made), replicas, word)
    logged = {(entry.replica, entry.seq) for entry in entries}
    for write, fields in _writes_of(table, row):
        if (write.dot.replica, write.dot.seq) not in logged:
            entries += _entries(table, write, fields, replicas, "applied")
    entries.sort(key=lambda entry: (entry.stamp, entry.replica.bytes, entry.seq))
    _note_standing(table, row, entries)
    return entries


def instant(stamp: int, offset_ms: int = 0) -> datetime:
    """The time of a packed stamp, corrected by what its writer knew of its clock's error."""
    return datetime.fromtimestamp((millis_of(stamp) + offset_ms) / 1000, tz=UTC)


def _received(row: ChangeRow, made: Change) -> int | None:
    """When central received it. What this laptop wrote, also before it was restored, only the receipts
    say.
    """
    if row.received is None and not current_node().is_central:
        return received_by_receipt([made.seq], row.replica_id).get(made.seq)
    return row.received


def _set_by(made: Change) -> dict[str, Value]:
    return made.fields


def _writes_of(table: Table, row: SyncedModel) -> list[tuple[Write, dict[str, Value]]]:
    """The record's heads, gathered by the write that set them."""
    if row.versions is None:
        return [(made_write(row), plain_fields(table, row))]
    found: dict[Dot, tuple[Write, dict[str, Value]]] = {}
    for name, heads in state_of_row(table, row).items():
        for head in heads:
            if name != GONE or head.value is True:
                found.setdefault(head.write.dot, (head.write, {}))[1][name] = head.value
    return list(found.values())


def _entries(
    table: Table, write: Write, fields: dict[str, Value], replicas: dict[UUID, Replica], state: str
) -> list[HistoryEntry]:
    central = None if write.received is None else instant(write.received)
    writer = replicas.get(write.dot.replica)
    at = instant(write.stamp, write.clock_offset_ms)
    return [
        HistoryEntry(
            field=name,
            value=_python(table, name, value),
            stamp=write.stamp,
            at=at,
            corrected=write.clock_offset_ms != 0,
            author=write.author,
            device=write.device,
            replica=write.dot.replica,
            seq=write.dot.seq,
            node_name=writer.node_name if writer else "",
            received_at={"laptop": at, "central": central},
            at_central=current_node().is_central
            or central is not None
            or (writer is not None and write.dot.seq <= writer.acked_seq),
            state=state,
        )
        for name, value in fields.items()
    ]


def _note_standing(table: Table, row: SyncedModel, entries: list[HistoryEntry]) -> None:
    """Mark which entries are heads, which is shown, and what each one replaced."""
    state = state_of_row(table, row)
    before: dict[str, list[HistoryEntry]] = {}
    for entry in entries:
        entry.replaced = [old.value for old in before.get(entry.field, [])[-1:]]
        before.setdefault(entry.field, []).append(entry)
    for name, heads in state.items():
        dots = {(head.write.dot.replica, head.write.dot.seq) for head in heads}
        standing = [entry for entry in before.get(name, []) if (entry.replica, entry.seq) in dots]
        for entry in standing:
            entry.contested = len(standing) > 1 and len({repr(other.value) for other in standing}) > 1
            entry.shown = len(standing) == 1 or entry.value == _shown_value(table, row, name)


def _shown_value(table: Table, row: SyncedModel, name: str) -> Any:
    if name == GONE:
        return row.gone
    column = table.column_of(name)
    if column is None:
        return None
    value = getattr(row, column.attname)
    return value.get(name.partition(".")[2]) if column.keyed else value


def _python(table: Table, name: str, value: Value) -> Any:
    if name == GONE:
        return value
    try:
        return table.python(name, value)
    except ValueError:
        return value
