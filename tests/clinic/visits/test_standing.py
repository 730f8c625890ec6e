"""Steps from two tablets, in any order: one standing that everybody agrees on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from clinic.visits.policy import (
    Priority,
    Standing,
    Station,
    Step,
    StepKind,
    VisitState,
    place_in_line,
    standing_of,
)

OPENED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ANA, TINA, LUIS = UUID(int=1), UUID(int=2), UUID(int=3)
STAFF = [ANA, TINA, LUIS]


def step(kind: str, minutes: int, by: UUID = TINA, station: str = "triage", **more: object) -> Step:
    at = OPENED + timedelta(minutes=minutes)
    return Step(kind, station, at, by, stamp=minutes, id=UUID(int=minutes), **more)  # type: ignore[arg-type]


def after(*steps: Step) -> Standing:
    return standing_of(OPENED, [step("sent", 0), *steps])


steps = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from([kind.value for kind in StepKind] + ["of the next version"]),
        station=st.sampled_from([Station.TRIAGE.value, Station.PROVIDER.value]),
        at=st.integers(0, 400).map(lambda minutes: OPENED + timedelta(minutes=minutes)),
        by=st.sampled_from(STAFF),
        to=st.none() | st.sampled_from(STAFF),
        priority=st.sampled_from([one.value for one in Priority]),
        stamp=st.integers(0, 50),
        id=st.uuids(),
    ),
    max_size=14,
    unique_by=lambda one: one.id,
)


@given(steps, st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_one_standing(made: list[Step], chance: random.Random) -> None:
    shuffled = list(made)
    chance.shuffle(shuffled)
    assert standing_of(OPENED, shuffled) == standing_of(OPENED, made)


@given(steps)
def test_somebody_is_with_the_patient_exactly_when_the_state_says_so(made: list[Step]) -> None:
    now = standing_of(OPENED, made)
    assert (now.claimed_by is not None) is (now.state is VisitState.WITH_SOMEONE)
    assert now.claimed_by not in now.also_claimed
    assert not now.also_claimed or now.state is VisitState.WITH_SOMEONE
    assert now.is_open is (now.closed_at is None)


@given(steps, steps)
def test_nothing_happens_to_a_visit_after_its_close(before: list[Step], later: list[Step]) -> None:
    closed = Step("closed", "triage", OPENED, ANA, stamp=60, id=UUID(int=9))
    pushed = [Step(one.kind, one.station, one.at, one.by, stamp=one.stamp + 100, id=one.id) for one in later]
    assert standing_of(OPENED, [*before, closed, *pushed]) == standing_of(OPENED, [*before, closed])


def test_the_earlier_of_two_claims_counts_and_the_later_one_is_told() -> None:
    now = after(step("claimed", 6, ANA), step("claimed", 5, TINA))
    assert (now.claimed_by, now.also_claimed) == (TINA, (ANA,))


def test_the_one_who_was_later_lets_go_of_nothing() -> None:
    now = after(step("claimed", 5, TINA), step("claimed", 6, ANA), step("released", 7, ANA))
    assert (now.state, now.claimed_by, now.also_claimed) == (VisitState.WITH_SOMEONE, TINA, ())


def test_a_hand_over_waits_for_the_colleague_until_somebody_takes_the_patient() -> None:
    handed = (step("claimed", 5, TINA), step("released", 6, TINA, to=ANA))
    now = after(*handed)
    assert (now.state, now.waits_for, now.arrived_at) == (VisitState.WAITING, ANA, OPENED)
    assert after(*handed, step("claimed", 7, ANA)).waits_for is None


def test_whoever_is_skipped_goes_to_the_end_and_the_wait_still_counts() -> None:
    first, second = after(), standing_of(OPENED, [step("sent", 1)])
    assert place_in_line(first) < place_in_line(second)
    skipped = after(step("skipped", 5))
    assert place_in_line(skipped) > place_in_line(second)
    assert (skipped.skips, skipped.arrived_at) == (1, OPENED)


def test_an_emergency_comes_before_the_longest_wait() -> None:
    urgent = standing_of(OPENED, [step("sent", 30), step("priority", 31, priority="emergency")])
    assert place_in_line(urgent) < place_in_line(after())
    assert (urgent.priority_by, urgent.priority_at) == (TINA, OPENED + timedelta(minutes=31))


def test_the_priority_goes_along_to_the_next_station() -> None:
    now = after(step("priority", 2, priority="priority"), step("sent", 3, station="provider"))
    assert (now.priority, now.came_from, now.sent_back) == ("priority", "triage", False)
    back = after(step("sent", 3, station="provider"), step("sent-back", 9, station="triage"))
    assert (back.station, back.came_from, back.sent_back) == ("triage", "provider", True)


def test_whoever_went_away_may_come_back_to_the_same_line() -> None:
    gone = after(step("left", 5))
    assert (gone.state, gone.is_open, gone.is_here) == (VisitState.LEFT, True, False)
    back = after(step("left", 5), step("returned", 50))
    assert (back.state, back.arrived_at) == (VisitState.WAITING, OPENED + timedelta(minutes=50))


def test_a_patient_in_front_of_somebody_has_not_gone_away() -> None:
    now = after(step("left", 5), step("claimed", 6, ANA))
    assert (now.state, now.claimed_by) == (VisitState.WITH_SOMEONE, ANA)


def test_whoever_is_carried_over_waits_again() -> None:
    now = after(step("claimed", 5, TINA), step("carried", 400))
    assert (now.state, now.station, now.claimed_by) == (VisitState.WAITING, "triage", None)
