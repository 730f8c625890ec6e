"""Changes and states from anywhere → rows: the one merge into the database.

Lives here: `settle`, used alike by `recording` (a local save), by central's intake (a batch), by the release
of held saves and by the clinic's download (states). It locks the records, merges, takes feed positions
(central), writes rows in bulk, keeps the list of conflicts and calls the rooms' `on_apply`. Not here: the log
(`sync/ledger`), validation (`sync/checks.py`). The caller holds the transaction. Read next:
`sync/rowstate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sync.bulk import insert
from sync.codecs import CodecError
from sync.core.merge import GONE, Head, Past, State, Value, Write, conflicts, merge, state_of
from sync.core.protocol import Change
from sync.feed.positions import place, take
from sync.node import current_node
from sync.records import SyncedModel, door, scope_key
from sync.review.models import Conflict
from sync.rowstate import (
    columns_of,
    fresh_row,
    is_plain,
    plain_row,
    put_state,
    state_of_row,
    with_receipts,
    write_columns,
)
from sync.tables import Table, table_named, table_rank

Outcome = Literal["applied", "merged", "conflicted", "repeat"]
CHUNK = 500


@dataclass(slots=True)
class Arrival:
    """News of one record: either one change (`write` and its `fields`) or a whole `state`. `origin` is a
    local replica number.
    """

    table: Table
    record_id: UUID
    origin: int
    write: Write | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    creating: bool = False
    state: State | None = None
    position: int | None = None

    def as_state(self) -> State:
        if self.state is not None or self.write is None:
            return self.state or {}
        return state_of(self.write, {GONE: False, **self.fields} if self.creating else self.fields)


@dataclass(slots=True)
class Settled:
    """What became of one arrival."""

    outcome: Outcome
    row: SyncedModel


@dataclass(slots=True)
class _Working:
    """A record while its arrivals are merged in memory. `state` is None while the fast way (written once)
    holds.
    """

    row: SyncedModel
    is_new: bool
    state: State | None = None
    changed: bool = False
    contested: list[str] | None = None
    origin: int = 0
    unseen: bool = False


def arrival_of(change: Change, origin: int, received: int | None) -> Arrival:
    """The arrival of one change; raises `KeyError` for a table that this version does not know (checked
    before).
    """
    table = table_named(change.table)
    if table is None:
        raise KeyError(change.table)
    creating = change.creates
    fields = change.fields
    if creating:
        fields = {name: value for name, value in fields.items() if not _is_default(table, name, value)}
    return Arrival(table, change.record_id, origin, change.write(received), fields, creating)


def _is_default(table: Table, name: str, value: Value) -> bool:
    if name == GONE:
        return value is False
    column = table.column_of(name)
    if column is None:
        return False
    return (
        value is None
        if column.keyed
        else (value == column.default_wire and column.default_wire is not None) or (value is None)
    )


def settle(arrivals: Sequence[Arrival], *, positions: bool = True) -> list[Settled]:
    """Merge arrivals, in order, into rows. At central every touched row gets a new position unless
    `positions` is false (a recording assigns them at its end). Answers one `Settled` per arrival, in
    order.
    """
    by_table: dict[str, list[int]] = {}
    for index, arrival in enumerate(arrivals):
        by_table.setdefault(arrival.table.name, []).append(index)
    settled: dict[int, Settled] = {}
    touched: list[tuple[Table, dict[UUID, _Working]]] = []
    for name in sorted(by_table, key=table_rank):
        indexes = by_table[name]
        table = arrivals[indexes[0]].table
        records = _load(table, {arrivals[index].record_id for index in indexes})
        for index in indexes:
            settled[index] = _take_in(table, records, arrivals[index])
        touched.append((table, records))
    if positions and current_node().is_central:
        assign_positions(
            [(t, [(w.row, w.origin, w.unseen) for w in r.values() if w.changed]) for t, r in touched]
        )
    for table, records in touched:
        _write(table, [working for working in records.values() if working.changed])
    return [settled[index] for index in range(len(arrivals))]


def assign_positions(touched: Sequence[tuple[Table, Sequence[tuple[SyncedModel, int, bool]]]]) -> None:
    """Lock the counters, sorted, and give every (row, origin, whether it holds what the origin had not seen)
    a new place in the feed. Rows are not saved here.
    """
    counts: dict[str, int] = {}
    for table, rows in touched:
        counts[table.name] = counts.get(table.name, 0) + len(rows)
    runs = take(counts)
    for table, rows in touched:
        for row, origin, unseen in rows:
            place(row, runs[table.name].take(), origin, unseen=unseen)


def _load(table: Table, ids: set[UUID]) -> dict[UUID, _Working]:
    found: dict[UUID, _Working] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        rows = table.model.objects.select_for_update().filter(pk__in=wanted[start : start + CHUNK])
        for row in rows.order_by("pk"):
            found[row.pk] = _Working(row, is_new=False)
    return found


def _take_in(table: Table, records: dict[UUID, _Working], arrival: Arrival) -> Settled:
    working = records.get(arrival.record_id)
    if working is None:
        working = records[arrival.record_id] = _first(table, arrival)
        working.origin = arrival.origin
        return Settled("conflicted" if working.contested else "applied", working.row)
    outcome = _merge_in(table, working, arrival)
    if arrival.position is not None:
        working.row.position = arrival.position
        working.changed = True
    return Settled(outcome, working.row)


def _first(table: Table, arrival: Arrival) -> _Working:
    """A record that this database did not have."""
    if arrival.creating and arrival.write is not None and arrival.write.past.is_empty:
        with suppress(CodecError):  # a newer version's value: the slow way keeps it
            row = plain_row(table, arrival.record_id, write_columns(arrival.write), arrival.fields)
            row.position = arrival.position
            return _Working(row, is_new=True, changed=True)
    state = arrival.as_state()
    row = fresh_row(table, arrival.record_id, state)
    row.position = arrival.position
    contested = _contested(table, state)
    return _Working(row, is_new=True, state=state, changed=True, contested=contested)


def _merge_in(table: Table, working: _Working, arrival: Arrival) -> Outcome:
    before = working.state if working.state is not None else state_of_row(table, working.row)
    before = with_receipts(before)
    incoming = arrival.as_state()
    after = merge(before, incoming)
    if after == before:
        return "repeat"
    contested = _contested(table, after)
    put_state(table, working.row, after)
    working.state, working.changed, working.contested = after, True, contested
    working.origin = arrival.origin
    working.unseen = not _fast_forward(before, incoming)
    if _concerns(contested, incoming):
        return "conflicted"
    return "merged" if working.unseen else "applied"


def _concerns(contested: Iterable[str], incoming: State) -> bool:
    return any(name in incoming or name == GONE for name in contested)


def _fast_forward(before: State, incoming: State) -> bool:
    """Whether everything that was here had been seen by what came."""
    pasts: dict[UUID, Past] = {}
    for heads in incoming.values():
        for head in heads:
            past = pasts.get(head.write.dot.replica)
            joined = head.write.past.including(head.write.dot)
            pasts[head.write.dot.replica] = joined if past is None else past.join(joined)
    return all(
        any(past.covers(head.write.dot) for past in pasts.values())
        for heads in before.values()
        for head in heads
    )


def _contested(table: Table, state: State) -> list[str]:
    columns = columns_of(table, state)
    by_name = {column.name: columns[column.attname] for column in table.columns.values()}
    return conflicts(state, lambda name: table.rule(name, by_name))


def _write(table: Table, workings: Sequence[_Working]) -> None:
    if not workings:
        return
    new = [working.row for working in workings if working.is_new]
    old = [working.row for working in workings if not working.is_new]
    with door():
        if new:
            insert(table.model, new)
        if old:
            table.model.objects.bulk_create(
                old,
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=[f.name for f in table.model._meta.concrete_fields if not f.primary_key],
            )
    _keep_conflicts(table, workings)
    if table.sync.on_apply is not None:
        table.sync.on_apply([working.row for working in workings])


def _keep_conflicts(table: Table, workings: Sequence[_Working]) -> None:
    complex_ones = [working for working in workings if working.contested is not None]
    if not complex_ones:
        return
    now = current_node().wall()
    wanted = {(working.row.pk, name) for working in complex_ones for name in working.contested or ()}
    present = Conflict.objects.filter(table=table.name, record_id__in=[w.row.pk for w in complex_ones])
    known = {(conflict.record_id, conflict.field): conflict.pk for conflict in present}
    Conflict.objects.filter(pk__in=[pk for key, pk in known.items() if key not in wanted]).delete()
    scopes = {working.row.pk: scope_key(working.row) for working in complex_ones}
    Conflict.objects.bulk_create(
        Conflict(table=table.name, record_id=pk, field=name, scope=scopes[pk], since=now)
        for pk, name in sorted(wanted)
        if (pk, name) not in known
    )


def rewrite_contested(table: Table, ids: Sequence[UUID]) -> None:
    """After a receipt: what contested rows show may depend on when central received our writes."""
    rows = table.model.objects.select_for_update().filter(pk__in=list(ids), versions__isnull=False)
    changed: list[_Working] = []
    for row in rows.order_by("pk"):
        before = state_of_row(table, row)
        after = with_receipts(before)
        if after is not before:
            put_state(table, row, after)
            changed.append(_Working(row, False, after, True, _contested(table, after)))
    _write(table, changed)


def show_what_is_known_now(table: Table, row: SyncedModel) -> bool:
    """After an upgrade: let a row show what older code could only keep. Answers whether that was anything."""
    before = {name: getattr(row, name) for name in (*table.attnames, "versions")}
    state = state_of_row(table, row)
    put_state(table, row, state)
    if before == {name: getattr(row, name) for name in before}:
        return False
    _write(table, [_Working(row, False, state, True, _contested(table, state))])
    return True


def heads_of(row: SyncedModel, table: Table, name: str) -> tuple[Head, ...]:
    """The concurrent values of one field, in the order of their dots."""
    return state_of_row(table, row).get(name, ())


__all__ = [
    "Arrival",
    "Outcome",
    "Settled",
    "arrival_of",
    "assign_positions",
    "heads_of",
    "is_plain",
    "rewrite_contested",
    "settle",
    "show_what_is_known_now",
]
