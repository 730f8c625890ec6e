"""A column of one field's values, coded by what the values turn out to be. Nothing here needs a schema.

Here: `write_column`, `read_column`. Each kind is tried and proved on the values themselves: what does not
render back to exactly the same value takes the next more general kind, and msgpack holds whatever is left.

    none · bool · int · float (as its shortest text) · id (16 bytes: a place in the frame's table of ids)
    text: whole or decimal numbers · ISO dates · a list of few values · a few patterns of digits and other
          characters ("+255 7.. ... ...") · words · as it is
    packed: msgpack (lists, maps, other bytes, text with NUL)
    mixed: which of the kinds each value is, then a column for each kind

Not here: which values make a column (batch.py, pages.py); text.py has the ways of text.

Read next: text.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import msgspec

from sync.core.changes import check_value, pack
from sync.core.ints import LOWEST, pick, read_ints, write_ints
from sync.core.merge import LARGEST, Value
from sync.core.text import read_text, write_text
from sync.core.wire import MalformedBatch, Reader, Writer, malformed_as

NONE, BOOL, INT, FLOAT, TEXT, ID, PACKED = range(7)
_MIXED: Final = 7
_ID_BYTES: Final = 16
_KINDS: Final = {type(None): NONE, bool: BOOL, int: INT, float: FLOAT, str: TEXT, bytes: ID}
_unpack: Final = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Context:
    """What a column may lean on: the frame's table of ids, and the time of each of its values."""

    times: Sequence[int]
    places: Mapping[bytes, int] = field(default_factory=dict)
    ids: Sequence[bytes] = ()

    def rows(self, chosen: Sequence[int]) -> Context:
        return Context([self.times[row] for row in chosen], self.places, self.ids)


def write_column(writer: Writer, values: Sequence[Value], context: Context) -> None:
    if not values:
        return
    writer.charge(len(values))
    kinds = kinds_of(values)
    found = sorted(set(kinds))
    if len(found) == 1:
        writer.head.append(found[0])
        _write_kind(writer, found[0], values, context)
        return
    writer.head.append(_MIXED)
    writer.head.append(sum(1 << kind for kind in found))
    write_ints(writer, [found.index(kind) for kind in kinds])
    for kind in found:
        rows = [row for row, one in enumerate(kinds) if one == kind]
        _write_kind(writer, kind, [values[row] for row in rows], context.rows(rows))


def read_column(reader: Reader, number: int, context: Context) -> list[Value]:
    """The caller has charged the reader for the values."""
    if not number:
        return []
    kind = reader.byte()
    if kind != _MIXED:
        return _read_kind(reader, kind, number, context)
    mask = reader.byte()
    found = [kind for kind in range(_MIXED) if mask >> kind & 1]
    kinds = pick(found, read_ints(reader, number))
    values: list[Value] = [None] * number
    for kind in found:
        rows = [row for row, one in enumerate(kinds) if one == kind]
        part = _read_kind(reader, kind, len(rows), context.rows(rows)) if rows else []
        for row, value in zip(rows, part, strict=True):
            values[row] = value
    return values


def ids_in(values: Sequence[Value]) -> set[bytes]:
    """The values that the frame's table of ids must hold before the column is written."""
    return {value for value in values if type(value) is bytes and len(value) == _ID_BYTES}


def kinds_of(values: Sequence[Any]) -> list[int]:
    types = set(map(type, values))
    if len(types) > 1 or types & {float, list, dict}:
        return [kind_of(value) for value in values]
    kind = _KINDS.get(types.pop(), PACKED)
    alike = kind in (NONE, BOOL)
    alike |= kind == INT and min(values) >= LOWEST and max(values) <= LARGEST
    alike |= kind == TEXT and "\0" not in "".join(values)
    alike |= kind == ID and set(map(len, values)) == {_ID_BYTES}
    return [kind] * len(values) if alike else [kind_of(value) for value in values]


def kind_of(value: Value) -> int:
    kind = _KINDS.get(type(value), PACKED)
    if kind == INT:
        fits = LOWEST <= value <= LARGEST  # type: ignore[operator]
    elif kind == TEXT:
        fits = "\0" not in value  # type: ignore[operator]
    elif kind == FLOAT:
        fits = isfinite(value)  # type: ignore[arg-type]
    else:
        fits = kind != ID or len(value) == _ID_BYTES  # type: ignore[arg-type]
    return kind if fits else PACKED


# Kinds


def _write_kind(writer: Writer, kind: int, values: Sequence[Any], context: Context) -> None:
    if kind == BOOL:
        write_ints(writer, list(map(int, values)))
    elif kind == INT:
        write_ints(writer, values, context.times)
    elif kind == FLOAT:
        write_text(writer, list(map(repr, values)), context.times)
    elif kind == TEXT:
        write_text(writer, values, context.times)
    elif kind == ID:
        write_ints(writer, [context.places[value] for value in values])
    elif kind == PACKED:
        _write_packed(writer, values)


def _read_kind(reader: Reader, kind: int, number: int, context: Context) -> list[Any]:
    if kind == NONE:
        return [None] * number
    if kind == BOOL:
        return pick((False, True), read_ints(reader, number))
    if kind == INT:
        return read_ints(reader, number, context.times)
    if kind == FLOAT:
        return _floats(read_text(reader, number, context.times))
    if kind == TEXT:
        return read_text(reader, number, context.times)
    if kind == ID:
        return pick(context.ids, read_ints(reader, number))
    if kind == PACKED:
        return _read_packed(reader, number)
    raise MalformedBatch("unknown-format", f"There is no kind of column {kind}.")


def _floats(texts: list[str]) -> list[float]:
    with malformed_as("bad-number"):
        return list(map(float, texts))


def _write_packed(writer: Writer, values: Sequence[Value]) -> None:
    """Each different value once; which one, for each row."""
    for value in values:
        check_value(value)
    bodies = list(map(pack, values))
    places = {body: place for place, body in enumerate(dict.fromkeys(bodies))}
    writer.varint(len(places))
    write_ints(writer, [len(body) for body in places])
    writer.planes += b"".join(places)
    write_ints(writer, [places[body] for body in bodies])
    writer.charge(0, sum(map(len, bodies)))


def _read_packed(reader: Reader, number: int) -> list[Value]:
    sizes = read_ints(reader, reader.count(number))
    if min(sizes, default=0) < 0:
        raise MalformedBatch("bad-column", "A value has a negative size.")
    bodies = [reader.planes(size) for size in sizes]
    rows = pick(bodies, read_ints(reader, number))
    reader.charge(0, sum(map(len, rows)))
    with malformed_as("bad-value"):
        values = [_unpack(body) for body in rows]  # each row its own: lists can be changed
        for value in values:
            check_value(value)
    return values
