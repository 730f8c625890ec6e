"""Which head is shown, when a person is asked, and when two values are the same.

Not here: which heads there are (test_merge.py).
"""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from hypothesis import given

from sync.core.merge import (
    GONE,
    Dot,
    Value,
    canonical_value,
    conflicts,
    is_conflict,
    merge,
    same_value,
    shown,
)
from tests.sync.core.strategies import (
    CENTRAL,
    NORTH,
    RULES,
    SOUTH,
    Clinics,
    always,
    histories,
    merge_all,
    quick,
    saved,
    thorough,
    true_heads,
    typed,
    values,
    write_of,
)


@thorough
@given(histories())
def test_a_person_is_asked_exactly_where_concurrent_values_differ(world: Clinics) -> None:
    for state, merged in world.snapshots:
        expected = {
            name
            for name, heads in true_heads(world, merged).items()
            if name != GONE and len({repr(typed(world.made[dot].fields[name])) for dot in heads}) > 1
        }
        assert set(conflicts(state, always("ask"))) - {GONE} == expected
        assert (GONE in conflicts(state, always("ask"))) == deletion_truly_contested(world, merged)
        assert set(conflicts(state, always("latest"))) == set(conflicts(state, always("ask"))) & {GONE}


def deletion_truly_contested(world: Clinics, merged: frozenset[Dot]) -> bool:
    heads = [(name, dot) for name, found in true_heads(world, merged).items() for dot in found]
    gone = {dot for name, dot in heads if name == GONE and world.made[dot].fields[GONE] is True}
    rest = {dot for name, dot in heads if name != GONE or dot not in gone}
    return any(
        x != y and x not in world.made[y].history and y not in world.made[x].history
        for x in gone
        for y in rest
    )


def test_a_fast_clock_does_not_win_once_central_says_when_it_received() -> None:
    fast, slow = saved(NORTH, 1, "fast", stamp=900, received=20), saved(SOUTH, 1, "slow", stamp=30)
    assert shown(merge(fast, slow)["dose"], "latest").value == "slow"
    assert shown(merge(fast, saved(SOUTH, 1, "slow", stamp=10))["dose"], "latest").value == "fast"
    assert write_of(NORTH, 1, stamp=5, received=9).effective == 5


def test_each_rule_shows_its_head() -> None:
    heads = merge_all(
        [
            saved(SOUTH, 1, "first", stamp=3),
            saved(CENTRAL, 1, "central", stamp=4),
            saved(NORTH, 1, "last", stamp=5),
        ]
    )["dose"]
    assert {rule: shown(heads, rule, CENTRAL).value for rule in RULES} == {
        "fixed": "first",
        "latest": "last",
        "ask": "last",
        "central": "central",
    }
    assert shown(heads, "central").value == shown(heads, "central", UUID(int=77)).value == "last"


def test_equal_stamps_are_settled_by_dot() -> None:
    heads = merge(saved(SOUTH, 1, "south"), saved(NORTH, 9, "north"))["dose"]
    assert shown(heads, "latest").value == "south"
    assert shown(heads, "fixed").value == "north"
    both_north = merge(saved(NORTH, 1, "one"), saved(NORTH, 2, "two"))["dose"]
    assert shown(both_north, "latest").value == "two"
    own = merge(saved(CENTRAL, 1, "one", stamp=2), saved(CENTRAL, 2, "two", stamp=1))["dose"]
    assert shown(own, "central", CENTRAL).value == "one"


def test_only_asked_fields_with_different_values_are_conflicts() -> None:
    differ = merge(saved(NORTH, 1, 1), saved(SOUTH, 1, 2))["dose"]
    agree = merge(saved(NORTH, 1, 1), saved(SOUTH, 1, 1))["dose"]
    assert [rule for rule in RULES if is_conflict(differ, rule)] == ["ask"]
    assert not is_conflict(agree, "ask")
    assert not is_conflict(differ[:1], "ask")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (1, 1.0),
        (0.0, -0.0),
        ("1", b"1"),
        ("", None),
        ([True], [1]),
        ({"a": 1}, {"a": 1.0}),
    ],
)
def test_values_of_different_types_differ(one: Value, other: Value) -> None:
    assert not same_value(one, other)
    assert canonical_value(one) != canonical_value(other)
    assert conflicts(merge(saved(NORTH, 1, one), saved(SOUTH, 1, other)), always("ask")) == ["dose"]


def test_the_order_of_keys_does_not_make_values_differ() -> None:
    assert same_value({"a": 1, "b": [2]}, {"b": [2], "a": 1})
    assert same_value(float("nan"), float("nan"))


@quick
@given(values(), values())
def test_sameness_is_that_of_types_and_content(one: Value, other: Value) -> None:
    assert same_value(one, other) == (typed(one) == typed(other))
    assert (canonical_value(one) == canonical_value(other)) == (typed(one) == typed(other))
    assert same_value(one, msgspec.msgpack.decode(canonical_value(one)))
