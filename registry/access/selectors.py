"""Reads of the access log worth a name.

Lives here: what somebody may read of it (`log_for`), the lines in words, and who opened one patient's record.
A coordinator reads what was opened at their places, and every opening of a patient who is theirs. Not here:
who may at all (`policy.py`), the pages (`views.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from registry.access.models import Opening, Reason
from registry.access.policy import Reason as ReasonCode
from registry.access.policy import log_of, log_of_all
from registry.people.models import Patient
from registry.people.selectors import Person, masked, persons, visible_patients
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.policy import Authority
from registry.staff.selectors import staff_names
from sync.core.clock import pack
from sync.records import SyncedQuerySet

PAGE: Final = 50
SHOWN_BESIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of the log."""

    patient_id: UUID | None = None
    staff_id: UUID | None = None
    facility_id: UUID | None = None
    first: date | None = None
    last: date | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One opening in words. `patient` is None for a list, and for somebody who is not on this node."""

    row: Opening
    at: datetime
    late: bool
    who: str
    device: str
    what: str
    patient: Person | None
    place: str
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page, newest first; `following` is the number of the next one, where there is one."""

    lines: list[Line]
    number: int
    following: int | None


def log_for(who: Authority, asked: Asked) -> SyncedQuerySet:
    """The openings that `asked` means and `who` may read, newest first."""
    rows = Opening.objects.all()
    if not log_of_all(who):
        theirs = asked.patient_id and visible_patients(who).filter(pk=asked.patient_id).exists()
        if not (theirs and log_of(who)):
            rows = rows.filter(facility__in=log_of(who))
    wanted = {"patient": asked.patient_id, "made_by": asked.staff_id, "facility": asked.facility_id}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    if asked.outside:
        rows = rows.exclude(reason="")
    if asked.first is not None:
        rows = rows.filter(made_stamp__gte=_stamp_at(asked.first))
    if asked.last is not None:
        rows = rows.filter(made_stamp__lt=_stamp_at(asked.last + timedelta(days=1)))
    return rows.order_by("-made_stamp", "-pk")


def _stamp_at(day: date) -> int:
    midnight = timezone.make_aware(datetime.combine(day, time.min))
    return pack(max(int(midnight.timestamp() * 1000), 0))


def log_page(who: Authority, asked: Asked, number: int) -> Page:
    """One page of the log in words."""
    number = max(1, min(number, 10_000))
    start = (number - 1) * PAGE
    rows = list(log_for(who, asked).select_related("facility")[start : start + PAGE + 1])
    return Page(lines_of(who, rows[:PAGE]), number, number + 1 if len(rows) > PAGE else None)


def lines_of(who: Authority, rows: Collection[Opening]) -> list[Line]:
    """Openings in words, in a few queries however many there are."""
    names = staff_names(row.made_by for row in rows)
    people = _people(who, {row.patient for row in rows if row.patient})
    reasons = dict(Reason.choices)
    return [
        Line(
            row=row,
            at=row.at,
            late=row.happened_at is not None,
            who=names.get(row.made_by, "") if row.made_by else "",
            device=row.made_on,
            what=str(row.get_what_display()),
            patient=people.get(row.patient) if row.patient else None,
            place=row.facility.name if row.facility else "",
            reason=str(reasons.get(ReasonCode(row.reason), "")) if row.reason in set(ReasonCode) else "",
            note=row.note,
        )
        for row in rows
    ]


def _people(who: Authority, ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Whose records they are; of another place's patients the initials."""
    wanted = list(ids)
    shapes = {shape.id: shape for shape in persons(list(Patient.objects.filter(pk__in=wanted)))}
    theirs = set(visible_patients(who, removed=True).filter(pk__in=wanted).values_list("pk", flat=True))
    return {key: shape if key in theirs else masked(shape) for key, shape in shapes.items()}


def opened_lately(who: Authority, patient: Patient) -> list[Line]:
    """Who opened this record, the last few."""
    rows = log_for(who, Asked(patient_id=patient.pk)).select_related("facility")
    return lines_of(who, list(rows[:SHOWN_BESIDE]))


def staff_to_ask(who: Authority) -> list[tuple[Any, str]]:
    """Colleagues by name, for the choice of one."""
    rows = StaffMember.objects.all()
    if not log_of_all(who):
        seen = Opening.objects.filter(facility__in=log_of(who)).values("made_by")
        rows = rows.filter(pk__in=seen)
    return [(row.pk, str(row)) for row in rows.order_by("full_name", "username")]


def places_to_ask(who: Authority) -> list[tuple[Any, str]]:
    rows = Facility.objects.living()
    if not log_of_all(who):
        rows = rows.filter(pk__in=log_of(who))
    return [(row.pk, row.name) for row in rows]
