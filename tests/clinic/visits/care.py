"""Care for tests: our programs published at the day's clinic, a pregnancy, a child."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clinic.programs.examples import example
from clinic.programs.models import ProgramVersion
from clinic.programs.services import publish
from clinic.visits.following import enrol
from clinic.visits.models import Enrollment, StageEvent
from clinic.visits.planning import Followed, followed
from clinic.visits.schedule import state_on
from clinic.visits.services import record_event
from registry.people.models import Patient
from registry.people.selectors import today
from registry.people.services import update_patient
from sync.ledger.recording import Author
from tests.clinic.visits.day import Day

BY_THE_NODE = Author(None, "central")


def published(day: Day, *names: str) -> list[ProgramVersion]:
    """These programs, as they come down from central."""
    day.node.role = "central"
    versions = [publish(document=example(name), by=BY_THE_NODE).version for name in names]
    day.node.role = "clinic"
    return versions


def ago(days: int) -> date:
    return today() - timedelta(days=days)


@dataclass
class Care:
    """A clinic that follows pregnancies and vaccinates."""

    day: Day
    anc: ProgramVersion
    epi: ProgramVersion

    def pregnant(self, days: int, patient: Patient | None = None) -> Enrollment:
        """Enrolled today, so many days after her last period."""
        return enrol(
            by=self.day.ana,
            patient=patient or self.day.patient(),
            program_version=self.anc,
            facility=self.day.cast.bocas,
            incident_on=ago(days),
        )

    def child(self, days: int) -> Enrollment:
        patient = self.day.patient()
        update_patient(by=self.day.rosa, patient=patient, changes={"birth_date": ago(days)})
        patient.refresh_from_db()
        return enrol(by=self.day.ana, patient=patient, program_version=self.epi, facility=self.day.cast.bocas)

    def contact(self, row: Enrollment, **values: str) -> StageEvent:
        return record_event(
            by=self.day.ana,
            patient=row.patient,
            facility=self.day.cast.bocas,
            program_version=self.anc,
            enrollment=row,
            stage="contact",
            values={"bp_systolic": "110", "bp_diastolic": "70", **values},
        )


def one_followed(row: Enrollment) -> Followed:
    return next(one for one in followed([row.patient_id]) if row in (one.enrollment, *one.twins))


def told(row: Enrollment) -> list[tuple[str, int, str]]:
    """(stage, occurrence, state) of everything in a schedule, today."""
    return [
        (slot.stage.partition("_stage_")[2], slot.occurrence, state_on(slot, today()).value)
        for slot in one_followed(row).slots()
    ]
