"""Columns of any values come back exactly as they went, and take about what they tell."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.changes import new_save_id, pack
from sync.core.columns import Context, ids_in, read_column, write_column
from sync.core.ids import read_ids, write_ids
from sync.core.ints import pack_bits, pick, read_ints, unpack_bits, write_ints
from sync.core.merge import Value
from sync.core.wire import PAGE, MalformedBatch, Writer, seal, unseal
from tests.sync.core.strategies import thorough
from tests.sync.core.wire_strategies import columns_alike, values


def there_and_back(column: list[Any]) -> tuple[list[Value], int]:
    """The column as read, and the bytes of its frame."""
    ids = sorted(ids_in(column))
    times = [1_748_736_000_000 + 90_000 * row for row in range(len(column))]
    writer = Writer()
    write_column(writer, column, Context(times, {one: place for place, one in enumerate(ids)}))
    blob = seal(PAGE, writer)
    reader = unseal(PAGE, blob)
    back = read_column(reader, len(column), Context(times, ids=ids))
    reader.finish()
    return back, len(blob)


@thorough
@given(columns_alike)
def test_columns_of_one_kind_come_back(column: list[Any]) -> None:
    assert pack(there_and_back(column)[0]) == pack(column)


@thorough
@given(st.lists(values, max_size=20))
def test_columns_of_anything_come_back(column: list[Value]) -> None:
    assert pack(there_and_back(column)[0]) == pack(column)


@pytest.mark.parametrize(
    "column",
    [
        ["0712345678", "0700000001", "0799999999", "0711111111"],
        ["+255712345678", "0712345678", "", "n/a"] * 3,
        ["007", "07", "7"],
        ["37.5", "40.0", "-0.5", "0.0"],
        ["37.5", "37", "36.55", ""],
        ["-0", "0"],
        ["-0.0", "0.0"],
        ["1_0", "10"],
        ["999999999999999999", "-999999999999999999"],
        ["9999999999999999999", "1"],
        ["99999999999999999.9", "0.1"],
        ["999999999999999999.9", "0.1"],
        ["0001-01-01", "9999-12-31"],
        ["2025-02-29", "2024-02-29"],
        ["2025-6-01", "2024-02-29"],
        ["٣٧", "37"],
        ["e\u0301", "\u00e9"],
        ["\u202eabc", "a\u200db", "👩\u200d⚕️", "x\r\n", " ", ""],
        ["nul\0nul", "a", ""],
        ["{}", "{0}12", "%s34"] * 4,
        [0.0, -0.0, 1e300, 5e-324, 36.6],
        [float("nan"), float("inf"), 1.5],
        [-(2**63), 2**63 - 1, 0],
        [2**64 - 1, -(2**63)],
        [True, 1, 1.0, "1", b"1", None, [1], {"a": 1}],
        [bytes(16), bytes(15), bytes(16), b""],
        [[], ["a"], ["a"], ["a", "b"]],
        [{"b": 1, "a": {"c": None}}],
    ],
    ids=repr,
)
def test_columns_that_look_like_something_else(column: list[Any]) -> None:
    assert pack(there_and_back(column)[0]) == pack(column)


def test_read_lists_are_not_shared_between_rows() -> None:
    back, _ = there_and_back([["a"], ["a"]])
    assert isinstance(back[0], list)
    back[0].append("b")
    assert back[1] == ["a"]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {1: 2}, object(), {"a": {3}}, "\ud800", ["\ud800"]])
def test_what_is_no_wire_value_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        there_and_back([value])


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Any = 1
    for _ in range(40):
        value = [value]
    with pytest.raises(ValueError, match="deeply"):
        there_and_back([value])


SIZES = Random(1)
STEPS = [int(SIZES.expovariate(1 / 90_000)) for _ in range(1000)]


@pytest.mark.parametrize(
    ("column", "most"),
    [
        ([str(int(SIZES.gauss(122, 16))) for _ in range(1000)], 900),
        ([f"{SIZES.gauss(37.2, 0.8):.1f}" for _ in range(1000)], 790),
        ([SIZES.choice(("true", "false")) for _ in range(1000)], 170),
        ([SIZES.choice(("new", "followup", "emergency", "anc")) for _ in range(1000)], 310),
        ([f"+25571{SIZES.randrange(10**7):07d}" for _ in range(1000)], 3050),
        ([f"07{SIZES.randrange(10**8):08d}" for _ in range(1000)], 3450),
        ([f"2025-{SIZES.randint(1, 12):02d}-{SIZES.randint(1, 28):02d}" for _ in range(1000)], 1250),
        (list(accumulate(STEPS, initial=1_748_736_000_000)), 2400),
        ([7] * 1000, 30),
        ([None] * 1000, 30),
        ([row // 100 for row in range(1000)], 90),
        ([SIZES.choice((None, True, False)) for _ in range(1000)], 400),
        ([0] * 999 + [2**62], 60),
        ([SIZES.choice((10**15, 5, 10**17, -3)) for _ in range(1000)], 330),
        ([SIZES.choice(("fever", "cough", "three days", "no rash")) for _ in range(1000)], 320),
    ],
    ids=lambda one: str(one[0]) if isinstance(one, list) else str(one),
)
def test_a_column_takes_about_what_it_tells(column: list[Any], most: int) -> None:
    assert there_and_back(column)[1] <= most


# Ints, bits, ids


@thorough
@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.data())
def test_ints_come_back_also_against_others(column: list[int], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.integers(0, 2**48), min_size=len(column), max_size=len(column)))
    writer = Writer()
    write_ints(writer, column, others)
    reader = unseal(PAGE, seal(PAGE, writer))
    assert read_ints(reader, len(column), others) == column
    reader.finish()


@given(st.integers(1, 7), st.data())
def test_bits_come_back(bits: int, data: st.DataObject) -> None:
    column = data.draw(st.lists(st.integers(0, (1 << bits) - 1)))
    packed = pack_bits(column, bits)
    assert len(packed) == -(-len(column) * bits // 8)
    assert unpack_bits(packed, len(column), bits) == column


def test_a_place_never_counts_from_the_end() -> None:
    with pytest.raises(MalformedBatch, match="beyond"):
        pick("abc", [-1])


@thorough
@given(
    st.lists(
        st.uuids() | st.uuids(version=4) | st.builds(new_save_id, st.integers(0, 2**48 - 1), st.randoms())
    )
)
def test_ids_come_back(ids: list[Any]) -> None:
    column = [one.bytes for one in ids]
    writer = Writer()
    write_ids(writer, column)
    reader = unseal(PAGE, seal(PAGE, writer))
    assert read_ids(reader, len(column)) == column
    reader.finish()


def test_the_ids_of_saves_cost_little_more_than_their_random_bits() -> None:
    rng, now = Random(2), 1_748_736_000_000
    times = list(accumulate(STEPS, initial=now))
    ids = [new_save_id(time - rng.randrange(1000), rng).bytes for time in times]
    writer = Writer()
    write_ids(writer, ids, times)
    assert len(seal(PAGE, writer)) < len(ids) * (74 / 8 + 10 / 8 + 0.2)
