"""Reads about a person's medicines: allergies, prescriptions and what has come of them, cautions, who
waits.

Not here: stock (`stock.py`), finding a medicine (`search.py`), the words (`wording.py`).
Read next: `prescribing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2s
from typing import Final
from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from clinic.pharmacy.cautions import is_allergic, is_duplicate
from clinic.pharmacy.models import (
    Allergy,
    AllergyRefutation,
    DispensedItem,
    LineStep,
    Medicine,
    Prescription,
    PrescriptionLine,
)
from clinic.pharmacy.policy import LineStanding, LineState, LineStepKind, standing_of
from clinic.visits.models import Visit
from registry.people.models import Patient
from registry.places.models import Facility
from sync.node import current_node
from sync.records import SyncedQuerySet

STILL_WAITING: Final = timedelta(days=7)
MOST_WAITING: Final = 200
ALLERGY, DUPLICATE = "allergy", "duplicate"


@dataclass(frozen=True, slots=True)
class Caution:
    """What to say before a medicine is prescribed: `code` is `allergy` or `duplicate`, `about` names it."""

    code: str
    about: str

    @property
    def mark(self) -> str:
        """What a form carries of it: that it was on the screen."""
        return blake2s(f"{self.code}:{self.about}".encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A prescribed line and what has come of it."""

    line: PrescriptionLine
    standing: LineStanding
    items: list[DispensedItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ToldPrescription:
    """A prescription with its lines."""

    prescription: Prescription
    lines: list[ToldLine]

    @property
    def is_open(self) -> bool:
        return any(told.standing.is_open for told in self.lines)


# --- allergies --------------------------------------------------------------------------------------------


def allergies_of(patient: Patient) -> list[Allergy]:
    """What stands: noted and not refuted."""
    refuted = AllergyRefutation.objects.living().filter(allergy=OuterRef("pk"))
    return list(Allergy.objects.living().filter(~Exists(refuted), patient=patient))


def refuted_allergies_of(patient: Patient) -> list[AllergyRefutation]:
    """What was found to be none, with who and when."""
    rows = AllergyRefutation.objects.living().filter(patient=patient).select_related("allergy")
    return list(rows.order_by("made_stamp", "id"))


# --- prescriptions ----------------------------------------------------------------------------------------


def tell_lines(lines: Sequence[PrescriptionLine]) -> list[ToldLine]:
    """What these lines have come to, in two queries however many there are."""
    ids = [line.pk for line in lines]
    items: dict[UUID, list[DispensedItem]] = {pk: [] for pk in ids}
    for item in (
        DispensedItem.objects.living().filter(line_id__in=ids).select_related("medicine", "dispensing")
    ):
        items[item.line_id].append(item)
    steps: dict[UUID, set[str]] = {pk: set() for pk in ids}
    for line_id, kind in LineStep.objects.living().filter(line_id__in=ids).values_list("line_id", "kind"):
        steps[line_id].add(kind)
    return [
        ToldLine(
            line,
            standing_of(line.quantity, sum(item.covers for item in items[line.pk]), steps[line.pk]),
            items[line.pk],
        )
        for line in lines
    ]


def tell_line(line: PrescriptionLine) -> ToldLine:
    """What one line has come to."""
    return tell_lines([line])[0]


def tell(prescriptions: Iterable[Prescription]) -> list[ToldPrescription]:
    """These prescriptions with their lines."""
    asked = list(prescriptions)
    rows = PrescriptionLine.objects.living().filter(prescription_id__in=[one.pk for one in asked])
    by_header: dict[UUID, list[ToldLine]] = {one.pk: [] for one in asked}
    for told in tell_lines(list(rows.select_related("medicine"))):
        by_header[told.line.prescription_id].append(told)
    return [ToldPrescription(one, by_header[one.pk]) for one in asked]


def prescriptions_in(visit: Visit) -> list[ToldPrescription]:
    """What was prescribed on a visit, in order."""
    return tell(Prescription.objects.living().filter(visit=visit).order_by("made_stamp", "id"))


def prescriptions_of(patient: Patient, most: int = 20) -> list[ToldPrescription]:
    """What was prescribed to somebody, the newest first."""
    return tell(Prescription.objects.living().filter(patient=patient).order_by("-at", "-made_stamp")[:most])


def current_lines(patient: Patient) -> list[ToldLine]:
    """What somebody is on now: not cancelled, and its days are not over."""
    now = current_node().now()
    rows = PrescriptionLine.objects.living().filter(patient=patient, at__gte=now - timedelta(days=366))
    running = [line for line in rows.select_related("medicine") if line.at + timedelta(days=line.days) > now]
    return [told for told in tell_lines(running) if _is_taken(told.standing)]


def _is_taken(now: LineStanding) -> bool:
    return now.state is not LineState.CANCELLED and not (now.state is LineState.ENDED and not now.given)


def cautions_for(patient: Patient, medicine: Medicine, besides: Iterable[Medicine] = ()) -> list[Caution]:
    """What speaks against this medicine for this person; `besides` is prescribed at the same moment."""
    wanted = medicine.substance
    found = [
        Caution(ALLERGY, allergy.substance)
        for allergy in allergies_of(patient)
        if is_allergic(wanted, allergy.known)
    ]
    others = [told.line.medicine for told in current_lines(patient)] + list(besides)
    twice = {str(one): None for one in others if is_duplicate(wanted, one.substance)}
    return list(dict.fromkeys(found)) + [Caution(DUPLICATE, name) for name in twice]


# --- who waits --------------------------------------------------------------------------------------------


def open_lines() -> SyncedQuerySet:
    """Lines of which something is still to be handed out."""
    given = DispensedItem.objects.living().filter(line=OuterRef("pk")).order_by().values("line")
    total = Subquery(given.annotate(n=Sum("covers")).values("n"), output_field=IntegerField())
    over = LineStep.objects.living().filter(
        line=OuterRef("pk"), kind__in=[LineStepKind.CANCELLED, LineStepKind.ENDED]
    )
    rows = PrescriptionLine.objects.living().filter(~Exists(over))
    found: SyncedQuerySet = rows.annotate(total_given=Coalesce(total, 0)).filter(
        total_given__lt=F("quantity")
    )
    return found


def waiting_at(facility: Facility) -> list[ToldPrescription]:
    """Prescriptions of the last days that nobody has handed out wholly, the oldest first. Where there are too
    many, those that were written last: their patients may stand here.
    """
    since = current_node().now() - STILL_WAITING
    lines = open_lines().filter(prescription=OuterRef("pk"))
    rows = Prescription.objects.living().filter(Exists(lines), facility=facility, at__gte=since)
    newest = rows.select_related("patient").order_by("-at", "-made_stamp")[:MOST_WAITING]
    return tell(reversed(newest))
