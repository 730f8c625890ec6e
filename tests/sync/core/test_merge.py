"""The merge: against an oracle that trusts no vector, its algebra, and examples the design was bought with.

Not here: what people see (test_shown.py), the plain form (test_plain_state.py). Read strategies.py first.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from sync.core.merge import (
    GONE,
    Dot,
    Head,
    Past,
    State,
    conflicts,
    merge,
    rewrite_received,
    seen,
    shown,
    state_of,
    supersedes,
)
from tests.sync.core.strategies import (
    CENTRAL,
    CLINICS,
    NORTH,
    RULES,
    SOUTH,
    Clinics,
    always,
    dots,
    exactly,
    histories,
    merge_all,
    pasts,
    quick,
    saved,
    stamps,
    thorough,
    true_heads,
    typed,
    values,
    write_of,
)


def dots_of(state: State) -> dict[str, set[Dot]]:
    return {name: {head.write.dot for head in heads} for name, heads in state.items()}


# Whole histories
@thorough
@given(histories())
def test_heads_are_what_is_truly_concurrent(world: Clinics) -> None:
    for state, merged in world.snapshots:
        assert dots_of(state) == true_heads(world, merged)
        for name, heads in state.items():
            assert [typed(head.value) for head in heads] == [
                typed(world.made[head.write.dot].fields[name]) for head in heads
            ]
    event(f"changes: {len(world.made) // 4 * 4}+")
    event(f"amended: {any(made.write.past.also for made in world.made.values())}")
    event(f"contested: {any(len(h) > 1 for state, _ in world.snapshots for h in state.values())}")


@thorough
@given(histories())
def test_a_past_covers_exactly_what_its_author_had_seen(world: Clinics) -> None:
    for later in world.made.values():
        for earlier in world.made:
            if earlier != later.write.dot:
                assert later.write.past.covers(earlier) == (earlier in later.history)


@thorough
@given(histories(), st.data())
def test_merging_is_commutative_associative_and_idempotent(world: Clinics, data: st.DataObject) -> None:
    """D3: whatever was written at three places."""
    any_state = st.sampled_from([{}, *world.everything()])
    a, b, c = data.draw(any_state), data.draw(any_state), data.draw(any_state)
    assert exactly(merge(a, b)) == exactly(merge(b, a))
    assert exactly(merge(merge(a, b), c)) == exactly(merge(a, merge(b, c)))
    assert exactly(merge(a, a)) == exactly(merge(a, dict(a))) == exactly(a)
    assert exactly(merge(merge(a, b), b)) == exactly(merge(a, b))


@thorough
@given(histories(), st.randoms(use_true_random=False))
def test_any_order_and_number_of_arrivals_shows_the_same(world: Clinics, rng: Any) -> None:
    """D3: and however it arrives."""
    arrivals = world.everything()
    one = merge_all(arrivals)
    rng.shuffle(arrivals)
    other = merge_all(arrivals + arrivals[: len(arrivals) // 2])
    assert exactly(one) == exactly(other)
    assert dots_of(one) == true_heads(world, frozenset(world.made))
    for rule in RULES:
        assert conflicts(one, always(rule)) == conflicts(other, always(rule))
        for name in one:
            assert shown(one[name], rule, CENTRAL) == shown(other[name], rule, CENTRAL)


@thorough
@given(histories(), st.permutations(CLINICS))
def test_replicas_agree_once_all_has_travelled_through_central(world: Clinics, order: list[UUID]) -> None:
    for clinic in [*order, *order]:
        world.transfer(clinic, CENTRAL)
        world.transfer(CENTRAL, clinic)
    for clinic in order:
        world.transfer(CENTRAL, clinic)
    assert len({exactly(replica.state) for replica in world.replicas.values()}) == 1
    assert len({seen(replica.state) for replica in world.replicas.values()}) == 1


# Pasts


@quick
@given(pasts(), pasts(), dots())
def test_a_joined_past_covers_what_either_covers(one: Past, other: Past, dot: Dot) -> None:
    assert one.join(other).covers(dot) == (one.covers(dot) or other.covers(dot))
    assert one.join(other) == other.join(one)
    assert one.join(one) == one


@quick
@given(pasts(), dots(), dots())
def test_including_a_dot_adds_that_dot_alone(past: Past, dot: Dot, other: Dot) -> None:
    wider = past.including(dot)
    assert wider.covers(dot)
    assert wider.covers(other) == (past.covers(other) or other == dot)
    assert not wider.is_empty
    assert not any(dot.seq <= wider.highest.get(dot.replica, 0) for dot in wider.also)


def test_single_dots_under_the_highest_are_dropped() -> None:
    past = Past({NORTH: 3}, frozenset({Dot(NORTH, 2), Dot(NORTH, 3), Dot(NORTH, 5), Dot(SOUTH, 1)}))
    assert past.also == {Dot(NORTH, 5), Dot(SOUTH, 1)}
    assert past.join(Past({NORTH: 5})) == Past({NORTH: 5}, frozenset({Dot(SOUTH, 1)}))
    assert hash(past) == hash(Past({NORTH: 3}, frozenset({Dot(SOUTH, 1), Dot(NORTH, 5)})))
    assert Past().is_empty
    assert not past.is_empty


def test_what_is_seen_is_every_head_and_what_it_saw() -> None:
    contested = merge(
        saved(NORTH, 4, 1, Past({SOUTH: 2})), saved(SOUTH, 7, 2, Past({}, frozenset({Dot(NORTH, 9)})))
    )
    assert seen(contested) == Past({NORTH: 4, SOUTH: 7}, frozenset({Dot(NORTH, 9)}))
    assert seen({}) == Past()


def test_dots_sort_by_replica_bytes_then_seq() -> None:
    given_dots = [Dot(SOUTH, 1), Dot(CENTRAL, 2), Dot(CENTRAL, 1), Dot(NORTH, 9)]
    assert sorted(given_dots) == sorted(given_dots, key=lambda dot: (dot.replica.bytes, dot.seq))
    assert [dot.replica for dot in sorted(given_dots)] == [NORTH, CENTRAL, CENTRAL, SOUTH]


# What each rule of the design was bought with


def test_a_stale_form_is_a_concurrent_writer() -> None:
    first = saved(NORTH, 1, "10 mg")
    form = seen(first)
    colleague = merge(first, saved(NORTH, 2, "20 mg", seen(first)))
    both = merge(colleague, saved(NORTH, 3, "5 mg", form))
    assert [head.value for head in both["dose"]] == ["20 mg", "5 mg"]
    assert conflicts(both, always("ask")) == ["dose"]
    settled = merge(both, saved(NORTH, 4, "20 mg", seen(both)))
    assert [head.value for head in settled["dose"]] == ["20 mg"]
    assert conflicts(settled, always("ask")) == []


def test_causality_comes_before_clocks() -> None:
    first = saved(NORTH, 1, "old", stamp=10**9)
    later = saved(SOUTH, 1, "new", seen(first), stamp=1)
    assert merge(first, later) == merge(later, first) == later


def test_a_write_supersedes_only_in_the_fields_it_sets() -> None:
    first = state_of(write_of(NORTH, 1), {"dose": 1, "name": "A"})
    later = saved(SOUTH, 1, 2, seen(first))
    both = merge(first, later)
    assert dots_of(both) == {"dose": {Dot(SOUTH, 1)}, "name": {Dot(NORTH, 1)}}
    assert seen(both) == Past({NORTH: 1, SOUTH: 1})


def test_a_deletion_and_an_edit_of_any_field_contest_each_other() -> None:
    born = state_of(write_of(NORTH, 1), {"name": "A", GONE: False})
    deleted = merge(born, state_of(write_of(NORTH, 2, seen(born)), {GONE: True}))
    edited = merge(born, saved(SOUTH, 1, 5, seen(born)))
    assert conflicts(deleted, always("latest")) == []
    both = merge(deleted, edited)
    for rule in RULES:
        assert conflicts(both, always(rule)) == [GONE]
    for keep_gone in (True, False):
        decided = merge(both, state_of(write_of(SOUTH, 2, seen(both)), {GONE: keep_gone}))
        assert conflicts(decided, always("latest")) == []
        assert shown(decided[GONE], "latest").value is keep_gone


def test_an_edit_that_saw_the_deletion_does_not_contest_it() -> None:
    deleted = state_of(write_of(NORTH, 1), {"name": "A", GONE: True})
    assert conflicts(merge(deleted, saved(SOUTH, 1, 5, seen(deleted))), always("ask")) == []


def test_two_deletions_agree_and_a_restoration_contests_a_deletion() -> None:
    born = state_of(write_of(NORTH, 1), {GONE: False})
    deleted = [state_of(write_of(one, 2, seen(born)), {GONE: True}) for one in (NORTH, SOUTH)]
    assert conflicts(merge(*deleted), always("ask")) == []
    restored = state_of(write_of(SOUTH, 3, seen(deleted[1])), {GONE: False})
    assert conflicts(merge(deleted[0], restored), always("ask")) == [GONE]


def test_an_amendment_stands_for_its_original_on_both_sides() -> None:
    born = saved(CENTRAL, 1, 0)
    original = saved(NORTH, 5, 500, seen(born))
    amended = saved(CENTRAL, 2, 50, seen(born).including(Dot(NORTH, 5)))
    later = saved(NORTH, 6, 60, seen(merge(born, original)))
    clinic = merge_all([born, original, later, amended])
    central = merge_all([born, amended, later])
    assert exactly(clinic) == exactly(central)
    assert dots_of(clinic) == {"dose": {Dot(CENTRAL, 2), Dot(NORTH, 6)}}


# Received


@pytest.mark.parametrize(
    ("one", "other", "kept"), [(None, 7, 7), (7, None, 7), (7, 3, 3), (3, 7, 3), (None, None, None)]
)
def test_the_same_change_twice_was_received_when_it_was_first(
    one: int | None, other: int | None, kept: int | None
) -> None:
    joined = merge(saved(NORTH, 1, "x", received=one), saved(NORTH, 1, "x", received=other))
    assert joined == saved(NORTH, 1, "x", received=kept)


def test_a_receipt_touches_its_dot_alone_and_only_for_an_earlier_time() -> None:
    both = merge(saved(NORTH, 1, 1, received=6), saved(SOUTH, 1, 2))
    assert rewrite_received(both, Dot(NORTH, 1), 8) is both
    assert rewrite_received(both, Dot(NORTH, 2), 1) is both
    rewritten = rewrite_received(both, Dot(SOUTH, 1), 4)
    assert [head.write.received for head in rewritten["dose"]] == [6, 4]
    assert [head.write.received for head in rewrite_received(both, Dot(NORTH, 1), 2)["dose"]] == [2, None]


@thorough
@given(histories(), st.data())
def test_merging_never_forgets_or_raises_what_was_received(world: Clinics, data: st.DataObject) -> None:
    any_state = st.sampled_from([{}, *world.everything()])
    a, b = data.draw(any_state), data.draw(any_state)
    earliest: dict[tuple[str, Dot], int] = {}
    for name, heads in [*a.items(), *b.items()]:
        for head in heads:
            if head.write.received is not None:
                key = name, head.write.dot
                earliest[key] = min(head.write.received, earliest.get(key, head.write.received))
    for name, heads in merge(a, b).items():
        for head in heads:
            assert head.write.received == earliest.get((name, head.write.dot))


# Lies: forked dots and forged pasts must not make the answer depend on order, nor lose a value


forks = st.builds(
    saved,
    st.just(NORTH),
    st.just(1),
    st.sampled_from([1, True]) | values(),
    st.sampled_from([None, Past({SOUTH: 1}), Past({SOUTH: 2})]),
    st.sampled_from([5, 6]),
    st.none() | stamps(),
)


@thorough
@given(st.lists(forks, min_size=3, max_size=3), st.permutations([0, 1, 2]))
def test_a_fork_joins_the_same_in_any_order(states: list[State], order: list[int]) -> None:
    joined = merge_all([states[place] for place in order])
    assert exactly(joined) == exactly(merge_all(states))
    assert len(joined["dose"]) == 1
    times = [state["dose"][0].write.received for state in states]
    assert joined["dose"][0].write.received == min((one for one in times if one is not None), default=None)


def test_two_writes_that_claim_to_have_seen_each_other_are_both_kept() -> None:
    one, other = write_of(NORTH, 1, Past({SOUTH: 1})), write_of(SOUTH, 1, Past({NORTH: 1}))
    assert not supersedes(one, other)
    assert not supersedes(other, one)
    both = merge(state_of(one, {"dose": 1}), state_of(other, {"dose": 2}))
    assert [head.value for head in both["dose"]] == [1, 2]


def test_a_write_that_claims_to_have_seen_itself_stays() -> None:
    itself = saved(NORTH, 1, 1, Past({NORTH: 1}))
    other = saved(SOUTH, 1, 2)
    assert merge(itself, itself) == itself
    assert dots_of(merge_all([itself, other, itself])) == {"dose": {Dot(NORTH, 1), Dot(SOUTH, 1)}}


def test_a_ring_of_forged_pasts_does_not_empty_a_field() -> None:
    ring = [
        Head(write_of(one, 1, Past({other: 1})), str(one))
        for one, other in ((NORTH, CENTRAL), (CENTRAL, SOUTH), (SOUTH, NORTH))
    ]
    merged = merge({"dose": (ring[0],)}, {"dose": (ring[1], ring[2])})
    assert len(merged["dose"]) == 3
