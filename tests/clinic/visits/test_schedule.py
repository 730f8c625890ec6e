"""The days of a schedule: what is due, passed over, skipped, moved, held back."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from clinic.visits.schedule import (
    Decision,
    Done,
    Following,
    Slot,
    SlotState,
    StagePlan,
    slots_of,
    state_on,
    status_after,
)

START = date(2026, 1, 5)
CONTACT = StagePlan("contact", days=(84, 140, 182), repeatable=True, interval=28)
CONTROL = StagePlan("control", days=(0,), repeatable=True, interval=30, from_enrollment=True)
DOSE_1 = StagePlan("w6", days=(42,))
DOSE_2 = StagePlan("w10", days=(70,), after="w6", after_days=28)


def day(number: int) -> date:
    return START + timedelta(days=number)


def done(stage: str, number: int, completed: bool = True, back_on: date | None = None) -> Done:
    return Done(stage, uuid4(), day(number), completed, back_on)


def decided(kind: str, stage: str, occurrence: int = 1, on: date | None = None, reason: str = "") -> Decision:
    return Decision(kind, stage, occurrence, on, reason, UUID(int=1))


def slots(*plans: StagePlan, events: tuple[Done, ...] = (), said: tuple[Decision, ...] = ()) -> list[Slot]:
    return slots_of(Following(START, START, plans, events, said))


def states(found: list[Slot], today: date) -> list[tuple[int, str]]:
    return [(slot.occurrence, state_on(slot, today).value) for slot in found]


def test_every_counted_coming_has_its_day() -> None:
    assert [slot.due_on for slot in slots(CONTACT)] == [day(84), day(140), day(182)]


def test_a_coming_is_planned_then_due_then_overdue() -> None:
    one = slots(DOSE_1)[0]
    seen = [state_on(one, day(number)) for number in (41, 42, 49, 50, 400)]
    assert seen == [
        SlotState.SCHEDULED,
        SlotState.DUE,
        SlotState.DUE,
        SlotState.OVERDUE,
        SlotState.OVERDUE,
    ]


def test_the_next_coming_takes_the_place_of_one_that_was_missed() -> None:
    assert states(slots(CONTACT), day(141)) == [(1, "missed"), (2, "due"), (3, "scheduled")]


def test_who_comes_late_goes_on_with_the_nearest_contact() -> None:
    found = slots(CONTACT, events=(done("contact", 144),))
    assert states(found, day(150)) == [(1, "missed"), (2, "completed"), (3, "scheduled")]


def test_a_control_is_due_an_interval_after_the_last_one() -> None:
    found = slots(CONTROL, events=(done("control", 0), done("control", 33)))
    assert [slot.due_on for slot in found if slot.is_open] == [day(63)]


def test_a_control_is_due_on_the_day_that_the_person_was_asked_for() -> None:
    found = slots(CONTROL, events=(done("control", 0, back_on=day(14)),))
    assert [slot.due_on for slot in found if slot.is_open] == [day(14)]


def test_a_skipped_control_is_followed_by_the_next() -> None:
    found = slots(
        CONTROL, events=(done("control", 0),), said=(decided("skipped", "control", 2, reason="away"),)
    )
    assert states(found, day(31)) == [(1, "completed"), (2, "skipped"), (3, "scheduled")]
    assert found[2].due_on == day(60)


def test_what_was_skipped_can_be_wanted_again() -> None:
    said = (decided("skipped", "w6", reason="ill"), decided("wanted", "w6"))
    assert states(slots(DOSE_1, said=said), day(45)) == [(1, "due")]


def test_what_was_done_counts_over_a_skip_elsewhere() -> None:
    found = slots(DOSE_1, events=(done("w6", 44),), said=(decided("skipped", "w6", reason="not in stock"),))
    assert states(found, day(45)) == [(1, "completed")]


def test_a_moved_coming_is_due_on_its_new_day() -> None:
    found = slots(DOSE_1, said=(decided("moved", "w6", on=day(50)), decided("moved", "w6", on=day(60))))
    assert [slot.due_on for slot in found] == [day(60)]


def test_a_dose_waits_for_the_one_before() -> None:
    late = slots(DOSE_1, DOSE_2, events=(done("w6", 140),))
    assert [slot.due_on for slot in late if slot.is_open] == [day(168)]
    in_time = slots(DOSE_1, DOSE_2, events=(done("w6", 41),))
    assert [slot.due_on for slot in in_time if slot.is_open] == [day(70)]


def test_without_the_day_to_count_from_the_first_contact_is_now_and_others_follow() -> None:
    following = Following(START, None, [CONTACT])
    assert [slot.due_on for slot in slots_of(following)] == [START]
    once = Following(START, None, [CONTACT], [done("contact", 2)])
    assert [slot.due_on for slot in slots_of(once) if slot.is_open] == [day(30)]


def test_a_stage_that_is_begun_is_not_done() -> None:
    assert states(slots(DOSE_1, events=(done("w6", 42, completed=False),)), day(43)) == [(1, "begun")]


def test_a_stage_without_days_waits_for_nobody() -> None:
    assert slots(StagePlan("outcome")) == []
    assert states(slots(StagePlan("outcome"), events=(done("outcome", 9),)), day(9)) == [(1, "completed")]


def test_the_last_word_about_an_enrollment_counts() -> None:
    assert status_after([]) == "active"
    assert status_after(["assigned", "completed", "follow-up"]) == "completed"
    assert status_after(["completed", "reopened", "cancelled"]) == "cancelled"
    assert status_after(["completed", "reopened", "something of next year"]) == "active"


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["contact", "control", "w6"]), st.integers(0, 500)), max_size=8
    ),
    said=st.lists(
        st.tuples(
            st.sampled_from(["moved", "skipped", "wanted"]),
            st.sampled_from(["contact", "control", "w6"]),
            st.integers(1, 6),
            st.integers(0, 500),
        ),
        max_size=8,
    ),
    today=st.integers(0, 600),
)
def test_every_event_has_one_slot_and_no_coming_is_there_twice(
    events: list[tuple[str, int]], said: list[tuple[str, str, int, int]], today: int
) -> None:
    happened = tuple(done(stage, number) for stage, number in sorted(events, key=lambda one: one[1]))
    wanted = tuple(decided(kind, stage, number, on=day(on)) for kind, stage, number, on in said)
    found = slots(CONTACT, CONTROL, DOSE_1, events=happened, said=wanted)
    assert sorted(slot.event.event for slot in found if slot.event) == sorted(one.event for one in happened)
    assert len({(slot.stage, slot.occurrence) for slot in found}) == len(found)
    assert all(state_on(slot, day(today)) in set(SlotState) for slot in found)
