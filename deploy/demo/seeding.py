"""The demo's people at the clinic, written as the clinic's staff would have written them.

Lives here: `Seeding`, which plays a plan through the rooms' services on a clock of its own, so that every
visit and every change carries the day on which it happened. Each save has an id that follows from what it
is: played again after an interruption, it goes on where it was. Not here: the plan (`people.py`), the
answers (`histories.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, program_named
from clinic.visits.models import Visit
from clinic.visits.moving import claim_visit, close_visit, send_visit
from clinic.visits.policy import Station
from clinic.visits.services import open_visit, record_event
from deploy.demo import histories
from deploy.demo.people import Coming, Plan, Someone
from deploy.demo.programme import VILLAGES, colleague
from registry.people.models import Patient
from registry.people.services import register
from registry.places.models import Area, Facility
from registry.places.selectors import area_by_code, facility_by_code
from registry.staff.models import StaffMember
from registry.staff.policy import Role
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica
from sync.node import Node, acting_as, current_node

TABLETS: Final = {Role.REGISTRAR: 1, Role.TRIAGE: 2, Role.PROVIDER: 3, Role.PHARMACIST: 4}
MINUTES: Final = {
    "register": 0, "open": 1, "take-triage": 2, "triage": 4, "to-provider": 4.5, "take-provider": 5,
    "consultation": 6.5, "to-pharmacy": 7, "pharmacy": 8, "close": 8.5,
}  # fmt: skip
UNTIL: Final = {
    "triage": ("open",),
    "with-triage": ("open", "take-triage"),
    "provider": ("open", "triage", "to-provider"),
    "with-provider": ("open", "triage", "to-provider", "take-provider"),
    "pharmacy": ("open", "triage", "to-provider", "consultation", "to-pharmacy"),
    "home": ("open", "triage", "to-provider", "consultation", "to-pharmacy", "pharmacy", "close"),
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One save."""

    at: datetime
    name: str
    coming: Coming


def deeds_of(plan: Plan) -> list[Deed]:
    """Every save of the plan, in the order of time."""
    return sorted(
        (deed for coming in plan.comings for deed in _deeds(coming)),
        key=lambda deed: (deed.at, deed.coming.who.number, MINUTES[deed.name]),
    )


def _deeds(coming: Coming) -> Iterator[Deed]:
    names = UNTIL[coming.until]
    for name in names if coming.ordinal else ("register", *names):
        yield Deed(coming.at + timedelta(minutes=MINUTES[name]), name, coming)


@dataclass
class Seeding:
    """Writes deeds. It must run before this node has stamped anything later than the first of them."""

    facility: Facility
    version: ProgramVersion
    villages: list[Area]
    staff: dict[Role, Author]
    _now: datetime
    _people: dict[int, Patient] = field(default_factory=dict)
    _visits: dict[tuple[int, int], Visit] = field(default_factory=dict)

    def play(self, deeds: Iterable[Deed]) -> int:
        """Do them; answers how many there were."""
        here, done = current_node(), 0
        then = Node(here.role, here.data_dir, here.name, wall=lambda: int(self._now.timestamp() * 1000))
        with acting_as(then):
            for deed in deeds:
                self._now = deed.at
                _DOING[deed.name](self, deed.coming, _save_id(deed))
                done += 1
        return done

    def register(self, coming: Coming, save_id: UUID) -> None:
        who: Someone = coming.who
        registered = register(
            by=self.staff[Role.REGISTRAR],
            given_name=who.given_name,
            family_name=who.family_name,
            sex=who.sex,
            birth_date=None if who.estimated else who.born,
            age_years=who.age(coming.at.date()) if who.estimated else None,
            phone=who.phone,
            village=self.villages[who.village],
            identifiers=who.papers,
            facility=self.facility,
            save_id=save_id,
        )
        self._people[who.number] = registered.patient

    def open(self, coming: Coming, save_id: UUID) -> None:
        opened = open_visit(
            by=self.staff[Role.REGISTRAR],
            patient=self._people[coming.who.number],
            facility=self.facility,
            category=coming.story.category,
            save_id=save_id,
        )
        self._visits[coming.who.number, coming.ordinal] = opened.visit

    def take(self, coming: Coming, save_id: UUID, role: Role) -> None:
        claim_visit(by=self.staff[role], visit=self._visit(coming), save_id=save_id)

    def send(self, coming: Coming, save_id: UUID, role: Role, station: Station) -> None:
        send_visit(by=self.staff[role], visit=self._visit(coming), station=station, save_id=save_id)

    def close(self, coming: Coming, save_id: UUID) -> None:
        close_visit(by=self.staff[Role.PHARMACIST], visit=self._visit(coming), save_id=save_id)

    def record(self, coming: Coming, save_id: UUID, role: Role, stage: str) -> None:
        answers: Callable[[random.Random, Coming], histories.Answers] = getattr(histories, stage)
        record_event(
            by=self.staff[role],
            patient=self._people[coming.who.number],
            facility=self.facility,
            program_version=self.version,
            stage=stage,
            values=answers(random.Random(f"{stage} {coming.who.number} {coming.ordinal}"), coming),
            visit=self._visit(coming),
            save_id=save_id,
        )

    def _visit(self, coming: Coming) -> Visit:
        return self._visits[coming.who.number, coming.ordinal]


Doing = Callable[[Seeding, Coming, UUID], None]
_DOING: Final[dict[str, Doing]] = {
    "register": Seeding.register,
    "open": Seeding.open,
    "take-triage": lambda here, who, key: here.take(who, key, Role.TRIAGE),
    "triage": lambda here, who, key: here.record(who, key, Role.TRIAGE, "triage"),
    "to-provider": lambda here, who, key: here.send(who, key, Role.TRIAGE, Station.PROVIDER),
    "take-provider": lambda here, who, key: here.take(who, key, Role.PROVIDER),
    "consultation": lambda here, who, key: here.record(who, key, Role.PROVIDER, "consultation"),
    "to-pharmacy": lambda here, who, key: here.send(who, key, Role.PROVIDER, Station.PHARMACY),
    "pharmacy": lambda here, who, key: here.record(who, key, Role.PHARMACIST, "pharmacy"),
    "close": Seeding.close,
}


def _save_id(deed: Deed) -> UUID:
    """The same for the same deed in the same database, and nowhere else."""
    what = f"{self_replica().uuid} {deed.coming.who.number} {deed.coming.ordinal} {deed.name}"
    return new_save_id(int(deed.at.timestamp() * 1000), random.Random(what))


def seeding_here(facility_code: str, now: datetime) -> Seeding:
    """A seeding with this clinic's copy of the programme."""
    facility, program = facility_by_code(facility_code), program_named("OPD")
    version = current_version(program.pk) if program else None
    villages = [area_by_code(code) for code, _name, _district in VILLAGES]
    if facility is None or version is None or None in villages:
        raise LookupError("the programme has not come down from central")
    return Seeding(
        facility, version, [area for area in villages if area], {role: _author(role) for role in TABLETS}, now
    )


def _author(role: Role) -> Author:
    member = StaffMember.objects.get(username=colleague(role).username)
    return Author(member.pk, f"tablet-{TABLETS[role]}")
