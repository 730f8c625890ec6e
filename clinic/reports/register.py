"""The daily register: one line for each visit, as the paper one has it.

Lives here: `register` (one page of lines) and `every_line` (all of them, for a file), both in a fixed number
of queries for so many visits. Whom somebody may not open at central has a line without name, number and
village, so that the lines still add up. Not here: the page (`shapes.py`), the file (`files.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.forms.wording import answer_text
from clinic.pharmacy.models import LineStep, PrescriptionLine
from clinic.pharmacy.wording import amount, medicine_text
from clinic.programs.definition import ElementDefinition
from clinic.programs.icd10 import SOURCE
from clinic.referrals.models import Referral, ReferralStep
from clinic.referrals.policy import ReferralState, standing_of
from clinic.reports.asked import Asked
from clinic.reports.morbidity import VISIT_KIND
from clinic.reports.passing import visits_of
from clinic.visits.models import StageEvent, Visit
from clinic.visits.timeline import stage_behind
from registry.people.selectors import age_text, persons, visible_patients
from registry.staff.policy import Authority
from sync.records import SyncedQuerySet

PAGE: Final = 250
DIAGNOSIS, MEDICINES, REFERRED = "diagnosis", "medicines", "referred_to"


@dataclass(frozen=True, slots=True)
class Line:
    """One visit. `coming` is whether it was for something new, as far as a form says it. `hidden`: the person
    is not one of those that the reader may open; `linked`: the visit's page is there to be opened.
    """

    visit: UUID
    patient: UUID
    at: datetime
    place: str
    number: str
    name: str
    age: str
    sex: str
    village: str
    category: str
    coming: str
    diagnosis: list[str]
    treatment: list[str]
    referred: list[str]
    hidden: bool
    linked: bool


@dataclass(frozen=True)
class Page:
    """One page of the register; `following` is the number of the next one, where there is one."""

    lines: list[Line]
    first: int
    number: int
    following: int | None


@dataclass
class _Written:
    """What the forms of a visit say."""

    coming: list[str] = field(default_factory=list)
    diagnosis: list[str] = field(default_factory=list)
    treatment: list[str] = field(default_factory=list)
    referred: list[str] = field(default_factory=list)


def register(asked: Asked, who: Authority, page: int = 1) -> Page:
    """One page, in the order in which people came."""
    number = max(1, min(page, 10_000))
    start = (number - 1) * PAGE
    visits = list(_in_order(asked)[start : start + PAGE + 1])
    following = number + 1 if len(visits) > PAGE else None
    return Page(_lines(visits[:PAGE], asked, who), start + 1, number, following)


def every_line(asked: Asked, who: Authority) -> Iterator[Line]:
    """All lines, so many at a time: a file of three years needs no more memory than one of a day."""
    after: tuple[datetime, UUID] | None = None
    while True:
        visits = _in_order(asked)
        if after is not None:
            at, pk = after
            visits = visits.filter(opened_at__gte=at).exclude(opened_at=at, pk__lte=pk)
        some = list(visits[:PAGE])
        yield from _lines(some, asked, who)
        if len(some) < PAGE:
            return
        after = some[-1].opened_at, some[-1].pk


def _in_order(asked: Asked) -> SyncedQuerySet:
    return visits_of(asked).select_related("patient").order_by("opened_at", "pk")


def _lines(visits: list[Visit], asked: Asked, who: Authority) -> list[Line]:
    ids = [visit.pk for visit in visits]
    seen = _visible({visit.patient_id for visit in visits}, who)
    people = persons([visit.patient for visit in visits])
    places = {place.pk: place.name for place in asked.places}
    written, given, sent = _written(ids), _prescribed(ids), _referrals(ids)
    lines = []
    for visit, person in zip(visits, people, strict=True):
        told, open_to_reader = written.get(visit.pk, _Written()), visit.patient_id in seen
        lines.append(
            Line(
                visit=visit.pk,
                patient=visit.patient_id,
                at=visit.opened_at,
                place=places.get(visit.facility_id, ""),
                number=(person.number or person.provisional_code or "") if open_to_reader else "",
                name=person.name if open_to_reader else "",
                age=_age(visit),
                sex=person.sex_text,
                village=person.village if open_to_reader else "",
                category=str(visit.get_category_display()),
                coming=", ".join(dict.fromkeys(told.coming)),
                diagnosis=list(dict.fromkeys(told.diagnosis)),
                treatment=list(dict.fromkeys(given.get(visit.pk) or told.treatment)),
                referred=list(dict.fromkeys(sent.get(visit.pk) or told.referred)),
                hidden=not open_to_reader,
                linked=open_to_reader and not visit.patient.gone,
            )
        )
    return lines


def _age(visit: Visit) -> str:
    """On the day of the visit: a register that is printed again says the same."""
    patient = visit.patient
    return age_text(patient.birth_date, patient.birth_date_estimated, timezone.localdate(visit.opened_at))


def _visible(patients: set[UUID], who: Authority) -> set[UUID]:
    shown = visible_patients(who, removed=True).filter(pk__in=patients)
    return set(shown.values_list("pk", flat=True))


def _written(visits: list[UUID]) -> dict[UUID, _Written]:
    """Diagnoses, and what was given and where to go as far as only a form says it."""
    found: dict[UUID, _Written] = {}
    events = StageEvent.objects.living().filter(visit__in=visits).order_by("occurred_at", "made_stamp", "pk")
    for event in events:
        stage = stage_behind(event)
        if stage is None or event.visit_id is None:
            continue
        told = found.setdefault(event.visit_id, _Written())
        answered = [element for element in stage.elements if element.key in event.values]
        for element in answered:
            _note(told, element, answer_text(element, event.values[element.key]))
    return found


def _note(told: _Written, element: ElementDefinition, text: str) -> None:
    if not text:
        return
    if element.option_source == SOURCE or element.code == DIAGNOSIS:
        told.diagnosis.append(text)
    elif element.code == VISIT_KIND:
        told.coming.append(text)
    elif element.code == MEDICINES:
        told.treatment.append(text)
    elif element.code == REFERRED:
        told.referred.append(text)


def _prescribed(visits: list[UUID]) -> dict[UUID, list[str]]:
    cancelled = LineStep.objects.living().filter(line=OuterRef("pk"), kind=LineStep.Kind.CANCELLED)
    lines = PrescriptionLine.objects.living().filter(
        ~Exists(cancelled), prescription__visit__in=visits, prescription__gone=False
    )
    found: dict[UUID, list[str]] = {}
    for line in lines.select_related("medicine", "prescription").order_by("made_stamp", "pk"):
        text = _("%(medicine)s, %(amount)s") % {
            "medicine": medicine_text(line.medicine),
            "amount": amount(line.quantity, line.medicine.unit),
        }
        found.setdefault(line.prescription.visit_id, []).append(text)
    return found


def _referrals(visits: list[UUID]) -> dict[UUID, list[str]]:
    rows = list(
        Referral.objects.living()
        .filter(visit__in=visits)
        .select_related("to_facility")
        .order_by("made_stamp", "pk")
    )
    happened = ReferralStep.objects.living().filter(referral__in=[row.pk for row in rows])
    steps: dict[UUID, list[str]] = {}
    for referral, kind in happened.values_list("referral_id", "kind"):
        steps.setdefault(referral, []).append(kind)
    found: dict[UUID, list[str]] = {}
    for row in rows:
        if standing_of(steps.get(row.pk, ())) is not ReferralState.CANCELLED:
            place = row.to_facility.name if row.to_facility_id and row.to_facility else row.to_place
            found.setdefault(row.visit_id, []).append(place)
    return found
