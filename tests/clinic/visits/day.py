"""A clinic day for tests: Bocas, its staff, two programs and a clock that a test moves.

Rosa registers, Tina is the triage nurse, Ana treats, Pia is the pharmacist; Iris works elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.test import Client
from rest_framework.test import APIClient

from clinic.programs.models import ProgramVersion
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.services import enrol, open_visit, record_event
from registry.people.models import Patient
from registry.staff.models import StaffMember
from sync.ledger.recording import Author
from sync.node import Node
from tests.registry.conftest import Cast, browser, make_patient, token_client


@dataclass
class Day:
    """Everybody at Bocas on one day."""

    node: Node
    cast: Cast
    tina: StaffMember
    pia: StaffMember
    outpatient: ProgramVersion
    child: ProgramVersion
    names: list[str] = field(default_factory=lambda: ["José Pérez", "Luz Ábrego", "Beto Smith", "Mía Baker"])

    @property
    def rosa(self) -> Author:
        return self.cast.author(self.cast.rosa)

    @property
    def nurse(self) -> Author:
        return self.cast.author(self.tina)

    @property
    def ana(self) -> Author:
        return self.cast.author(self.cast.ana)

    @property
    def now(self) -> datetime:
        return self.node.now()

    def advance(self, **passed: float) -> None:
        """Let time pass at this node."""
        then = self.node.wall() + int(timedelta(**passed).total_seconds() * 1000)
        self.node.wall = lambda: then

    def patient(self) -> Patient:
        given, _space, family = self.names.pop(0).partition(" ")
        return make_patient(self.rosa, given, family).patient

    def visit(
        self, patient: Patient | None = None, category: str = "general", station: str = "triage"
    ) -> Visit:
        who = patient or self.patient()
        return open_visit(
            by=self.rosa, patient=who, facility=self.cast.bocas, category=category, station=station
        ).visit

    def triage(
        self, visit: Visit, values: dict[str, object] | None = None, save_id: UUID | None = None
    ) -> StageEvent:
        """Tina records triage."""
        return record_event(
            by=self.nurse,
            patient=visit.patient,
            facility=self.cast.bocas,
            program_version=self.outpatient,
            stage="triage",
            values={"weight": "12.4", "temperature": "37.2"} if values is None else values,
            visit=visit,
            save_id=save_id,
        )

    def enrolled(self, patient: Patient) -> Enrollment:
        return enrol(by=self.ana, patient=patient, program_version=self.child, facility=self.cast.bocas)

    def api(self, member: StaffMember | None = None) -> APIClient:
        return token_client(member or self.cast.ana)

    def browser(self, member: StaffMember | None = None) -> Client:
        return browser(member or self.tina)
