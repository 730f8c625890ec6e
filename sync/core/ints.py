"""Columns of whole numbers, packed to about what they tell.

Here: `write_ints`, `read_ints` and the bit packing below them.

A column is first made small: by taking off its least value, by differences, by taking off a column that the
reader has already (`against`), or by a list of its few values. Then it is cut in two: the low bits, which
look random, go bit by bit to the dense stream; the high bits, which repeat, go byte by byte to the planes,
where zstd finds them. The writer estimates and takes the cheapest; the reader needs only what the head says.

Not here: what the numbers mean (columns.py, batch.py, pages.py).

Read next: columns.py.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import inf, log2
from operator import add, ne, sub
from typing import Final, TypeAlias, TypeVar

from sync.core.merge import LARGEST
from sync.core.wire import MalformedBatch, Reader, Writer

LOWEST: Final = -(2**63)
WIDEST: Final = 64
_PLAIN, _DELTA, _AGAINST, _LISTED = range(4)
_SAMPLE: Final = 500
_HIGH_BITS: Final = (4, 6, 8, 12)
_RUN_BYTES: Final = 2.5  # what zstd asks for each run

T = TypeVar("T")
_Way: TypeAlias = tuple[int, Sequence[int], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """`rests` are what is left to store: at least 0, of `width` bits, the low `cut` of them dense."""

    way: int
    rests: Sequence[int]
    bases: tuple[int, ...]
    width: int
    cut: int
    cost: float


def write_ints(writer: Writer, values: Sequence[int], against: Sequence[int] | None = None) -> None:
    """Nothing at all is written for no values: the reader knows how many there are."""
    if not values:
        return
    plan = _best_plan(values, against)
    few = _few_values(values, plan)
    if few is None:
        _write_plan(writer, plan)
        return
    writer.head.append(_LISTED << 6)
    writer.varint(len(few))
    places = {value: place for place, value in enumerate(few)}
    _write_plan(writer, _best_plan(few, None))
    _write_plan(writer, _best_plan([places[value] for value in values], None))


def read_ints(reader: Reader, number: int, against: Sequence[int] | None = None) -> list[int]:
    if not number:
        return []
    form = reader.byte()
    if form >> 6 != _LISTED:
        return _read_plan(reader, number, form, against)
    length = reader.count(number)
    few = _read_plan(reader, length, reader.byte(), None) if length else []
    return pick(few, _read_plan(reader, number, reader.byte(), None))


def estimate(values: Sequence[int]) -> float:
    """About how many bytes the column will take."""
    return _best_plan(values, None).cost if values else 0.0


def pick(few: Sequence[T], places: Sequence[int]) -> list[T]:
    """`few[place]` for each place, and never one counted from the end."""
    if places and (min(places) < 0 or max(places) >= len(few)):
        raise MalformedBatch("bad-column", "A column points beyond its list.")
    return list(map(few.__getitem__, places))


# Plans


def _best_plan(values: Sequence[int], against: Sequence[int] | None) -> _Plan:
    """The way that leaves the shortest numbers; only that one is planned in full."""
    base = min(values)
    ways: list[_Way] = [(_PLAIN, _less(values, base), (base,))]
    if max(values) - base > 1:
        if len(values) > 1:
            steps = list(map(sub, values[1:], values))
            step = min(steps)
            ways.append((_DELTA, _less(steps, step), (values[0], step)))
        if against is not None:
            gaps = list(map(sub, values, against))
            gap = min(gaps)
            ways.append((_AGAINST, _less(gaps, gap), (gap,)))
    return _plan(*min(ways, key=_length))


def _less(values: Sequence[int], base: int) -> Sequence[int]:
    return [value - base for value in values] if base else values


def _length(way: _Way) -> float:
    _, rests, bases = way
    if max(rests).bit_length() > WIDEST:
        return inf
    return sum(map(int.bit_length, rests)) + 8 * len(bases)


def _plan(way: int, rests: Sequence[int], bases: tuple[int, ...]) -> _Plan:
    width = max(rests).bit_length()
    head = 2 + sum(1 + base.bit_length() // 7 for base in bases)
    if not width:
        return _Plan(way, rests, bases, 0, 0, head)
    cut, cost = _best_cut(rests, width)
    return _Plan(way, rests, bases, width, cut, cost + head)


def _best_cut(rests: Sequence[int], width: int) -> tuple[int, float]:
    """Where to part the low bits from the high ones; judged on a sample."""
    number = len(rests)
    sample = rests if number <= _SAMPLE else rests[:: number // _SAMPLE]
    best_cut = min(width, WIDEST - 1)
    best_cost = number * width / 8
    for cut in _cuts(sample, width):
        high = [rest >> cut for rest in sample] if cut else sample
        cost = number * cut / 8 + _planes_cost(high, width - cut) * number / len(sample)
        if cost < best_cost:
            best_cut, best_cost = cut, cost
    if width <= 8 and (cost := _RUN_BYTES * (1 + sum(map(ne, rests[1:], rests)))) < best_cost:
        return 0, cost
    return best_cut, best_cost


def _cuts(sample: Sequence[int], width: int) -> set[int]:
    """Some large ones among many small must not push the high bits of the small into the dense part."""
    usual = sorted(sample)[len(sample) * 9 // 10].bit_length()
    cuts = {top - high for top in (usual, width) for high in _HIGH_BITS if top > high}
    if usual <= 12:
        cuts.add(0)
    return cuts


def _planes_cost(high: Sequence[int], width: int) -> float:
    if width <= 8:
        return _coded(high)
    return sum(_coded([one >> low & 255 for one in high]) for low in range(0, width, 8))


def _coded(plane: Sequence[int]) -> float:
    """The entropy in bytes, with what a table of the symbols costs."""
    counts = Counter(plane)
    weights = _weights()
    bits = weights[len(plane)] - sum(map(weights.__getitem__, counts.values()))
    return bits / 8 + 0.5 * len(counts) + 2


@cache
def _weights() -> list[float]:
    return [0.0, *(times * log2(times) for times in range(1, 2 * _SAMPLE + 1))]


def _few_values(values: Sequence[int], plan: _Plan) -> list[int] | None:
    """The values themselves, where to list them and point at them is cheaper."""
    if plan.width <= 8:
        return None
    few = sorted(set(values))
    if len(few) > len(values) // 3:
        return None
    listed = len(few) * plan.width / 8 + len(values) * log2(len(few)) / 8 + 8
    return few if listed < plan.cost else None


# Storing


def _write_plan(writer: Writer, plan: _Plan) -> None:
    planes = -(-(plan.width - plan.cut) // 8)
    writer.head.append(plan.way << 6 | plan.cut)
    writer.head.append(planes)
    for base in plan.bases:
        writer.signed(base)
    _write_low(writer, plan.rests, plan.cut)
    if planes:
        high = [rest >> plan.cut for rest in plan.rests] if plan.cut else plan.rests
        writer.planes += bytes(high) if planes == 1 else _planes_of(high, planes)


def _write_low(writer: Writer, rests: Sequence[int], cut: int) -> None:
    whole, bits = divmod(cut, 8)
    if whole:
        mask = (1 << 8 * whole) - 1
        writer.dense += _planes_of([rest & mask for rest in rests], whole)
    if bits:
        mask = (1 << bits) - 1
        writer.dense += pack_bits([rest >> 8 * whole & mask for rest in rests], bits)


def _planes_of(values: Sequence[int], planes: int) -> bytes:
    rows = struct.pack(f"<{len(values)}Q", *values)
    return b"".join(rows[plane::8] for plane in range(planes))


def _read_plan(reader: Reader, number: int, form: int, against: Sequence[int] | None) -> list[int]:
    way, cut = form >> 6, form & 63
    planes = reader.byte()
    if way == _LISTED or cut + 8 * planes > WIDEST + 7 or (way == _AGAINST and against is None):
        raise MalformedBatch("bad-column", "A column is packed in a way that we never write.")
    bases = [reader.signed() for _ in range(2 if way == _DELTA else 1)]
    number -= way == _DELTA
    rests = _read_low(reader, number, cut)
    if planes:
        high = _values_in(reader.planes(number * planes), number, planes)
        rests = [low | top << cut for low, top in zip(rests, high, strict=True)] if cut else high
    values = _restored(way, rests, bases, against)
    if min(values) < LOWEST or max(values) > LARGEST:
        raise MalformedBatch("bad-number", "A number is beyond 64 bits.")
    return values


def _restored(way: int, rests: list[int], bases: list[int], against: Sequence[int] | None) -> list[int]:
    base = bases[-1]
    moved = [rest + base for rest in rests] if base else rests
    if way == _DELTA:
        return list(accumulate(moved, initial=bases[0]))
    if way == _AGAINST and against is not None:
        return list(map(add, moved, against))
    return moved


def _read_low(reader: Reader, number: int, cut: int) -> list[int]:
    whole, bits = divmod(cut, 8)
    low = _values_in(reader.dense(number * whole), number, whole) if whole else [0] * number
    if not bits:
        return low
    middle = unpack_bits(reader.dense(-(-number * bits // 8)), number, bits)
    return [one | two << 8 * whole for one, two in zip(low, middle, strict=True)] if whole else middle


def _values_in(raw: bytes, number: int, planes: int) -> list[int]:
    if planes == 1:
        return list(raw)
    if planes > 8:
        raise MalformedBatch("bad-column", "A column is packed in a way that we never write.")
    rows = bytearray(8 * number)
    for plane in range(planes):
        rows[plane::8] = raw[plane * number : (plane + 1) * number]
    return list(struct.unpack(f"<{number}Q", rows))


# Bits


def pack_bits(values: Sequence[int], bits: int) -> bytes:
    """Values below `1 << bits`, side by side, the last byte filled with zeros. `bits` is 1 to 7."""
    digits = "".join(map(_digits(bits).__getitem__, values))
    size = -(-len(digits) // 8)
    return (int(digits or "0", 2) << 8 * size - len(digits)).to_bytes(size)


def unpack_bits(raw: bytes, number: int, bits: int) -> list[int]:
    if not number:
        return []
    digits = f"{int.from_bytes(raw):0{8 * len(raw)}b}"
    values = _values(bits)
    return [values[digits[start : start + bits]] for start in range(0, number * bits, bits)]


@cache
def _digits(bits: int) -> list[str]:
    return [f"{value:0{bits}b}" for value in range(1 << bits)]


@cache
def _values(bits: int) -> dict[str, int]:
    return {digits: value for value, digits in enumerate(_digits(bits))}
