"""A clinic with a past: many visits, each with its steps and a coded diagnosis, written past every door.

Lives here: `fill`, which makes rows in bulk as a download would leave them. Not here: what is asserted of
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from clinic.programs.models import ProgramVersion
from clinic.visits.models import StageEvent, Visit, VisitStep
from registry.people.models import Patient
from registry.places.models import Facility
from sync.ledger.replicas import self_replica
from sync.records import SyncedModel, door

CODES = ("J06.9", "A09.9", "I10", "E11.9", "M54.5", "Z00.0", "L20.9")
BORN = (
    date(2026, 8, 1),
    date(2024, 1, 1),
    date(2016, 5, 5),
    date(2004, 2, 2),
    date(1990, 1, 1),
    date(1950, 1, 1),
)
A_VISIT = timedelta(minutes=40)


def fill(facility: Facility, version: ProgramVersion, last: datetime, visits: int, a_day: int = 100) -> None:
    """So many visits up to a moment, so many a day; a tenth as many people."""
    made, replica = count(1), self_replica().number

    def row(model: type[SyncedModel], **columns: Any) -> Any:
        number = next(made)
        return model(
            id=UUID(int=(7 << 100) + number),
            made_replica=replica,
            made_seq=10_000 + number,
            made_stamp=number << 16,
            **columns,
        )

    people = [
        row(
            Patient,
            given_name=f"Name{number}",
            family_name="Busy",
            sex=("female", "male")[number % 2],
            birth_date=BORN[number % len(BORN)],
            registered_at=facility,
            registered_on=last,
        )
        for number in range(max(1, visits // 10))
    ]
    came = [
        row(
            Visit,
            patient=people[number % len(people)],
            facility=facility,
            category=("general", "anc", "ncd-care")[number % 3],
            opened_at=last - timedelta(days=number // a_day, minutes=number % a_day * 4),
        )
        for number in range(visits)
    ]
    steps = [step for visit in came for step in _steps(row, visit)]
    events = [
        row(
            StageEvent,
            patient=visit.patient,
            visit=visit,
            program_version=version,
            stage="opd_stage_consultation",
            facility=facility,
            occurred_at=visit.opened_at + A_VISIT,
            status="completed",
            values={"diagnosis": "Seen", "diagnosis_code": CODES[number % len(CODES)]},
        )
        for number, visit in enumerate(came)
    ]
    with door():
        for rows in (people, came, steps, events):
            manager: Any = type(rows[0]).objects
            manager.bulk_create(rows, batch_size=500)


def _steps(row: Any, visit: Visit) -> Iterator[VisitStep]:
    """Triage after ten minutes, the provider after twenty more, home after forty."""
    told = (("sent", "triage", 0), ("claimed", "triage", 10), ("sent", "provider", 15))
    for kind, station, minutes in (*told, ("claimed", "provider", 35), ("closed", "", 40)):
        yield row(
            VisitStep,
            visit=visit,
            patient=visit.patient,
            kind=kind,
            station=station,
            at=visit.opened_at + timedelta(minutes=minutes),
        )
