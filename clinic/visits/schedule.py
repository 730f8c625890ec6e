"""What is due when: stages, days, and what was done and decided → the slots of one enrollment.

Lives here, pure: `slots_of` (every expected coming of every stage, with its due date and what became of it),
`state_on` (scheduled, due, overdue … seen from a day) and `status_after` (what the steps make of an
enrollment). Nothing that this answers is stored as a record: two clinics that know the same rows work out
the same days (docs/adr/0016-due-dates.md). Not here: reading rows (`planning.py`), who may decide
(`policy.py`). Read next: `planning.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class CareKind(StrEnum):
    """What somebody can decide about a person's care."""

    MOVED = "moved"
    SKIPPED = "skipped"
    WANTED = "wanted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REOPENED = "reopened"
    FOLLOW_UP = "follow-up"
    FOLLOWED_UP = "followed-up"
    ASSIGNED = "assigned"


class SlotState(StrEnum):
    """What an expected coming is on a day."""

    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"
    MISSED = "missed"
    SKIPPED = "skipped"
    BEGUN = "begun"
    COMPLETED = "completed"


OPEN: Final = frozenset({SlotState.SCHEDULED, SlotState.DUE, SlotState.OVERDUE})
GRACE: Final = timedelta(days=7)
"""Due for a week; from then on overdue."""
LAST_DAY: Final = date(2199, 12, 31)
_STATUS: Final = {
    CareKind.COMPLETED: "completed",
    CareKind.CANCELLED: "cancelled",
    CareKind.REOPENED: "active",
}


@dataclass(frozen=True, slots=True)
class StagePlan:
    """When a program wants a stage. `days` are counted from the incident (else the enrollment) date, one for
    each coming; `interval` from the last coming, without end; `after` holds it back behind another stage.
    """

    stage: str
    days: tuple[int, ...] = ()
    repeatable: bool = False
    interval: int = 0
    from_enrollment: bool = False
    after: str = ""
    after_days: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """An event of a stage. `back_on` is the day for which the person was asked to come back."""

    stage: str
    event: UUID
    on: date
    completed: bool
    back_on: date | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A care step about a stage."""

    kind: str
    stage: str
    occurrence: int
    on: date | None
    reason: str
    by: UUID | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One expected coming. Without `due_on` nobody is waited for: it is there because it was done."""

    stage: str
    occurrence: int
    due_on: date | None
    event: Done | None = None
    skipped: Decision | None = None
    passed: bool = False
    until: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody is waited for; on some days it may still be passed over (`until`)."""
        return self.due_on is not None and self.event is None and self.skipped is None and not self.passed


@dataclass(frozen=True, slots=True)
class Following:
    """Everything that the schedule of one enrollment depends on, oldest first."""

    enrolled_on: date
    incident_on: date | None
    plans: Sequence[StagePlan]
    done: Sequence[Done] = ()
    decisions: Sequence[Decision] = ()


def state_on(slot: Slot, today: date) -> SlotState:
    """What a slot is, seen from a day."""
    if slot.event is not None:
        return SlotState.COMPLETED if slot.event.completed else SlotState.BEGUN
    if slot.skipped is not None:
        return SlotState.SKIPPED
    if slot.passed or slot.due_on is None or (slot.until is not None and slot.until <= today):
        return SlotState.MISSED
    if slot.due_on > today:
        return SlotState.SCHEDULED
    return SlotState.DUE if today <= slot.due_on + GRACE else SlotState.OVERDUE


def status_after(kinds: Iterable[str]) -> str:
    """What an enrollment is after these steps: the last one that says so counts."""
    status = "active"
    for kind in kinds:
        status = _STATUS.get(CareKind(kind), status) if kind in set(CareKind) else status
    return status


def slots_of(following: Following) -> list[Slot]:
    """Every slot in the order of days; what has no day comes where it was done."""
    found = [slot for plan in following.plans for slot in _of_stage(following, plan)]
    return sorted(found, key=_place)


def _place(slot: Slot) -> tuple[date, int]:
    on = slot.event.on if slot.event else slot.due_on
    return on or LAST_DAY, slot.occurrence


def day_after(day: date, days: int) -> date:
    """So many days later, as far as calendars go."""
    try:
        return min(day + timedelta(days=days), LAST_DAY)
    except OverflowError:
        return LAST_DAY


def _of_stage(following: Following, plan: StagePlan) -> Iterator[Slot]:
    done = sorted((one for one in following.done if one.stage == plan.stage), key=lambda one: one.on)
    last = {
        (one.kind in _MOVES, one.occurrence): one for one in following.decisions if one.stage == plan.stage
    }
    moved = {number: one.on for (moves, number), one in last.items() if moves}
    skipped = {
        number: one for (moves, number), one in last.items() if not moves and one.kind == CareKind.SKIPPED
    }
    days = _expected(following, plan)
    taken = _taken(days, done, plan, moved)
    highest = max([0, *days, *taken, *moved, *skipped])
    if plan.repeatable and plan.interval and not _counts(plan, following):
        days |= _next_by_interval(following, plan, taken, skipped)
        highest = max([highest, *days])
    days |= {number: on for number, on in moved.items() if on is not None}
    reached = max(taken, default=0)
    for number in range(1, highest + 1):
        if number in days or number in taken:
            yield Slot(
                plan.stage,
                number,
                days.get(number),
                taken.get(number),
                skipped.get(number) if number not in taken else None,
                passed=number < reached and number not in moved and len(plan.days) > 1,
                until=_until(days, number) if len(plan.days) > 1 else None,
            )


_MOVES: Final = frozenset({CareKind.MOVED.value})


def _counts(plan: StagePlan, following: Following) -> bool:
    """Whether the stage has its own days: several, and a day to count them from."""
    return len(plan.days) > 1 and (following.incident_on is not None or plan.from_enrollment)


def _expected(following: Following, plan: StagePlan) -> dict[int, date]:
    """The days that the program itself names."""
    own_start = following.enrolled_on if plan.from_enrollment else following.incident_on
    start = own_start or following.enrolled_on
    days = plan.days if own_start or len(plan.days) <= 1 else (0,)
    held = _held_until(following, plan)
    return {
        number: max(day_after(start, count), held or date.min) for number, count in enumerate(days, start=1)
    }


def _held_until(following: Following, plan: StagePlan) -> date | None:
    """A dose too soon after the one before does not count."""
    before = [one.on for one in following.done if one.stage == plan.after] if plan.after else []
    return day_after(max(before), plan.after_days) if before else None


def _taken(
    days: Mapping[int, date], done: Sequence[Done], plan: StagePlan, moved: Mapping[int, date | None]
) -> dict[int, Done]:
    """Which event is which coming: of those ahead, the one whose day is nearest; else simply the next."""
    taken: dict[int, Done] = {}
    reached = 0
    for one in done:
        ahead = {number: moved.get(number) or due for number, due in days.items() if number > reached}
        if ahead and len(plan.days) > 1:
            reached = min(ahead, key=lambda number: (abs(ahead[number] - one.on), number))
        else:
            reached += 1
        taken[reached] = one
    return taken


def _next_by_interval(
    following: Following, plan: StagePlan, taken: Mapping[int, Done], skipped: Mapping[int, Decision]
) -> dict[int, date]:
    """The next coming: on the day the person was asked for, else an interval after the last one."""
    if not taken:
        return {}
    number, last = max(taken.items())
    due = last.back_on if last.back_on and last.back_on > last.on else day_after(last.on, plan.interval)
    found = {number + 1: due}
    while number + 1 in skipped and number < 200:
        number += 1
        found[number + 1] = day_after(found[number], plan.interval)
    return found


def _until(days: Mapping[int, date], number: int) -> date | None:
    """The day from which the next coming is the one to wait for."""
    return min((day for other, day in days.items() if other > number), default=None)
