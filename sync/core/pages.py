"""Merged states on their way down: one page of records with the writes that their heads come from.

Here: `StateRecord`, `encode_page`, `decode_page`.

In order: how many · layouts · the table of ids · whose writes and their seqs · stamps · record ids ·
positions · received, who and pasts of the writes · one column for each field of each table. Writes stand
replica by replica, where seqs and stamps rise together. A reference to a record of the same page is its
place.

Not here: which records a page holds and where the next one starts (sync/feed).

Read next: receipts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeVar
from uuid import UUID

from sync.core.columns import Context, ids_in, read_column, write_column
from sync.core.ids import IdTable, read_ids, read_table, table_of, write_ids, write_table
from sync.core.ints import pick, read_ints, write_ints
from sync.core.layouts import Layout, plain_first, read_layouts, write_layouts
from sync.core.merge import LARGEST, Dot, Head, State, Value, Write, state_of
from sync.core.rows import (
    PAST_KINDS,
    Shape,
    Who,
    bounded,
    listed,
    past_kind,
    read_pasts,
    read_stamps,
    read_who,
    replicas_in,
    times_of,
    write_pasts,
    write_stamps,
    write_who,
)
from sync.core.wire import (
    DEFAULT_LEVEL,
    DEFAULT_LIMITS,
    DICTIONARY,
    PAGE,
    BatchTooLarge,
    Limits,
    MalformedBatch,
    Reader,
    Writer,
    malformed_as,
    seal,
    unseal,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One record. Written once: `write` and `fields`. Otherwise `write` is None and `heads` has the whole
    state.
    """

    table: str
    record_id: UUID
    position: int
    schema: int
    write: Write | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    heads: State = field(default_factory=dict)

    @property
    def state(self) -> State:
        return self.heads if self.write is None else state_of(self.write, self.fields)


class _Cut(NamedTuple):
    """A record taken apart: values in the order of the layout."""

    layout: tuple[Shape, tuple[int, ...]]
    writes: Sequence[Write]
    values: Sequence[Value]


def encode_page(
    records: Sequence[StateRecord], level: int = DEFAULT_LEVEL, *, dictionary: int = DICTIONARY
) -> bytes:
    """Raises ValueError for what cannot travel, `BatchTooLarge` for what must be cut smaller."""
    if len(records) > DEFAULT_LIMITS.max_records:
        raise BatchTooLarge(f"a page holds at most {DEFAULT_LIMITS.max_records} records")
    cuts = [_cut(record) for record in records]
    found, chosen = listed(cut.layout for cut in cuts)
    layouts, chosen = plain_first([Layout(*one) for one in found], chosen)
    plan = _plan(layouts, chosen)
    writes = [write for cut in cuts for write in cut.writes]
    columns = _columns(plan, chosen, cuts)
    places = {record.record_id.bytes: row for row, record in enumerate(records)}
    table = table_of(_ids_of(writes, columns), places)
    writer = Writer()
    writer.varint(len(records))
    write_layouts(writer, layouts)
    write_ints(writer, chosen)
    write_table(writer, table)
    order = _write_dots(writer, writes, table)
    times = times_of([write.stamp for write in writes])
    write_ids(writer, [one.record_id.bytes for one in records], [times[first] for first in plan.firsts])
    write_ints(writer, bounded([record.position for record in records], 0, LARGEST, "a position"))
    expected = _expected([write.dot for write in writes], plan)
    _write_rest(writer, [writes[at] for at in order], [expected[at] for at in order], table)
    for cells, values in zip(plan.cells.values(), columns, strict=True):
        write_column(writer, values, Context([times[cell] for cell in cells], table.places))
    return seal(PAGE, writer, level, dictionary)


def decode_page(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> list[StateRecord]:
    """Raises `MalformedBatch` whatever the bytes are."""
    with malformed_as("malformed"):
        reader = unseal(PAGE, blob, limits)
        records = _read_page(reader)
        reader.finish()
    return records


# Records to layouts


def _cut(record: StateRecord) -> _Cut:
    if record.write is not None:
        fields = sorted(record.fields)
        shape = Shape(record.table, record.schema, tuple(fields))
        values = [record.fields[name] for name in fields]
        return _Cut((shape, (0,) * len(fields)), [record.write], values)
    heads = [(name, head) for name in sorted(record.heads) for head in record.heads[name]]
    if not heads or not _in_order(record.heads):
        raise ValueError("a record has neither a write nor heads in the order of their dots")
    writes = sorted({head.write for _, head in heads}, key=_write_order)
    places = {write: place for place, write in enumerate(writes)}
    shape = Shape(record.table, record.schema, tuple(name for name, _ in heads))
    writers = tuple([places[head.write] for _, head in heads])
    return _Cut((shape, writers), writes, [head.value for _, head in heads])


def _write_order(write: Write) -> tuple[Dot, int]:
    return write.dot, LARGEST if write.received is None else write.received


@dataclass(frozen=True, slots=True)
class _Plan:
    """Writes counted through the page: the first of each record, the record of each, those behind each
    value.
    """

    firsts: Sequence[int]
    rows: Sequence[int]
    cells: Mapping[tuple[str, str], Sequence[int]]


def _plan(layouts: Sequence[Layout], chosen: Sequence[int]) -> _Plan:
    cells: dict[tuple[str, str], list[int]] = {}
    for layout in layouts:
        for name in layout.shape.fields:
            cells.setdefault((layout.shape.table, name), [])
    targets = [
        [
            (cells[layout.shape.table, name], number)
            for name, number in zip(layout.shape.fields, layout.writers, strict=True)
        ]
        for layout in layouts
    ]
    firsts: list[int] = []
    rows: list[int] = []
    for row, place in enumerate(chosen):
        first = len(rows)
        firsts.append(first)
        rows.extend([row] * layouts[place].writes)
        for column, number in targets[place]:
            column.append(first + number)
    return _Plan(firsts, rows, {key: cells[key] for key in sorted(cells)})


def _columns(plan: _Plan, chosen: Sequence[int], cuts: Sequence[_Cut]) -> list[list[Value]]:
    columns: dict[tuple[str, str], list[Value]] = {key: [] for key in plan.cells}
    targets: dict[int, list[list[Value]]] = {}
    for place, cut in zip(chosen, cuts, strict=True):
        if place not in targets:
            shape, _ = cut.layout
            targets[place] = [columns[shape.table, name] for name in shape.fields]
        for column, value in zip(targets[place], cut.values, strict=True):
            column.append(value)
    return list(columns.values())


def _ids_of(writes: Iterable[Write], columns: Iterable[Sequence[Value]]) -> set[bytes]:
    replicas = {write.dot.replica for write in writes}
    ids = {one.bytes for one in replicas.union(write.author for write in writes) if one is not None}
    for write in writes:
        if not write.past.is_empty:
            ids.update(replicas_in(write.past))
    for values in columns:
        ids |= ids_in(values)
    return ids


# Writes, replica by replica


def _by_replica(replicas: Sequence[int]) -> list[int]:
    return sorted(range(len(replicas)), key=replicas.__getitem__)


def _write_dots(writer: Writer, writes: Sequence[Write], table: IdTable) -> list[int]:
    replicas = [table.places[write.dot.replica.bytes] for write in writes]
    order = _by_replica(replicas)
    writer.charge(len(writes))
    write_ints(writer, replicas)
    write_ints(writer, bounded([writes[at].dot.seq for at in order], 1, LARGEST, "a seq"))
    write_stamps(writer, [writes[at].stamp for at in order])
    return order


def _expected(dots: Sequence[Dot], plan: _Plan) -> list[Dot | None]:
    """Whoever wrote to a record again had seen its first write."""
    firsts = [plan.firsts[row] for row in plan.rows]
    return [None if at == first else dots[first] for at, first in enumerate(firsts)]


def _write_rest(
    writer: Writer, writes: Sequence[Write], expected: Sequence[Dot | None], table: IdTable
) -> None:
    received = [write.received for write in writes]
    bounded([one for one in received if one is not None], 0, LARGEST, "a stamp")
    write_column(writer, received, Context([0] * len(received)))
    write_who(writer, [Who(one.author, one.device, one.clock_offset_ms) for one in writes], table)
    pasts = [write.past for write in writes]
    kinds = list(map(past_kind, pasts, expected))
    write_ints(writer, kinds)
    write_pasts(writer, pasts, kinds, table)


def _read_received(reader: Reader, number: int) -> list[int | None]:
    column = read_column(reader, number, Context([0] * number))
    received = [one for one in column if one is None or type(one) is int]
    bounded([one for one in received if one is not None], 0, LARGEST, "a stamp")
    if len(received) != number:
        raise MalformedBatch("bad-column", "A time of receipt is not a stamp.")
    return received


def _read_rest(
    reader: Reader,
    dots: Sequence[Dot],
    stamps: Sequence[int],
    expected: Sequence[Dot | None],
    ids: Sequence[UUID],
) -> list[Write]:
    received = _read_received(reader, len(dots))
    people = read_who(reader, len(dots), ids)
    kinds = bounded(read_ints(reader, len(dots)), 0, PAST_KINDS - 1, "a kind of past")
    pasts = read_pasts(reader, kinds, expected, ids)
    return [
        Write(dot, past, stamp, at, who.author, who.device, who.clock_offset_ms)
        for dot, past, stamp, at, who in zip(dots, pasts, stamps, received, people, strict=True)
    ]


# Reading


def _read_page(reader: Reader) -> list[StateRecord]:
    number = reader.count(reader.limits.max_records)
    layouts = read_layouts(reader, number)
    chosen = read_ints(reader, number)
    reader.charge(sum(one.writes + len(one.writers) for one in pick(layouts, chosen)))
    plan = _plan(layouts, chosen)
    plain, found = read_table(reader)
    replicas = read_ints(reader, len(plan.rows))
    order = _by_replica(replicas)
    seqs = bounded(read_ints(reader, len(order)), 1, LARGEST, "a seq")
    stamps = read_stamps(reader, len(order))
    times = times_of(_put_back(stamps, order))
    records = read_ids(reader, number, [times[first] for first in plan.firsts])
    ids = [*plain, *pick(records, found)]
    known = [UUID(bytes=one) for one in ids]
    positions = bounded(read_ints(reader, number), 0, LARGEST, "a position")
    dots = list(map(Dot, pick(known, [replicas[at] for at in order]), seqs))
    expected = _expected(_put_back(dots, order), plan)
    writes = _read_rest(reader, dots, stamps, [expected[at] for at in order], known)
    columns = [
        read_column(reader, len(cells), Context([times[cell] for cell in cells], ids=ids))
        for cells in plan.cells.values()
    ]
    shells = zip([layouts[place] for place in chosen], records, positions, strict=True)
    return _joined(list(shells), plan, _put_back(writes, order), columns)


def _put_back(values: Sequence[T], order: Sequence[int]) -> list[T]:
    """From the order of replicas to that of the page."""
    places = sorted(range(len(order)), key=order.__getitem__)
    return [values[place] for place in places]


def _joined(
    shells: Sequence[tuple[Layout, bytes, int]],
    plan: _Plan,
    writes: Sequence[Write],
    columns: Sequence[Sequence[Value]],
) -> list[StateRecord]:
    fields: list[dict[str, Value]] = [{} for _ in shells]
    heads: list[dict[str, list[Head]]] = [{} for _ in shells]
    for ((_, name), cells), values in zip(plan.cells.items(), columns, strict=True):
        for cell, value in zip(cells, values, strict=True):
            row = plan.rows[cell]
            if shells[row][0].is_plain:
                fields[row][name] = value
            else:
                heads[row].setdefault(name, []).append(Head(writes[cell], value))
    states = [{name: tuple(many) for name, many in state.items()} for state in heads]
    if not all(map(_in_order, states)):
        raise MalformedBatch("bad-heads", "The heads of a field are out of order.")
    return [
        StateRecord(
            layout.shape.table,
            UUID(bytes=record),
            position,
            layout.shape.schema,
            writes[first] if layout.is_plain else None,
            values,
            state,
        )
        for (layout, record, position), first, values, state in zip(
            shells, plan.firsts, fields, states, strict=True
        )
    ]


def _in_order(state: State) -> bool:
    """The merge takes the order of heads on trust."""
    return all(
        one.write.dot < other.write.dot
        for heads in state.values()
        if len(heads) > 1
        for one, other in pairwise(heads)
    )
