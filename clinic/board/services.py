"""The only writers of the clinic day.

Lives here: opening the day at a place, and closing it: whoever is still on a visit goes home or is carried
over, in the same save. Not here: single steps of a visit (`clinic/visits/moving.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from clinic.board.models import DayStep
from clinic.board.policy import DayKind, DayStanding, clean_place
from clinic.board.selectors import clinic_day, still_open
from clinic.visits.moving import NewStep, add_step
from clinic.visits.policy import StepKind, check_manage_day
from clinic.visits.saving import check_right
from registry.answers import answering
from registry.places.models import Facility
from registry.staff.shifts import end_shifts
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """What became of those who were still on a visit."""

    closed: int
    carried: int


def open_day(*, by: Author, facility: Facility, place: str = "", save_id: UUID | None = None) -> DayStanding:
    """The team is there. A day that is open already stays as it is."""
    check_right(by, check_manage_day, facility.pk)
    with answering():
        where = clean_place(place) or facility.name
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated and not clinic_day(facility).is_open:
            _mark(save, facility, DayKind.OPENED, where)
    return clinic_day(facility)


def close_day(
    *, by: Author, facility: Facility, carry: Collection[UUID] = (), save_id: UUID | None = None
) -> ClosedDay:
    """The team goes home. Visits named in `carry` go on another day, every other one is closed."""
    check_right(by, check_manage_day, facility.pk)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated or not clinic_day(facility).is_open:
            return ClosedDay(0, 0)
        _mark(save, facility, DayKind.CLOSED, clinic_day(facility).place)
        counted = {StepKind.CLOSED: 0, StepKind.CARRIED: 0}
        for visit, now in still_open(facility).items():
            kind = StepKind.CARRIED if visit.pk in carry else StepKind.CLOSED
            add_step(save, visit, NewStep(kind, now.station))
            counted[kind] += 1
    end_shifts()  # tomorrow begins with passwords
    return ClosedDay(counted[StepKind.CLOSED], counted[StepKind.CARRIED])


def _mark(save: Save, facility: Facility, kind: DayKind, place: str) -> None:
    save.add(
        DayStep,
        facility=facility,
        kind=kind.value,
        place=place[:80],
        at=current_node().now(),
        by=save.by.staff_id,
    )
