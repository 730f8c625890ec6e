"""The demo's pharmacy: the list of medicines, who was prescribed what for which reason, a few allergies.

Lives here: `load` (central's list), `courses_for`, pure, the two saves of a visit (`write` and `hand_out`),
and `seed`: allergies and whatever is still missing on the shelf today. Nobody gets more than there is. Not
here: the shelf (`stock.py`), when a visit comes here (`seeding.py`). Made up for the demo: nobody is treated
by it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.examples import ESSENTIAL
from clinic.pharmacy.fefo import in_order
from clinic.pharmacy.medicines import import_medicines, read_list
from clinic.pharmacy.models import Medicine, Prescription
from clinic.pharmacy.prescribing import Wanted, note_allergy, prescribe
from clinic.pharmacy.selectors import ALLERGY, cautions_for, prescriptions_in, tell
from clinic.pharmacy.stock import lots_at
from clinic.visits.models import Visit
from clinic.visits.selectors import present_at
from deploy.demo import stock
from deploy.demo.people import Coming
from registry.people.selectors import today as this_day
from registry.places.models import Facility
from registry.staff.policy import Role
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

SHARE: Final = 0.22
CHILD: Final = 6
ALLERGIES: Final = (
    ("Penicillins", "J01C", "severe", "Rash and swollen face"),
    ("Sulfonamides", "J01E", "moderate", "Rash"),
    ("Peanuts", "", "severe", "Could not breathe"),
)
NOT_DISPENSED: Final = frozenset({"pharmacy"})


@dataclass(frozen=True, slots=True)
class Course:
    """What is prescribed for one reason."""

    code: str
    dose: str
    frequency: str
    days: int
    words: str = ""


SYRUP: Final = (Course("PARA120", "5", "three-times", 3),)
COURSES: Final = {
    "J06.9": (Course("PARA500", "1", "three-times", 3),),
    "A09.9": (
        Course("ORS", "1", "four-times", 2, "One litre of clean water"),
        Course("ZINC20", "1", "daily", 10),
    ),
    "J18.9": (Course("AMOX250DT", "2", "twice", 5, "Finish all of it"),),
    "B54": (Course("ALU20", "4", "twice", 3, "With food"),),
    "I10": (Course("AMLO5", "1", "daily", 30), Course("HCT25", "0.5", "daily", 30, "In the morning")),
    "E11.9": (Course("METF500", "1", "twice", 30, "With food"),),
    "Z34.9": (Course("FEFA", "1", "daily", 30),),
    "M54.5": (Course("IBU400", "1", "three-times", 5, "With food"),),
    "L01.0": (Course("CEFAL500", "1", "twice", 7),),
    "N39.0": (Course("NITRO100", "1", "twice", 5),),
    "T14.1": (Course("PARA500", "1", "three-times", 3), Course("AMOX500", "1", "three-times", 5)),
    "K29.7": (Course("OMEP20", "1", "daily", 14, "Before breakfast"),),
}  # fmt: skip


def load(*, by: Author) -> None:
    """Central's list: our example. Loading it again changes nothing."""
    listed = read_list(content=ESSENTIAL.read_bytes(), name=ESSENTIAL.name)
    if listed.counts()["new"] or listed.counts()["changed"]:
        import_medicines(by=by, listed=listed)


def courses_for(coming: Coming) -> tuple[Course, ...]:
    """What is prescribed on a visit; empty where nothing is, or nobody wrote it in the computer."""
    rng = random.Random(f"pharmacy {coming.who.number} {coming.ordinal}")
    if coming.until not in NOT_DISPENSED and rng.random() > SHARE:
        return ()
    if coming.story.code == "J06.9" and coming.who.age(coming.at.date()) < CHILD:
        return SYRUP
    return COURSES.get(coming.story.code, ())


def medicines_by_code() -> dict[str, Medicine]:
    return {one.code: one for one in Medicine.objects.living()}


def write(
    *, by: Author, visit: Visit, coming: Coming, medicines: Mapping[str, Medicine], save_id: UUID
) -> Prescription:
    """What the provider prescribes, with a reason wherever something speaks against it."""
    lines = [_wanted(visit, one, medicines[one.code]) for one in courses_for(coming)]
    return prescribe(
        by=by, patient=visit.patient, facility=visit.facility, visit=visit, lines=lines, save_id=save_id
    )


def _wanted(visit: Visit, course: Course, medicine: Medicine) -> Wanted:
    cautions = cautions_for(visit.patient, medicine)
    allergic = any(one.code == ALLERGY for one in cautions)
    why = "Tolerated before" if allergic else "Refill" if cautions else ""
    dose = Decimal(course.dose)
    return Wanted(medicine, course.frequency, course.days, dose, instructions=course.words, override=why)


def hand_out(*, by: Author, visit: Visit, save_id: UUID) -> None:
    """As much of it as there is."""
    for told in prescriptions_in(visit):
        _hand_out(told.prescription, visit.facility, by, save_id)


def _hand_out(prescription: Prescription, facility: Facility, by: Author, save_id: UUID) -> None:
    lines = [told for told in tell([prescription])[0].lines if told.standing.is_open]
    there = lots_at(facility, {told.line.medicine_id for told in lines})
    items = []
    for told in lines:
        left = sum(lot.balance for lot in in_order(there.get(told.line.medicine_id, []), this_day()))
        if left > 0:
            items.append(Give(told.line, min(told.standing.remaining, left)))
    if items:
        dispense(by=by, prescription=prescription, facility=facility, items=items, save_id=save_id)


def shelf_at(facility: Facility, today: date, by: Author) -> stock.Shelf:
    return stock.Shelf(facility, today, by, medicines_by_code())


def seed(*, facility: Facility, today: date, staff: Mapping[Role, Author]) -> None:
    """The shelf as it should be today, and the allergies of some who are here."""
    stock.fill(shelf_at(facility, today, staff[Role.PHARMACIST]))
    visits = sorted(present_at(facility), key=lambda visit: (visit.opened_at, visit.pk))
    for visit, allergy in zip(visits[::3], ALLERGIES, strict=False):
        _allergy(visit, facility, allergy, staff[Role.TRIAGE])


def _allergy(visit: Visit, facility: Facility, told: tuple[str, str, str, str], by: Author) -> None:
    substance, atc, severity, reaction = told
    made = random.Random(f"{self_replica().uuid} allergy {substance}")
    note_allergy(
        by=by,
        patient=visit.patient,
        facility=facility,
        substance=substance,
        atc=atc,
        severity=severity,
        reaction=reaction,
        save_id=new_save_id(millis_of(facility.made_stamp), made),
    )
