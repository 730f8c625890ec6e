"""What has happened at the clinic of `tests/lived_in.py`: people of several tongues, one at each station,
medicines on the shelf, a result that alarms, a letter, and one thing that two people wrote differently.

Lives here: `work`, through the rooms' services alone. Not here: the nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from clinic.board.services import open_day
from clinic.lab.models import LabOrder
from clinic.lab.services import order_tests, report_result
from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.models import Medicine, Prescription, PrescriptionLine
from clinic.pharmacy.prescribing import Wanted, note_allergy, prescribe
from clinic.pharmacy.stockkeeping import receive
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, program_named
from clinic.referrals.services import refer
from clinic.visits.following import enrol
from clinic.visits.models import Visit
from clinic.visits.moving import claim_visit, prioritise_visit, send_visit
from clinic.visits.policy import Priority, Station
from clinic.visits.services import open_visit, record_event
from deploy.demo.programme import FACILITIES, VILLAGES
from registry.people.models import Patient
from registry.people.selectors import today
from registry.people.services import register, update_patient
from registry.places.models import Area, Facility
from registry.staff.policy import Role
from sync.ledger.recording import Author
from tests.world import World

A_MINUTE_MS: Final = 60_000
NAMES: Final = (
    ("María Candelaria", "Santos Quintero", "female", date(1994, 3, 2)),
    ("فاطمة الزهراء", "أحمد", "female", date(1988, 7, 19)),
    ("Efraín", "Ábrego Him", "male", date(1965, 1, 30)),
    ("Aarti", "Sharma", "female", date(2001, 11, 5)),
    ("Lía", "Ábrego", "female", date(2026, 4, 1)),
    ("Jean-Baptiste", "Moreau", "male", date(1979, 9, 9)),
    ("Wilfrido", "Ochoa", "male", date(1958, 5, 23)),
)
VITALS: Final = {"bp_systolic": "128", "bp_diastolic": "84", "temperature": "37.4", "weight": "61.2"}


@dataclass
class Clinic:
    """One place on its day."""

    world: World
    here: Facility
    staff: Mapping[Role, Author]
    outpatient: ProgramVersion

    def pass_minutes(self, minutes: float) -> None:
        self.world.advance(int(minutes * A_MINUTE_MS))

    def patient(self, place: int) -> Patient:
        given, family, sex, born = NAMES[place]
        return register(
            by=self.staff[Role.REGISTRAR],
            given_name=given,
            family_name=family,
            sex=sex,
            birth_date=born,
            phone=f"+507 6612 00{40 + place}",
            village=Area.objects.get(code=VILLAGES[place % len(VILLAGES)][0]),
            identifiers=[("national-id", f"4-712-118{place}")] if place % 2 else (),
            facility=self.here,
        ).patient

    def visit(self, patient: Patient, category: str = "general") -> Visit:
        self.pass_minutes(7)
        return open_visit(
            by=self.staff[Role.REGISTRAR], patient=patient, facility=self.here, category=category
        ).visit

    def record(self, role: Role, visit: Visit, stage: str, **values: Any) -> None:
        record_event(
            by=self.staff[role],
            patient=visit.patient,
            facility=self.here,
            program_version=self.outpatient,
            stage=stage,
            values=values,
            visit=visit,
        )

    def to_provider(self, visit: Visit) -> None:
        claim_visit(by=self.staff[Role.TRIAGE], visit=visit)
        self.record(Role.TRIAGE, visit, "triage", complaint="Fiebre y tos", **VITALS)
        send_visit(by=self.staff[Role.TRIAGE], visit=visit, station=Station.PROVIDER)

    def to_pharmacy(self, visit: Visit, *codes: str) -> Prescription:
        claim_visit(by=self.staff[Role.PROVIDER], visit=visit)
        self.record(
            Role.PROVIDER, visit, "consultation", diagnosis="Acute bronchitis", diagnosis_code="J20.9"
        )
        made = prescribe(
            by=self.staff[Role.PROVIDER],
            patient=visit.patient,
            facility=self.here,
            visit=visit,
            lines=[Wanted(_medicine(code), "three-times", 5, Decimal(1)) for code in codes],
        )
        send_visit(by=self.staff[Role.PROVIDER], visit=visit, station=Station.PHARMACY)
        return made


def work(world: World, staff: Mapping[Role, Author]) -> None:
    """Two months ago, and this morning."""
    clinic = Clinic(world, Facility.objects.get(code=FACILITIES[0][0]), staff, _program("OPD"))
    people = [clinic.patient(place) for place in range(len(NAMES))]
    first = clinic.visit(people[0])
    clinic.to_provider(first)
    enrol(
        by=staff[Role.PROVIDER],
        patient=people[0],
        program_version=_program("ANC"),
        facility=clinic.here,
        incident_on=today() - timedelta(days=70),
    )
    world.sync()
    clinic.pass_minutes(60 * 24 * 60 - 75)
    open_day(by=staff[Role.COORDINATOR], facility=clinic.here)
    _fill_the_shelf(clinic)
    _this_morning(clinic, people)


def _this_morning(clinic: Clinic, people: list[Patient]) -> None:
    staff = clinic.staff
    visits = [clinic.visit(one) for one in people]
    for visit in visits[:5]:
        clinic.to_provider(visit)
    _hand_out(clinic, clinic.to_pharmacy(visits[0], "PARA500"))
    clinic.to_pharmacy(visits[1], "PARA500", "AMOX500")
    note_allergy(
        by=staff[Role.TRIAGE],
        patient=people[2],
        facility=clinic.here,
        substance="Penicillins",
        atc="J01C",
        severity="severe",
        reaction="Rash and swollen face",
    )
    _ill(clinic, visits[2])
    claim_visit(by=staff[Role.TRIAGE], visit=visits[5])
    prioritise_visit(by=staff[Role.TRIAGE], visit=visits[6], priority=Priority.EMERGENCY)
    seen = people[3].version
    for role, sex in ((Role.REGISTRAR, "male"), (Role.PROVIDER, "other")):
        update_patient(by=staff[role], patient=people[3], changes={"sex": sex}, seen=seen)


def _ill(clinic: Clinic, visit: Visit) -> None:
    """Somebody with much to see on their page."""
    ana, here = clinic.staff[Role.PROVIDER], clinic.here
    claim_visit(by=ana, visit=visit)
    order_tests(by=ana, patient=visit.patient, facility=here, tests=["hb", "malaria-rdt"], visit=visit)
    report_result(by=clinic.staff[Role.LAB], order=LabOrder.objects.get(test__code="hb"), value="6.1")
    refer(
        by=ana,
        patient=visit.patient,
        facility=here,
        reason="Severe anaemia",
        to_place="Hospital de Changuinola",
        urgent=True,
        visit=visit,
    )


def _fill_the_shelf(clinic: Clinic) -> None:
    for code, months in (("PARA500", 20), ("PARA500", 2), ("AMOX500", 9), ("ORS", 14)):
        receive(
            by=clinic.staff[Role.PHARMACIST],
            facility=clinic.here,
            medicine=_medicine(code),
            quantity=300,
            lot_number=f"L24{months:02}",
            expires_on=today() + timedelta(days=30 * months),
        )


def _hand_out(clinic: Clinic, prescription: Prescription) -> None:
    line = PrescriptionLine.objects.get(prescription=prescription)
    by = clinic.staff[Role.PHARMACIST]
    items = [Give(line, line.quantity or 1)]
    dispense(by=by, prescription=prescription, facility=clinic.here, items=items)


def _medicine(code: str) -> Medicine:
    return Medicine.objects.get(code=code)


def _program(code: str) -> ProgramVersion:
    program = program_named(code)
    version = current_version(program.pk) if program else None
    assert version is not None, code
    return version
