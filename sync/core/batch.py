"""Changes on their way up: one batch of one replica's changes without a gap.

Here: `encode_changes` and `decode_changes`.

In order: how many and from which seq · stamps · saves · shapes · which changes create their record · the
table of ids · records · who · pasts · one column for each field of each table. What the reader can work out
does not travel: seqs, digests, ids of records created here (derived from the save), ids of records that an
earlier change of the same replica touched (the seq of that change stands for them, in foreign keys too).

Not here: the columns (columns.py), how large a batch should be (sync/upload.py).

Read next: layouts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sync.core.changes import Change, derive_id
from sync.core.columns import Context, ids_in, read_column, write_column
from sync.core.ids import read_ids, read_table, table_of, write_ids, write_table
from sync.core.ints import pick, read_ints, write_ints
from sync.core.merge import LARGEST, Dot, Value
from sync.core.rows import (
    PAST_KINDS,
    SMALL,
    Shape,
    Who,
    bounded,
    listed,
    past_kind,
    read_names,
    read_pasts,
    read_shapes,
    read_stamps,
    read_who,
    replicas_in,
    rows_by_field,
    times_of,
    write_names,
    write_pasts,
    write_shapes,
    write_stamps,
    write_who,
)
from sync.core.wire import (
    CHANGES,
    DEFAULT_LEVEL,
    DEFAULT_LIMITS,
    DICTIONARY,
    BatchTooLarge,
    Limits,
    MalformedBatch,
    Reader,
    Writer,
    malformed_as,
    seal,
    unseal,
)

Resolve = Callable[[list[int]], Mapping[int, UUID]]


def encode_changes(
    changes: Sequence[Change],
    ref_of: Mapping[UUID, int],
    level: int = DEFAULT_LEVEL,
    *,
    dictionary: int = DICTIONARY,
) -> bytes:
    """`ref_of`: record id → seq of a change before this batch of the same replica. Best the latest one.

    Raises ValueError for what cannot travel, `BatchTooLarge` for what must be cut smaller.
    """
    _check_run(changes)
    writer = Writer()
    stamps = [change.stamp for change in changes]
    times = times_of(stamps)
    shapes, chosen = _shapes(changes)
    rows_of = rows_by_field(shapes, chosen)
    columns = [[changes[row].fields[field] for row in rows] for (_, field), rows in rows_of.items()]
    known = _known(changes, ref_of, columns)
    kinds = [past_kind(change.past, dot) for change, dot in zip(changes, known.expected, strict=True)]
    table = table_of(known.ids, known.numbers)
    writer.varint(len(changes))
    writer.varint(changes[0].seq)
    write_stamps(writer, stamps)
    _write_saves(writer, changes, times)
    write_shapes(writer, shapes, write_names(writer, shapes))
    write_ints(writer, chosen)
    write_ints(writer, [kinds[row] + PAST_KINDS * known.created[row] for row in _by_shape(chosen)])
    write_table(writer, table)
    writer.varint(table.places[changes[0].replica.bytes])
    write_ints(writer, [table.places[one] for one in _touched(changes, known.created)])
    write_who(writer, [Who(one.author, one.device, one.clock_offset_ms) for one in changes], table)
    write_pasts(writer, [change.past for change in changes], kinds, table)
    for rows, values in zip(rows_of.values(), columns, strict=True):
        write_column(writer, values, Context([times[row] for row in rows], table.places))
    return seal(CHANGES, writer, level, dictionary)


def decode_changes(blob: bytes, resolve: Resolve, limits: Limits = DEFAULT_LIMITS) -> list[Change]:
    """`resolve`: seqs of earlier changes of this replica → the records they touched, asked at most once.

    Raises `MalformedBatch` whatever the bytes are; what `resolve` raises passes through.
    """
    with malformed_as("malformed"):
        reader = unseal(CHANGES, blob, limits)
        opening = _read_opening(reader)
    earlier = [seq for seq in opening.found if seq < opening.first]
    records = resolve(earlier) if earlier else {}
    with malformed_as("malformed"):
        ids = [*opening.plain, *(_found(seq, opening, records) for seq in opening.found)]
        changes = _read_rest(reader, opening, ids)
        reader.finish()
    return changes


def _shapes(changes: Sequence[Change]) -> tuple[list[Shape], list[int]]:
    """Forms list their fields in few orders; each order is sorted once."""
    orders, chosen = listed((change.table, change.schema, tuple(change.fields)) for change in changes)
    shapes, places = listed(Shape(table, schema, tuple(sorted(order))) for table, schema, order in orders)
    return shapes, [places[order] for order in chosen]


def _check_run(changes: Sequence[Change]) -> None:
    if not changes:
        raise ValueError("a batch holds at least one change")
    if len(changes) > DEFAULT_LIMITS.max_records:
        raise BatchTooLarge(f"a batch holds at most {DEFAULT_LIMITS.max_records} changes")
    first = changes[0]
    seqs = range(first.seq, first.seq + len(changes))
    bounded([seqs[0], seqs[-1]], 1, LARGEST, "a seq")
    for seq, change in zip(seqs, changes, strict=True):
        if change.seq != seq or change.replica != first.replica:
            raise ValueError("a batch is of one replica and has no gap")
    bounded([change.ordinal for change in changes], 0, SMALL, "an ordinal")


# Saves


def _write_saves(writer: Writer, changes: Sequence[Change], times: Sequence[int]) -> None:
    """One id for each run of changes; ordinals and ends as far as they are not as the runs would have
    them.
    """
    starts = [row for row in range(len(changes)) if _starts(changes, row)]
    lengths = [end - start for start, end in zip(starts, [*starts[1:], len(changes)], strict=True)]
    writer.varint(len(starts))
    write_ints(writer, lengths)
    write_ids(writer, [changes[row].save_id.bytes for row in starts], [times[row] for row in starts])
    due = _counted(lengths)
    write_ints(writer, [change.ordinal - place for change, place in zip(changes, due, strict=True)])
    ends = _ends(lengths)
    write_ints(writer, [change.last ^ end for change, end in zip(changes, ends, strict=True)])


def _starts(changes: Sequence[Change], row: int) -> bool:
    return not row or changes[row].save_id != changes[row - 1].save_id


def _counted(lengths: Iterable[int]) -> list[int]:
    return [place for length in lengths for place in range(length)]


def _ends(lengths: Iterable[int]) -> list[bool]:
    return [place == length - 1 for length in lengths for place in range(length)]


# What the reader knows


@dataclass(frozen=True, slots=True)
class _Known:
    """`numbers`: the ids that travel as a seq. `expected`: the latest write that the reader knows of the
    record.
    """

    created: Sequence[bool]
    ids: Collection[bytes]
    numbers: Mapping[bytes, int]
    expected: Sequence[Dot | None]


def _known(
    changes: Sequence[Change], ref_of: Mapping[UUID, int], columns: Iterable[Sequence[Value]]
) -> _Known:
    first = changes[0].seq
    created = [change.creates for change in changes]
    ids = _ids_of(changes, created, columns)
    earlier = ((one, ref_of.get(UUID(bytes=one), 0)) for one in ids) if ref_of else ()
    numbers = {one: seq for one, seq in earlier if 0 < seq < first}
    numbers.update(
        (change.record_id.bytes, change.seq) for change, new in zip(changes, created, strict=True) if new
    )
    records = [change.record_id.bytes for change in changes]
    return _Known(created, ids, numbers, _expected(changes[0].replica, first, records, numbers))


def _expected(
    replica: UUID, first: int, records: Sequence[bytes], numbers: Mapping[bytes, int]
) -> list[Dot | None]:
    latest = {record: seq for record in set(records) if (seq := numbers.get(record, first)) < first}
    expected: list[Dot | None] = []
    for seq, record in enumerate(records, first):
        before = latest.get(record)
        expected.append(None if before is None else Dot(replica, before))
        latest[record] = seq
    return expected


def _touched(changes: Sequence[Change], created: Sequence[bool]) -> list[bytes]:
    """The records that were there before their change."""
    return [one.record_id.bytes for one, new in zip(changes, created, strict=True) if not new]


def _ids_of(
    changes: Sequence[Change], created: Sequence[bool], columns: Iterable[Sequence[Value]]
) -> set[bytes]:
    ids = {changes[0].replica.bytes, *_touched(changes, created)}
    ids.update(one.bytes for one in {change.author for change in changes} if one is not None)
    for change in changes:
        if not change.past.is_empty:
            ids.update(replicas_in(change.past))
    for values in columns:
        ids |= ids_in(values)
    return ids


def _by_shape(chosen: Sequence[int]) -> list[int]:
    """Rows of one shape side by side: most of them are alike in whether they create their record."""
    return sorted(range(len(chosen)), key=chosen.__getitem__)


# Reading


@dataclass(frozen=True, slots=True)
class _Opening:
    """Everything before the ids that only the caller can resolve."""

    first: int
    stamps: Sequence[int]
    saves: Sequence[UUID]
    ordinals: Sequence[int]
    last: Sequence[bool]
    shapes: Sequence[Shape]
    chosen: Sequence[int]
    kinds: Sequence[int]
    made: Sequence[UUID | None]
    plain: Sequence[bytes]
    found: Sequence[int]


def _read_opening(reader: Reader) -> _Opening:
    number = reader.count(reader.limits.max_records)
    first = reader.varint()
    bounded([number], 1, number, "a count of changes")
    bounded([first, first + number - 1], 1, LARGEST, "a seq")
    stamps = read_stamps(reader, number)
    saves, ordinals, last = _read_saves(reader, number, times_of(stamps))
    shapes = read_shapes(reader, read_names(reader), number)
    chosen = read_ints(reader, number)
    reader.charge(sum(len(shape.fields) for shape in pick(shapes, chosen)))
    coded = bounded(read_ints(reader, number), 0, 2 * PAST_KINDS - 1, "a kind of past")
    kinds = [0] * number
    made: list[UUID | None] = [None] * number
    for row, code in zip(_by_shape(chosen), coded, strict=True):
        kinds[row] = code % PAST_KINDS
        if code >= PAST_KINDS:
            made[row] = derive_id(saves[row], ordinals[row])
    plain, found = read_table(reader)
    bounded(found, 1, first + number - 1, "a seq")
    return _Opening(first, stamps, saves, ordinals, last, shapes, chosen, kinds, made, plain, found)


def _read_saves(
    reader: Reader, number: int, times: Sequence[int]
) -> tuple[list[UUID], list[int], list[bool]]:
    lengths = bounded(read_ints(reader, reader.count(number)), 1, number, "a save's length")
    if sum(lengths) != number:
        raise MalformedBatch("bad-save", "The saves do not cover the changes.")
    starts = [row for row, place in enumerate(_counted(lengths)) if not place]
    ids = read_ids(reader, len(starts), [times[row] for row in starts])
    saves = [save for one, length in zip(ids, lengths, strict=True) for save in [UUID(bytes=one)] * length]
    ordinals = [
        place + more for place, more in zip(_counted(lengths), read_ints(reader, number), strict=True)
    ]
    bounded(ordinals, 0, SMALL, "an ordinal")
    flips = bounded(read_ints(reader, number), 0, 1, "an end")
    return saves, ordinals, [end ^ bool(flip) for end, flip in zip(_ends(lengths), flips, strict=True)]


def _found(seq: int, opening: _Opening, records: Mapping[int, UUID]) -> bytes:
    record = opening.made[seq - opening.first] if seq >= opening.first else records.get(seq)
    if record is None:
        raise MalformedBatch("unknown-reference", f"No record is known for the change {seq} of this replica.")
    return record.bytes


def _read_rest(reader: Reader, opening: _Opening, ids: Sequence[bytes]) -> list[Change]:
    number = len(opening.stamps)
    known = [UUID(bytes=one) for one in ids]
    replica = pick(known, [reader.varint()])[0]
    records = _read_records(reader, opening, known)
    people = read_who(reader, number, known)
    numbers = dict(zip(ids[len(opening.plain) :], opening.found, strict=True))
    expected = _expected(replica, opening.first, [one.bytes for one in records], numbers)
    pasts = read_pasts(reader, opening.kinds, expected, known)
    fields = _read_fields(reader, opening, ids)
    return [
        Change(
            replica=replica,
            seq=opening.first + row,
            save_id=opening.saves[row],
            ordinal=opening.ordinals[row],
            last=opening.last[row],
            table=opening.shapes[opening.chosen[row]].table,
            record_id=records[row],
            stamp=opening.stamps[row],
            author=people[row].author,
            device=people[row].device,
            clock_offset_ms=people[row].clock_offset_ms,
            schema=opening.shapes[opening.chosen[row]].schema,
            past=pasts[row],
            fields=fields[row],
        )
        for row in range(number)
    ]


def _read_records(reader: Reader, opening: _Opening, ids: Sequence[UUID]) -> list[UUID]:
    touched = iter(pick(ids, read_ints(reader, opening.made.count(None))))
    return [next(touched) if one is None else one for one in opening.made]


def _read_fields(reader: Reader, opening: _Opening, ids: Sequence[bytes]) -> list[dict[str, Value]]:
    times = times_of(opening.stamps)
    fields: list[dict[str, Value]] = [{} for _ in times]
    for (_, field), rows in rows_by_field(opening.shapes, opening.chosen).items():
        values = read_column(reader, len(rows), Context([times[row] for row in rows], ids=ids))
        for row, value in zip(rows, values, strict=True):
            fields[row][field] = value
    return fields
