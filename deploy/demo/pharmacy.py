"""The demo's pharmacy: the list of medicines, a shelf, a few allergies, and prescriptions of today.

Lives here: `load` (central's list) and `seed` (the clinic's shelf and prescriptions), through the pharmacy's
own services. Each save has an id that follows from what it is, so a repetition changes nothing. Made up for
the demo: nobody is treated by it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.examples import ESSENTIAL
from clinic.pharmacy.medicines import import_medicines, read_list
from clinic.pharmacy.models import Medicine, Prescription
from clinic.pharmacy.prescribing import Wanted, note_allergy, prescribe
from clinic.pharmacy.selectors import cautions_for, tell
from clinic.pharmacy.stockkeeping import receive
from clinic.visits.models import Visit
from clinic.visits.policy import Station
from clinic.visits.selectors import present_at
from registry.places.models import Facility
from registry.staff.policy import Role
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

A_MONTH: Final = 30
EMPTY: Final = frozenset({"AMOX125", "IBU400"})
FEW: Final = frozenset({"AMOX500", "METF500", "ZINC20"})
SOON: Final = frozenset({"COTRI480", "OMEP20", "PRED5"})
ALLERGIES: Final = (
    ("Penicillins", "J01C", "severe", "Rash and swollen face"),
    ("Sulfonamides", "J01E", "moderate", "Rash"),
    ("Peanuts", "", "severe", "Could not breathe"),
)


@dataclass(frozen=True, slots=True)
class Course:
    """What is prescribed for one reason."""

    code: str
    dose: str
    frequency: str
    days: int
    words: str = ""


COURSES: Final = (
    (Course("PARA500", "1", "three-times", 3), Course("AMOX500", "1", "three-times", 5, "Finish all of it")),
    (Course("AMLO5", "1", "daily", 30), Course("HCT25", "0.5", "daily", 30, "In the morning")),
    (Course("METF500", "1", "twice", 30, "With food"),),
    (Course("ORS", "1", "four-times", 2, "One litre of clean water"), Course("ZINC20", "1", "daily", 10)),
    (Course("ALB400", "1", "once", 1),),
    (Course("PARA120", "5", "four-times", 3),),
)


def load(*, by: Author) -> None:
    """Central's list: our example. Loading it again changes nothing."""
    listed = read_list(content=ESSENTIAL.read_bytes(), name=ESSENTIAL.name)
    if listed.counts()["new"] or listed.counts()["changed"]:
        import_medicines(by=by, listed=listed)


def seed(*, facility: Facility, today: date, staff: Mapping[Role, Author]) -> None:
    """A shelf, allergies, and what today's patients were prescribed."""
    medicines = {one.code: one for one in Medicine.objects.living()}
    for medicine in medicines.values():
        _stock(facility, today, medicine, staff[Role.PHARMACIST])
    present = present_at(facility)
    visits = sorted(present, key=lambda visit: (visit.opened_at, visit.pk))
    for visit, allergy in zip(visits[::3], ALLERGIES, strict=False):
        _allergy(visit, facility, allergy, staff[Role.TRIAGE])
    treated = [one for one in visits if present[one].station == Station.PHARMACY]
    for place, visit in enumerate(treated):
        made = _prescription(visit, facility, COURSES[place % len(COURSES)], medicines, staff[Role.PROVIDER])
        if place % 3 == 2:
            _hand_out(made, facility, staff[Role.PHARMACIST])


def _stock(facility: Facility, today: date, medicine: Medicine, by: Author) -> None:
    if medicine.code in EMPTY or not medicine.min_stock:
        return
    for place, (quantity, expires_on) in enumerate(_deliveries(medicine, today)):
        receive(
            by=by,
            facility=facility,
            medicine=medicine,
            quantity=quantity,
            lot_number=f"{medicine.code[:3]}{2410 + place}",
            expires_on=expires_on,
            note="Central store",
            save_id=_save_id(facility, f"receive {medicine.code} {place}"),
        )


def _deliveries(medicine: Medicine, today: date) -> Iterator[tuple[int, date]]:
    usual = medicine.min_stock
    if medicine.code in FEW:
        yield max(usual // 4, 1), today + timedelta(days=14 * A_MONTH)
        return
    early = 2 if medicine.code in SOON else 9
    yield usual, today + timedelta(days=early * A_MONTH)
    yield usual, today + timedelta(days=20 * A_MONTH)


def _allergy(visit: Visit, facility: Facility, told: tuple[str, str, str, str], by: Author) -> None:
    substance, atc, severity, reaction = told
    note_allergy(
        by=by,
        patient=visit.patient,
        facility=facility,
        substance=substance,
        atc=atc,
        severity=severity,
        reaction=reaction,
        save_id=_save_id(facility, f"allergy {substance}"),
    )


def _prescription(
    visit: Visit,
    facility: Facility,
    courses: tuple[Course, ...],
    medicines: Mapping[str, Medicine],
    by: Author,
) -> Prescription:
    lines = [
        Wanted(
            medicines[one.code],
            one.frequency,
            one.days,
            Decimal(one.dose),
            instructions=one.words,
            override="Tolerated before" if cautions_for(visit.patient, medicines[one.code]) else "",
        )
        for one in courses
    ]
    key = _save_id(facility, f"prescribe {visit.pk}")
    return prescribe(by=by, patient=visit.patient, facility=facility, visit=visit, lines=lines, save_id=key)


def _hand_out(prescription: Prescription, facility: Facility, by: Author) -> None:
    lines = tell([prescription])[0].lines
    items = [Give(told.line, told.standing.remaining) for told in lines if told.standing.is_open]
    if items:
        key = _save_id(facility, f"dispense {prescription.pk}")
        dispense(by=by, prescription=prescription, facility=facility, items=items, save_id=key)


def _save_id(facility: Facility, what: str) -> UUID:
    """The same for the same deed in the same database, and nowhere else."""
    made = random.Random(f"{self_replica().uuid} pharmacy {what}")
    return new_save_id(millis_of(facility.made_stamp), made)
