"""A past of any shape, written past every door as a download would leave it.

Lives here: `Past`, which makes single rows of a moment in the past. Not here: a large past (`busy.py`), what
is asserted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from clinic.visits.models import StageEvent, Visit, VisitStep
from registry.people.models import Patient
from registry.places.models import Facility
from sync.ledger.replicas import self_replica
from sync.records import SyncedModel, door
from tests.clinic.visits.day import Day

CONSULTATION = "opd_stage_consultation"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@dataclass
class Past:
    """What was here before the test began."""

    day: Day
    numbers: Any = field(default_factory=lambda: count(1))

    def row(self, model: type[SyncedModel], **columns: Any) -> Any:
        number = next(self.numbers)
        made = model(
            **{
                "id": UUID(int=(5 << 100) + number),
                "made_replica": self_replica().number,
                "made_seq": 50_000 + number,
                "made_stamp": number << 16,
            }
            | columns
        )
        with door():
            made.save(force_insert=True)
        return made

    def patient(self, sex: str = "female", born: date | None = date(1990, 1, 1), **more: Any) -> Patient:
        columns = {
            "given_name": "Name",
            "family_name": "Past",
            "registered_on": NOON,
            "registered_at": self.day.cast.bocas,
        }
        found: Patient = self.row(Patient, sex=sex, birth_date=born, **columns | more)
        return found

    def visit(
        self,
        at: datetime = NOON,
        patient: Patient | None = None,
        facility: Facility | None = None,
        category: str = "general",
        **more: Any,
    ) -> Visit:
        found: Visit = self.row(
            Visit,
            patient=patient or self.patient(),
            facility=facility or self.day.cast.bocas,
            category=category,
            opened_at=at,
            **more,
        )
        return found

    def step(self, visit: Visit, kind: str, station: str, minutes: float, **more: Any) -> VisitStep:
        at = visit.opened_at + timedelta(minutes=minutes)
        found: VisitStep = self.row(
            VisitStep, visit=visit, patient=visit.patient, kind=kind, station=station, at=at, **more
        )
        return found

    def event(self, visit: Visit, values: dict[str, Any], /, **more: Any) -> StageEvent:
        columns = {
            "patient": visit.patient,
            "visit": visit,
            "program_version": self.day.outpatient,
            "stage": CONSULTATION,
            "facility": visit.facility,
            "occurred_at": visit.opened_at + timedelta(minutes=30),
            "status": "completed",
        }
        found: StageEvent = self.row(StageEvent, values=values, **columns | more)
        return found

    def diagnosis(self, visit: Visit, code: str, kind: str = "NEW", /, **more: Any) -> StageEvent:
        return self.event(visit, {"diagnosis_code": code, "visit_kind": kind}, **more)
