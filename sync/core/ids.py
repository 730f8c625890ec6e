"""Ids in a frame: each one once, and those that the reader can find out not at all.

Here: `write_ids`/`read_ids` for a column of 16-byte ids, and the table that every other column points into.

Ids that we make open with 48 bits of time and go on with 74 random bits (UUIDv7 for saves, version 8 for the
records they create): the time travels as a small number, the random bits as they are, the rest not at all.

Not here: which ids the reader can find out (batch.py: by seq; pages.py: by place in the page).

Read next: rows.py.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sync.core.ints import pack_bits, read_ints, unpack_bits, write_ints
from sync.core.wire import MalformedBatch, Reader, Writer

_SEVEN, _EIGHT, _OTHER = range(3)
_VERSIONS: Final = {7: _SEVEN, 8: _EIGHT}
_TOP: Final = 1 << 48


def write_ids(writer: Writer, ids: Sequence[bytes], times: Sequence[int] | None = None) -> None:
    """`times`: about when each was made, in milliseconds, as far as the reader knows it already."""
    if not ids:
        return
    kinds = [_kind_of(one) for one in ids]
    write_ints(writer, kinds)
    timed = [row for row, kind in enumerate(kinds) if kind != _OTHER]
    raw = b"".join([ids[row] for row in timed])
    near = None if times is None else [times[row] for row in timed]
    write_ints(writer, [int.from_bytes(raw[at : at + 6]) for at in range(0, len(raw), 16)], near)
    middle = [(six & 15) << 6 | eight & 63 for six, eight in zip(raw[6::16], raw[8::16], strict=True)]
    writer.dense += b"".join(raw[column::16] for column in (7, *range(9, 16)))
    writer.dense += bytes([one >> 2 for one in middle])
    writer.dense += pack_bits([one & 3 for one in middle], 2)
    writer.dense += b"".join([one for one, kind in zip(ids, kinds, strict=True) if kind == _OTHER])


def read_ids(reader: Reader, number: int, times: Sequence[int] | None = None) -> list[bytes]:
    if not number:
        return []
    kinds = read_ints(reader, number)
    if min(kinds) < _SEVEN or max(kinds) > _OTHER:
        raise MalformedBatch("bad-column", "An id is of a kind that we never write.")
    timed = [row for row, kind in enumerate(kinds) if kind != _OTHER]
    near = None if times is None else [times[row] for row in timed]
    versions = bytes([0x80 if kinds[row] == _EIGHT else 0x70 for row in timed])
    made = iter(_read_timed(reader, versions, near))
    others = reader.dense(16 * (number - len(timed)))
    plain = iter([others[at : at + 16] for at in range(0, len(others), 16)])
    return [next(plain if kind == _OTHER else made) for kind in kinds]


def _kind_of(one: bytes) -> int:
    return _VERSIONS.get(one[6] >> 4, _OTHER) if one[8] >> 6 == 0b10 else _OTHER


def _read_timed(reader: Reader, versions: bytes, near: Sequence[int] | None) -> list[bytes]:
    number = len(versions)
    millis = read_ints(reader, number, near)
    if number and (min(millis) < 0 or max(millis) >= _TOP):
        raise MalformedBatch("bad-number", "An id has a time beyond 48 bits.")
    rows = bytearray(16 * number)
    clock = struct.pack(f">{number}Q", *millis)
    for column in range(6):
        rows[column::16] = clock[column + 2 :: 8]
    for column in (7, *range(9, 16)):
        rows[column::16] = reader.dense(number)
    high = reader.dense(number)
    low = unpack_bits(reader.dense(-(-number // 4)), number, 2)
    rows[6::16] = bytes([version | top >> 4 for version, top in zip(versions, high, strict=True)])
    rows[8::16] = bytes([128 | (top & 15) << 2 | two for top, two in zip(high, low, strict=True)])
    return [bytes(rows[at : at + 16]) for at in range(0, len(rows), 16)]


# The table


@dataclass(frozen=True, slots=True)
class IdTable:
    """`plain` ids travel; of `found` ones only what to find them by. Places count through both."""

    plain: Sequence[bytes]
    found: Sequence[int]
    places: Mapping[bytes, int]

    def optional(self, ids: Iterable[UUID | None]) -> list[int]:
        """0 for none, else the place and one."""
        return [0 if one is None else self.places[one.bytes] + 1 for one in ids]


def table_of(ids: Collection[bytes], numbers: Mapping[bytes, int]) -> IdTable:
    """Sorted, so that times rise; `numbers` has the ids that the reader can find out."""
    found = sorted((numbers[one], one) for one in ids if one in numbers)
    plain = sorted(one for one in ids if one not in numbers)
    order = [*plain, *(one for _, one in found)]
    return IdTable(plain, [number for number, _ in found], {one: place for place, one in enumerate(order)})


def write_table(writer: Writer, table: IdTable) -> None:
    writer.varint(len(table.plain))
    writer.varint(len(table.found))
    writer.charge(len(table.places))
    write_ids(writer, table.plain)
    write_ints(writer, table.found)


def read_table(reader: Reader) -> tuple[list[bytes], list[int]]:
    plain, found = reader.varint(), reader.varint()
    reader.charge(plain + found)
    return read_ids(reader, plain), read_ints(reader, found)
