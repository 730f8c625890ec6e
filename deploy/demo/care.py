"""The demo's people who are followed in a program: pregnancies, vaccines, blood pressure.

Lives here: `seed`, which may be repeated: enrollments that began weeks ago, what was done since with numbers
that make a curve, and so what is due and overdue today; `appoint`, who is expected on a day. Not here: visits
of the outpatient day (`seeding.py`).
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
from clinic.programs.selectors import current_version, program_named, stage_of
from clinic.visits.following import ask_follow_up, assign, enrol, plan_stage, skip_stage
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.services import record_event
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.models import StaffMember
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

MOST: Final = {"ANC": 20, "NCD-CARE": 20, "EPI": 25, "PNC": 5}
APPOINTED: Final = {"ANC": 2, "NCD-CARE": 3, "EPI": 2}
APPOINTED_STAGE: Final = {"ANC": "contact", "NCD-CARE": "control"}
VACCINES: Final = {
    "birth": (0, ("bcg", "opv0", "hepb0")),
    "w6": (42, ("opv1", "penta1", "pcv1", "rota1")),
    "w10": (70, ("opv2", "penta2", "pcv2", "rota2")),
    "w14": (98, ("opv3", "penta3", "pcv3", "ipv1")),
    "m9": (274, ("mr1", "ipv2", "vita")),
    "m15": (456, ("mr2",)),
}
CONTACTS: Final = (84, 140, 182, 210, 238, 252)
GROWTH: Final = {"birth": 3.3, "w6": 4.8, "w10": 5.6, "w14": 6.3, "m9": 8.6, "m15": 10.2}
"""How heavy children are, about in the middle, at each of their vaccines."""


@dataclass(frozen=True, slots=True)
class _Seed:
    """What every save of one patient's care shares."""

    by: Author
    facility: Facility
    today: date
    patient: Patient
    version: ProgramVersion
    rng: random.Random

    def weight(self, usual: float) -> float:
        """What they weighed last, else about as usual."""
        rows = StageEvent.objects.living().filter(patient=self.patient).order_by("-occurred_at", "pk")
        for event in rows.only("values")[:6]:
            known = event.values.get("weight")
            if known:
                return float(known)
        return usual * self.rng.uniform(0.9, 1.15)

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
    weight = one.weight(60) - far / 28
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
                "weight": f"{weight + days / 28 + one.rng.uniform(-0.4, 0.4):.1f}",
                "haemoglobin": f"{one.rng.uniform(9.4, 12.6):.1f}",
                "fundal_height": f"{max(days // 7 - 1, 10)}",
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
    factor = one.rng.uniform(0.85, 1.12)
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
        weight = GROWTH[stage] * factor * one.rng.uniform(0.97, 1.03)
        one.record(row, stage, on, dict.fromkeys(vaccines, "true") | {"weight": f"{weight:.1f}"})


def _pressure(one: _Seed, member: StaffMember) -> None:
    """Months of controls: the pressure comes down slowly, sugar too where it is watched."""
    began = one.today - timedelta(days=one.rng.randrange(100, 260))
    sugar = one.rng.random() < 0.4
    row = one.enrol(began)
    conditions = ["HYPERTENSION", "DIABETES"] if sugar else ["HYPERTENSION"]
    one.record(row, "start", began, {"conditions": conditions, "diagnosis_code": "I10"})
    weight, upper, glucose = one.weight(72), one.rng.uniform(150, 172), one.rng.uniform(9, 13)
    on, last = began, one.today - timedelta(days=one.rng.randrange(5, 60))
    while on <= last:
        values = {
            "bp_systolic": f"{upper + one.rng.uniform(-5, 5):.0f}",
            "bp_diastolic": f"{upper * 0.6 + one.rng.uniform(-3, 3):.0f}",
            "weight": f"{weight + one.rng.uniform(-0.8, 0.8):.1f}",
            "taking": one.rng.choice(("ALL", "ALL", "SOME")),
        }
        one.record(row, "control", on, values | ({"glucose": f"{glucose:.1f}"} if sugar else {}))
        upper, glucose, weight = max(upper - 5, 126), max(glucose - 0.7, 6.1), weight - 0.3
        on += timedelta(days=one.rng.randrange(26, 38))


def appoint(*, facility: Facility, today: date) -> int:
    """Some of those who are followed are expected on this day; answers how many. May be repeated."""
    member = StaffMember.objects.get(username="ana")
    by, rows = Author(member.pk, "tablet-3"), list[Enrollment]()
    for code, most in APPOINTED.items():
        active = Enrollment.objects.living().filter(status=Enrollment.Status.ACTIVE, facility=facility)
        named = active.filter(program_version__program=program_named(code)).order_by("enrolled_on", "pk")
        rows += [_appointed(row, code, by, today) for row in named[:most]]
    return len(rows)


def _appointed(row: Enrollment, code: str, by: Author, today: date) -> Enrollment:
    made = random.Random(f"{self_replica().uuid} {row.pk} appointed")
    common: dict[str, Any] = {"by": by, "enrollment": row, "facility": row.facility}
    common["save_id"] = new_save_id(millis_of(row.made_stamp), made)
    stage = APPOINTED_STAGE.get(code)
    if stage is None:
        ask_follow_up(**common, on=today, reason="Traer la tarjeta de vacunas")
    else:
        done = StageEvent.objects.living().filter(
            enrollment=row, stage=stage_of(row.program_version_id, stage).uid
        )
        plan_stage(**common, stage=stage, on=today, occurrence=done.count() + 1)
    return row


_FOLLOWING: Final = {"ANC": _pregnancy, "PNC": _birth, "EPI": _vaccines, "NCD-CARE": _pressure}
