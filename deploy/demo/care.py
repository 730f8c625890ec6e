"""The demo's people who are followed in a program: pregnancies, vaccines, blood pressure.

Lives here: `seed`, which may be repeated: enrollments that began weeks ago, what was done since, and so what
is due and overdue today. Not here: visits of the outpatient day (`seeding.py`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, program_named
from clinic.visits.following import ask_follow_up, assign, enrol, skip_stage
from clinic.visits.models import Enrollment, Visit
from clinic.visits.services import record_event
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.models import StaffMember
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

MOST: Final = {"ANC": 25, "NCD-CARE": 40, "EPI": 40, "PNC": 5}
VACCINES: Final = {
    "birth": (0, ("bcg", "opv0", "hepb0")),
    "w6": (42, ("opv1", "penta1", "pcv1", "rota1")),
    "w10": (70, ("opv2", "penta2", "pcv2", "rota2")),
    "w14": (98, ("opv3", "penta3", "pcv3", "ipv1")),
    "m9": (274, ("mr1", "ipv2", "vita")),
    "m15": (456, ("mr2",)),
}
CONTACTS: Final = (84, 140, 182, 210, 238, 252)


@dataclass(frozen=True, slots=True)
class _Seed:
    """What every save of one patient's care shares."""

    by: Author
    facility: Facility
    today: date
    patient: Patient
    version: ProgramVersion
    rng: random.Random

    def save_id(self, what: str) -> UUID:
        made = random.Random(f"{self_replica().uuid} {self.patient.pk} {what}")
        return new_save_id(millis_of(self.patient.made_stamp), made)

    def enrol(self, on: date, incident: date | None = None) -> Enrollment:
        return enrol(
            by=self.by,
            patient=self.patient,
            program_version=self.version,
            facility=self.facility,
            enrolled_on=on,
            incident_on=incident,
            save_id=self.save_id("enrol"),
        )

    def record(self, row: Enrollment, stage: str, on: date, values: dict[str, Any]) -> None:
        record_event(
            by=self.by,
            patient=self.patient,
            facility=self.facility,
            program_version=self.version,
            enrollment=row,
            stage=stage,
            values=values,
            occurred_at=timezone.make_aware(datetime.combine(on, time(9, self.rng.randrange(60)))),
            save_id=self.save_id(f"{stage} {on}"),
        )


def seed(*, facility: Facility, today: date) -> int:
    """Follow some of the people whom this clinic knows; answers how many."""
    member = StaffMember.objects.get(username="ana")
    by, done = Author(member.pk, "tablet-3"), 0
    for code, follow in _FOLLOWING.items():
        program = program_named(code)
        version = current_version(program.pk) if program else None
        if version is None:
            continue
        for patient in list(_candidates(code, facility, today))[: MOST[code]]:
            if not Enrollment.objects.filter(patient=patient, program_version__program=program).exists():
                rng = random.Random(f"{code} {patient.given_name} {patient.family_name} {patient.birth_date}")
                follow(_Seed(by, facility, today, patient, version, rng), member)
            done += 1
    return done


def _candidates(code: str, facility: Facility, today: date) -> Iterator[Patient]:
    people = Patient.objects.living().filter(registered_at=facility).order_by("registered_on", "pk")
    if code == "EPI":
        yield from people.filter(birth_date__gte=today - timedelta(days=540))
        return
    category = {"ANC": Visit.Category.ANC, "PNC": Visit.Category.ANC}.get(code, Visit.Category.NCD_CARE)
    came = people.filter(pk__in=Visit.objects.filter(category=category).values("patient"))
    yield from came.filter(enrollments=None) if code == "PNC" else came


def _pregnancy(one: _Seed, member: StaffMember) -> None:
    far = one.rng.randrange(60, 270)
    last_period = one.today - timedelta(days=far)
    began = last_period + timedelta(days=min(far, one.rng.randrange(56, 110)))
    row = one.enrol(began, last_period)
    births = one.rng.randrange(0, 5)
    one.record(row, "booking", began, {"gravida": str(births + 1), "births": str(births), "hiv": "NEGATIVE"})
    for days in CONTACTS:
        on = last_period + timedelta(days=days + one.rng.randrange(-3, 6))
        if on < began or on > one.today or one.rng.random() < 0.25:
            continue
        upper = one.rng.choice([104, 110, 112, 118, 122, 144])
        one.record(
            row,
            "contact",
            on,
            {
                "bp_systolic": str(upper),
                "bp_diastolic": str(upper - 40),
                "weight": f"{52 + days / 28 + one.rng.random() * 12:.1f}",
                "haemoglobin": f"{one.rng.uniform(9.4, 12.6):.1f}",
                "iron": "30",
            },
        )
    if one.rng.random() < 0.2:
        _look_after(one, row, member)


def _look_after(one: _Seed, row: Enrollment, member: StaffMember) -> None:
    common = {"by": one.by, "enrollment": row, "facility": one.facility}
    assign(**common, staff=member, save_id=one.save_id("assign"))  # type: ignore[arg-type]  # three kinds in one dict
    ask_follow_up(**common, on=one.today, reason="Llamar por teléfono", save_id=one.save_id("follow-up"))  # type: ignore[arg-type]  # as above


def _birth(one: _Seed, member: StaffMember) -> None:
    born = one.today - timedelta(days=one.rng.randrange(2, 40))
    row = one.enrol(born, born)
    one.record(
        row,
        "contact",
        born + timedelta(days=1),
        {"bp_systolic": "112", "bp_diastolic": "72", "child_weight": "3.2", "feeding": "BREAST"},
    )


def _vaccines(one: _Seed, member: StaffMember) -> None:
    born = one.patient.birth_date
    if born is None:
        return
    row = one.enrol(max(born, one.today - timedelta(days=500)))
    for stage, (days, vaccines) in VACCINES.items():
        on = born + timedelta(days=days + one.rng.randrange(0, 9))
        if on > one.today:
            return
        if one.rng.random() < 0.18:
            if one.rng.random() < 0.3:
                skip_stage(
                    by=one.by,
                    enrollment=row,
                    facility=one.facility,
                    stage=stage,
                    reason="Vacunado en otro lugar",
                    save_id=one.save_id(f"skip {stage}"),
                )
                continue
            return
        one.record(row, stage, on, dict.fromkeys(vaccines, "true"))


def _pressure(one: _Seed, member: StaffMember) -> None:
    began = one.today - timedelta(days=one.rng.randrange(40, 260))
    row = one.enrol(began)
    one.record(row, "start", began, {"conditions": ["HYPERTENSION"], "diagnosis_code": "I10"})
    on = began
    while on <= one.today - timedelta(days=one.rng.randrange(5, 60)):
        upper = one.rng.randrange(126, 168)
        one.record(
            row,
            "control",
            on,
            {"bp_systolic": str(upper), "bp_diastolic": str(upper - 52), "weight": "71.0", "taking": "ALL"},
        )
        on += timedelta(days=one.rng.randrange(26, 38))


_FOLLOWING: Final = {"ANC": _pregnancy, "PNC": _birth, "EPI": _vaccines, "NCD-CARE": _pressure}
