"""The working lists: who is due, overdue, to be followed up, and mine.

Lives here: `worklist` (one page of a list, in a handful of queries however long it is) and `counts`. Not
here: what makes something due (`schedule.py`), keeping the rows that are read here (`planning.py`), the page
(`care_views.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.visits.models import DueItem
from clinic.visits.schedule import GRACE, SlotState
from registry.people.models import Patient
from registry.people.selectors import Person, persons, today, visible_patients
from registry.places.models import Facility
from registry.staff.policy import Authority, can_see_patients
from registry.staff.selectors import staff_names

PAGE: Final = 30
A_WEEK: Final = timedelta(days=6)
FORGOTTEN: Final = timedelta(days=60)
"""From then on a follow-up is no longer on any list."""
_SAID: Final = (
    *("due_on", "patient_id", "kind", "program", "enrollment_id", "stage", "occurrence", "until"),
    *("reason", "assigned_to", "last_by"),
)


class ListName(StrEnum):
    """The lists there are."""

    DUE = "due"
    OVERDUE = "overdue"
    FOLLOW_UP = "follow-up"
    MINE = "mine"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list."""

    item: DueItem
    person: Person
    program: str
    stage: str
    state: SlotState
    assigned_to: str

    @property
    def is_today(self) -> bool:
        return self.state is SlotState.DUE


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `following` is the number of the next one, where there is one."""

    lines: list[Line]
    number: int
    following: int | None


def _open_on(items: QuerySet[DueItem], on: date) -> QuerySet[DueItem]:
    """What is still waited for on a day. Nobody rings somebody for a cough of last winter."""
    now_open = items.filter(Q(until=None) | Q(until__gt=on))
    return now_open.exclude(kind=DueItem.Kind.FOLLOW_UP, due_on__lt=on - FORGOTTEN)


def due_items(
    who: Authority, facility: Facility | None, on: date, program_id: UUID | None = None
) -> QuerySet[DueItem]:
    """What is open on a day, at one place or everywhere that somebody may look; nothing for those who may
    not see patients.
    """
    items = _open_on(DueItem.objects.all() if can_see_patients(who) else DueItem.objects.none(), on)
    if facility is not None:
        items = items.filter(facility=facility)
    elif not who.everywhere:
        items = items.filter(patient__in=visible_patients(who).values("pk"))
    return items.filter(program=program_id) if program_id else items


def _named(items: QuerySet[DueItem], name: ListName, who: Authority, on: date) -> QuerySet[DueItem]:
    if name is ListName.DUE:
        return items.filter(kind=DueItem.Kind.STAGE, due_on__gte=on - GRACE, due_on__lte=on + A_WEEK)
    if name is ListName.OVERDUE:
        return items.filter(kind=DueItem.Kind.STAGE, due_on__lt=on - GRACE)
    soon = items.filter(due_on__lte=on + A_WEEK)
    if name is ListName.FOLLOW_UP:
        return soon.filter(kind=DueItem.Kind.FOLLOW_UP)
    mine = Q(assigned_to=who.staff_id) | Q(assigned_to=None, last_by=who.staff_id)
    return soon.filter(mine) if who.staff_id else soon.none()


def worklist(
    *,
    name: ListName,
    who: Authority,
    facility: Facility | None,
    program_id: UUID | None = None,
    page: int = 1,
) -> Page:
    """One page, the earliest day first."""
    on, number = today(), max(1, min(page, 10_000))
    items = _named(due_items(who, facility, on, program_id), name, who, on).order_by("due_on", "id")
    start = (number - 1) * PAGE
    rows = list(items[start : start + PAGE + 1])
    return Page(lines_of(rows[:PAGE], on), number, number + 1 if len(rows) > PAGE else None)


def counts(who: Authority, facility: Facility | None, program_id: UUID | None = None) -> dict[ListName, int]:
    """How long each list is."""
    on = today()
    items = due_items(who, facility, on, program_id)
    return {name: _named(items, name, who, on).count() for name in ListName}


def due_told(facility: Facility) -> dict[str, Any]:
    """All that the lists of a facility say, for the live feed. What is due is worked out anew with every
    save: the rows' ids say nothing.
    """
    on = today()
    rows = _open_on(DueItem.objects.filter(facility=facility, due_on__lte=on + A_WEEK), on)
    return {"told": list(rows.order_by(*_SAID).values_list(*_SAID))}


def lines_of(items: Collection[DueItem], on: date) -> list[Line]:
    """These items in words."""
    patients = Patient.objects.living().in_bulk([item.patient_id for item in items])
    shown = [item for item in items if item.patient_id in patients]
    people = persons([patients[item.patient_id] for item in shown])
    names = staff_names(item.assigned_to for item in shown)
    return [
        Line(
            item,
            person,
            *_titles(item),
            state=_state(item, on),
            assigned_to=names.get(item.assigned_to, "") if item.assigned_to else "",
        )
        for item, person in zip(shown, people, strict=True)
    ]


def due_for(patient: Patient, on: date, ahead: timedelta = timedelta(days=30)) -> list[Line]:
    """What is due for one person, up to so many days ahead."""
    items = DueItem.objects.filter(patient=patient, due_on__lte=on + ahead)
    return lines_of(list(_open_on(items, on).order_by("due_on", "id")), on)


def _state(item: DueItem, on: date) -> SlotState:
    if item.due_on > on:
        return SlotState.SCHEDULED
    return SlotState.DUE if on <= item.due_on + GRACE else SlotState.OVERDUE


def _titles(item: DueItem) -> tuple[str, str]:
    """Program and stage."""
    try:
        program = definition_of(item.program_version) if item.program_version else None
    except ProgramVersion.DoesNotExist:
        program = None
    if program is None:
        return "", ""
    stage = program.stage(item.stage) if item.stage and item.kind == DueItem.Kind.STAGE else None
    return str(program.name), str(stage.name) if stage else ""
