"""What batches and pages have in common: shapes, stamps, who wrote, pasts.

Here: the columns beside the fields. A shape is a table, its schema version and which of the table's fields a
row sets; rows with the same fields name the same shape.

Not here: the fields themselves (columns.py), the two frames (batch.py, pages.py).

Read next: batch.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from sync.core.columns import Context, read_column, write_column
from sync.core.ids import IdTable
from sync.core.ints import pick, read_ints, write_ints
from sync.core.merge import LARGEST, Dot, Past
from sync.core.wire import MalformedBatch, Reader, Writer

SMALL: Final = 2**31 - 1
_COUNTER_BITS: Final = 16
_COUNTER_MAX: Final = (1 << _COUNTER_BITS) - 1
_NO_PAST: Final = Past()
_NONE, _EXPECTED, _SPELLED = range(3)
PAST_KINDS: Final = 3

H = TypeVar("H", bound=Hashable)


class Shape(NamedTuple):
    table: str
    schema: int
    fields: tuple[str, ...]


def bounded(numbers: Sequence[int], low: int, high: int, what: str) -> Sequence[int]:
    """For both sides: the writer's caller hears ValueError, the reader's MalformedBatch by `malformed_as`."""
    if numbers and (min(numbers) < low or max(numbers) > high):
        raise ValueError(f"{what} is out of bounds")
    return numbers


def listed(values: Iterable[H]) -> tuple[list[H], list[int]]:
    """Each value once, by first use; and the place of each."""
    places: dict[H, int] = {}
    column = [places.setdefault(value, len(places)) for value in values]
    return list(places), column


# Shapes


def write_names(writer: Writer, shapes: Sequence[Shape]) -> dict[str, list[str]]:
    """The tables in sorted order, and for each the fields that any of its shapes has."""
    fields: dict[str, set[str]] = {}
    for shape in shapes:
        fields.setdefault(shape.table, set()).update(shape.fields)
    names = {table: sorted(fields[table]) for table in sorted(fields)}
    writer.varint(len(names))
    write_ints(writer, [len(columns) for columns in names.values()])
    _write_strings(writer, [*names, *(field for columns in names.values() for field in columns)])
    return names


def read_names(reader: Reader) -> dict[str, list[str]]:
    tables = reader.count(reader.limits.max_records)
    counts = bounded(read_ints(reader, tables), 0, reader.limits.max_values, "a count of fields")
    total = sum(counts)
    names = read_strings(reader, tables + total)
    columns: dict[str, list[str]] = {}
    start = tables
    for table, count in zip(names, counts, strict=False):
        columns[table] = names[start : start + count]
        start += count
        if len(set(columns[table])) != count:
            raise MalformedBatch("bad-shape", "A table has a field twice.")
    if len(columns) != tables:
        raise MalformedBatch("bad-shape", "A table is there twice.")
    return columns


def write_shapes(writer: Writer, shapes: Sequence[Shape], names: dict[str, list[str]]) -> None:
    tables = {table: place for place, table in enumerate(names)}
    writer.varint(len(shapes))
    write_ints(writer, [tables[shape.table] for shape in shapes])
    write_ints(writer, bounded([shape.schema for shape in shapes], 0, SMALL, "a schema version"))
    bits = "".join(
        "1" if field in fields else "0"
        for shape in shapes
        for fields in (set(shape.fields),)
        for field in names[shape.table]
    )
    size = -(-len(bits) // 8)
    writer.charge(len(bits))
    writer.dense += int(f"{bits:0<{8 * size}}", 2).to_bytes(size) if bits else b""


def read_shapes(reader: Reader, names: dict[str, list[str]], most: int) -> list[Shape]:
    number = reader.count(most)
    tables = pick(list(names), read_ints(reader, number))
    schemas = bounded(read_ints(reader, number), 0, SMALL, "a schema version")
    total = sum(len(names[table]) for table in tables)
    reader.charge(total)
    raw = reader.dense(-(-total // 8))
    bits = iter(f"{int.from_bytes(raw):0{8 * len(raw)}b}" if total else "")
    return [
        Shape(table, schema, tuple([field for field in names[table] if next(bits) == "1"]))
        for table, schema in zip(tables, schemas, strict=True)
    ]


def rows_by_field(shapes: Sequence[Shape], chosen: Sequence[int]) -> dict[tuple[str, str], list[int]]:
    """Which rows hold a value of each field of each table, in the order in which the columns travel."""
    rows: list[list[int]] = [[] for _ in shapes]
    for row, place in enumerate(chosen):
        rows[place].append(row)
    columns: dict[tuple[str, str], list[int]] = {}
    for shape, held in zip(shapes, rows, strict=True):
        for field in shape.fields:
            columns.setdefault((shape.table, field), []).extend(held)
    return {column: sorted(columns[column]) for column in sorted(columns)}


# Stamps and who


def write_stamps(writer: Writer, stamps: Sequence[int]) -> None:
    bounded(stamps, 0, LARGEST, "a stamp")
    write_ints(writer, [stamp >> _COUNTER_BITS for stamp in stamps])
    write_ints(writer, [stamp & _COUNTER_MAX for stamp in stamps])


def read_stamps(reader: Reader, number: int) -> list[int]:
    millis = bounded(read_ints(reader, number), 0, LARGEST >> _COUNTER_BITS, "a stamp")
    counters = bounded(read_ints(reader, number), 0, _COUNTER_MAX, "a stamp")
    return [ms << _COUNTER_BITS | counter for ms, counter in zip(millis, counters, strict=True)]


def times_of(stamps: Sequence[int]) -> list[int]:
    return [stamp >> _COUNTER_BITS for stamp in stamps]


class Who(NamedTuple):
    author: UUID | None
    device: str
    clock_offset_ms: int


def write_who(writer: Writer, people: Sequence[Who], table: IdTable) -> None:
    write_ints(writer, table.optional(who.author for who in people))
    _write_strings(writer, [who.device for who in people])
    write_ints(writer, bounded([who.clock_offset_ms for who in people], -LARGEST, LARGEST, "an offset"))


def read_who(reader: Reader, number: int, ids: Sequence[UUID]) -> list[Who]:
    authors = pick([None, *ids], read_ints(reader, number))
    devices = read_strings(reader, number)
    offsets = bounded(read_ints(reader, number), -LARGEST, LARGEST, "an offset")
    return list(map(Who, authors, devices, offsets))


def _write_strings(writer: Writer, strings: Sequence[str]) -> None:
    write_column(writer, strings, Context([0] * len(strings)))


def read_strings(reader: Reader, number: int) -> list[str]:
    reader.charge(number)
    found = read_column(reader, number, Context([0] * number))
    strings = [one for one in found if isinstance(one, str)]
    if len(strings) != number:
        raise MalformedBatch("bad-column", "A name is not text.")
    return strings


# Pasts


def past_kind(past: Past, expected: Dot | None) -> int:
    """Most pasts are empty, or name exactly the one write that the reader expects."""
    if past.is_empty:
        return _NONE
    if expected is not None and not past.also and past.highest == {expected.replica: expected.seq}:
        return _EXPECTED
    return _SPELLED


def replicas_in(past: Past) -> Iterable[bytes]:
    for replica in past.highest:
        yield replica.bytes
    for dot in past.also:
        yield dot.replica.bytes


def write_pasts(writer: Writer, pasts: Sequence[Past], kinds: Sequence[int], table: IdTable) -> None:
    """Only those that are spelled out: how many entries of each sort, whose, and up to where."""
    spelled = [past for past, kind in zip(pasts, kinds, strict=True) if kind == _SPELLED]
    highest = [sorted(past.highest.items()) for past in spelled]
    also = [sorted(past.also) for past in spelled]
    write_ints(writer, list(map(len, highest)))
    write_ints(writer, list(map(len, also)))
    dots = [*chain.from_iterable(highest), *chain.from_iterable(also)]
    writer.charge(len(dots))
    write_ints(writer, [table.places[replica.bytes] for replica, _ in dots])
    write_ints(writer, bounded([seq for _, seq in dots], 1, LARGEST, "a seq"))


def read_pasts(
    reader: Reader, kinds: Sequence[int], expected: Sequence[Dot | None], ids: Sequence[UUID]
) -> list[Past]:
    number = sum(kind == _SPELLED for kind in kinds)
    highest = bounded(read_ints(reader, number), 0, SMALL, "a count")
    also = bounded(read_ints(reader, number), 0, SMALL, "a count")
    total = sum(highest) + sum(also)
    reader.charge(total)
    replicas = pick(ids, read_ints(reader, total))
    seqs = bounded(read_ints(reader, total), 1, LARGEST, "a seq")
    dots = iter(list(map(Dot, replicas, seqs)))
    tops = [dict(next(dots) for _ in range(count)) for count in highest]
    alone = [frozenset(next(dots) for _ in range(count)) for count in also]
    if [*map(len, tops), *map(len, alone)] != [*highest, *also]:
        raise MalformedBatch("bad-past", "A past names a replica twice.")
    spelled = iter(map(Past, tops, alone))
    return [_past(kind, dot, spelled) for kind, dot in zip(kinds, expected, strict=True)]


def _past(kind: int, expected: Dot | None, spelled: Iterator[Past]) -> Past:
    if kind == _NONE:
        return _NO_PAST
    if kind == _SPELLED:
        return next(spelled)
    if expected is None:
        raise MalformedBatch("bad-past", "A past is said to be as expected where nothing is.")
    return Past({expected.replica: expected.seq})
