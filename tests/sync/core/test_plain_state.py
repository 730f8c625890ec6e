"""The plain form of a state: brings every state back, and refuses whatever it would not have written.

Not here: what travels around it (test_protocol.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.merge import (
    Dot,
    Head,
    Past,
    Value,
    Write,
    merge,
    state_from_plain,
    state_of,
    state_to_plain,
)
from tests.sync.core.strategies import (
    CENTRAL,
    NORTH,
    NURSES,
    SOUTH,
    Clinics,
    exactly,
    histories,
    pasts,
    quick,
    saved,
    seqs,
    stamps,
    thorough,
    values,
    write_of,
)


@thorough
@given(histories())
def test_the_plain_form_brings_every_state_back(world: Clinics) -> None:
    for state, _ in world.snapshots:
        plain = state_to_plain(state)
        travelled = msgspec.msgpack.decode(msgspec.msgpack.encode(plain))
        assert state_from_plain(plain) == state_from_plain(travelled) == state
        assert exactly(state_from_plain(travelled)) == exactly(state)
        assert exactly(dict(reversed(list(state.items())))) == exactly(state)


@quick
@given(
    values(), pasts(), seqs(), st.none() | stamps(), st.sampled_from(NURSES), st.text(), st.integers(-9, 9)
)
def test_any_write_and_value_have_a_plain_form(
    value: Value, past: Past, seq: int, received: int | None, author: UUID | None, device: str, offset: int
) -> None:
    state = state_of(
        Write(Dot(NORTH, seq), past, 5, received, author, device, offset), {"dose": value, "": None}
    )
    back = state_from_plain(msgspec.msgpack.decode(msgspec.msgpack.encode(state_to_plain(state))))
    assert exactly(back) == exactly(state)
    assert back["dose"][0].write == state["dose"][0].write


def test_one_write_behind_many_fields_stands_once() -> None:
    state = state_of(write_of(NORTH, 1), {f"field {place}": place for place in range(50)})
    ids, writes, fields = state_to_plain(state)
    assert (len(ids), len(writes), len(fields)) == (2, 1, 50)
    assert len({id(heads[0].write) for heads in state_from_plain([ids, writes, fields]).values()}) == 1


def test_one_dot_with_two_received_times_keeps_both_writes() -> None:
    early = write_of(NORTH, 1, received=3)
    state = {"a": (Head(early, 1),), "b": (Head(replace(early, received=None), 2),), "c": (Head(early, 3),)}
    assert state_from_plain(state_to_plain(state)) == state
    assert len(state_to_plain(state)[1]) == 2


def plain_example() -> list[Any]:
    both = merge(saved(NORTH, 4, 1, Past({CENTRAL: 2}, frozenset({Dot(SOUTH, 8)}))), saved(SOUTH, 3, 2))
    return state_to_plain({**both, "name": both["dose"][:1]})


PLACES: list[tuple[str, Any]] = [
    ("", None),
    ("", []),
    ("", "three"),
    ("0", {}),
    ("0.0", b"short"),
    ("0.0", "sixteen letters."),
    ("0.0", b"\xff" * 16),  # ids out of order
    ("1.0", []),
    ("1.0.0", 99),
    ("1.0.0", -1),
    ("1.0.0", True),
    ("1.0.1", 0),
    ("1.0.1", 2**63),
    ("1.0.1", 4.0),
    ("1.0.2", [[2, 0]]),
    ("1.0.2", [[2]]),
    ("1.0.2", [[2, 1], [2, 2]]),
    ("1.0.2", [[3, 9], [2, 1]]),
    ("1.0.3", [[2, 1]]),  # under the highest: not normal
    ("1.0.4", -1),
    ("1.0.4", None),
    ("1.0.5", 7),
    ("1.0.6", b"tablet"),
    ("1.0.7", None),
    ("1.0.7", 2**63),
    ("1.0.8", -1),
    ("2.0", ["dose"]),
    ("2.0", ["dose", []]),
    ("2.0", [7, [[0, 1]]]),
    ("2.0.0", "zzz"),  # fields out of order
    ("2.0.0", "name"),  # a field twice
    ("2.0.1", [[0, 1]]),  # a write that no head uses
    ("2.0.1", [[1, 1], [0, 2]]),
    ("2.0.1", [[0, 1], [0, 2]]),
    ("2.0.1.0.0", 2),
    ("2.0.1.0.1", NORTH),
    ("2.0.1.0.1", 2**64),
    ("2.0.1.0.1", {1: 2}),
    ("2.0.1.0.1", {"k": NORTH}),
    ("2.0.1.0.1", [{"k": (1,)}]),
    ("2.0.1.0.1", "\ud800"),
]


@pytest.mark.parametrize(("path", "instead"), PLACES)
def test_a_malformed_plain_state_is_refused(path: str, instead: object) -> None:
    root: list[Any] = [plain_example()]
    assert exactly(state_from_plain(root[0])) == msgspec.msgpack.encode(root[0])
    spot: Any = root
    *steps, last = [0, *(int(step) for step in path.split(".") if step)]
    for step in steps:
        spot = spot[step]
    spot[last] = instead
    with pytest.raises(ValueError, match=r".+"):
        state_from_plain(root[0])


def test_a_field_without_heads_is_refused() -> None:
    with pytest.raises(ValueError, match="plain state"):
        state_from_plain([[], [], [["dose", []]]])


def test_how_a_past_was_put_together_does_not_show() -> None:
    seen_dots = [Dot(replica, seq) for seq in range(10, 30) for replica in (NORTH, SOUTH)]
    one = saved(NORTH, 40, 1, Past({NORTH: 2, SOUTH: 3}, frozenset(seen_dots)))
    other = saved(NORTH, 40, 1, Past({SOUTH: 3, NORTH: 2}, frozenset(reversed(seen_dots))))
    assert exactly(one) == exactly(other)
    also = state_to_plain(one)[1][0][3]
    assert also == sorted(also)


def test_a_superseded_head_is_refused() -> None:
    old, new = write_of(NORTH, 1), write_of(SOUTH, 1, Past({NORTH: 1}))
    with pytest.raises(ValueError, match="superseded"):
        state_from_plain(state_to_plain({"dose": (Head(old, 1), Head(new, 2))}))


def test_a_bottomless_value_is_refused() -> None:
    plain = plain_example()
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    plain[2][0][1][0][1] = deep
    with pytest.raises(ValueError, match="plain state"):
        state_from_plain(plain)
