"""The demo's people at the clinic, written as the clinic's staff would have written them.

Lives here: `Seeding`, which plays a plan through the rooms' services on a clock of its own, so that every
visit and every change carries the day on which it happened. Each save has an id that follows from what it
is: played again after an interruption, it goes on where it was. Not here: the plan (`people.py`), the
answers (`histories.py`), what the rooms write (`lab.py`, `pharmacy.py`, `referrals.py`), everything around
the visits (`filling.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from clinic.pharmacy.models import Medicine
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, program_named
from clinic.visits.models import Visit
from clinic.visits.moving import claim_visit, close_visit, send_visit
from clinic.visits.policy import Station
from clinic.visits.services import open_visit, record_event
from deploy.demo import histories, lab, pharmacy, referrals
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

TABLETS: Final = {Role.REGISTRAR: 1, Role.TRIAGE: 2, Role.PROVIDER: 3, Role.PHARMACIST: 4, Role.LAB: 5}
A_DAY_LATER: Final = 26 * 60
MINUTES: Final = {
    "register": 0, "open": 1, "take-triage": 2, "triage": 4, "to-provider": 4.5, "take-provider": 5,
    "order": 5.2, "to-lab": 5.4, "report": 5.8, "back": 6, "see": 6.2, "consultation": 6.5, "prescribe": 6.6,
    "refer": 6.8, "to-pharmacy": 7, "hand-out": 7.6, "pharmacy": 8, "close": 8.5, "answer": A_DAY_LATER,
}  # fmt: skip
TO_PROVIDER: Final = ("open", "triage", "to-provider")
SEEN: Final = (*TO_PROVIDER, "order", "report", "see", "consultation", "prescribe", "refer", "to-pharmacy")
UNTIL: Final = {
    "triage": ("open",),
    "with-triage": ("open", "take-triage"),
    "provider": TO_PROVIDER,
    "with-provider": (*TO_PROVIDER, "take-provider"),
    "lab": (*TO_PROVIDER, "order", "to-lab"),
    "back": (*TO_PROVIDER, "order", "to-lab", "report", "back"),
    "pharmacy": SEEN,
    "home": (*SEEN, "hand-out", "pharmacy", "close", "answer"),
}
ONLY_WITH: Final[dict[str, Callable[[Coming], object]]] = {
    "order": lab.tests_for,
    "report": lab.tests_for,
    "see": lab.tests_for,
    "prescribe": pharmacy.courses_for,
    "hand-out": pharmacy.courses_for,
    "refer": referrals.letter_for,
    "answer": referrals.letter_for,
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One save."""

    at: datetime
    name: str
    coming: Coming


class Errand(Protocol):
    """Something else that is done at its time."""

    @property
    def at(self) -> datetime: ...

    def do(self) -> None: ...


def deeds_of(plan: Plan) -> list[Deed]:
    """Every save of the plan, in the order of time."""
    return sorted(
        (deed for coming in plan.comings for deed in _deeds(coming)),
        key=lambda deed: (deed.at, deed.coming.who.number, MINUTES[deed.name]),
    )


def _deeds(coming: Coming) -> Iterator[Deed]:
    names = UNTIL[coming.until]
    for name in names if coming.ordinal else ("register", *names):
        asks = ONLY_WITH.get(name)
        if asks is None or asks(coming):
            yield Deed(coming.at + timedelta(minutes=MINUTES[name]), name, coming)


@dataclass
class Seeding:
    """Writes deeds. It must run before this node has stamped anything later than the first of them."""

    facility: Facility
    version: ProgramVersion
    villages: list[Area]
    staff: dict[Role, Author]
    medicines: dict[str, Medicine]
    _now: datetime
    _people: dict[int, Patient] = field(default_factory=dict)
    _visits: dict[tuple[int, int], Visit] = field(default_factory=dict)

    def play(self, deeds: Iterable[Deed | Errand]) -> int:
        """Do them; answers how many there were."""
        done = 0
        with self._back_then():
            for deed in deeds:
                self._now = deed.at
                if isinstance(deed, Deed):
                    _DOING[deed.name](self, deed.coming, _save_id(deed))
                else:
                    deed.do()
                done += 1
        return done

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Inside it is that moment."""
        with self._back_then():
            self._now = moment
            yield

    def _back_then(self) -> AbstractContextManager[Node]:
        here = current_node()
        clock = lambda: int(self._now.timestamp() * 1000)  # noqa: E731  reads what play sets
        return acting_as(Node(here.role, here.data_dir, here.name, wall=clock))

    def patient(self, who: Someone) -> Patient:
        """Somebody of the plan who has been registered."""
        return self._people[who.number]

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

    def order(self, coming: Coming, save_id: UUID) -> None:
        lab.order(by=self.staff[Role.PROVIDER], visit=self._visit(coming), coming=coming, save_id=save_id)

    def report(self, coming: Coming, save_id: UUID) -> None:
        lab.report(by=self.staff[Role.LAB], visit=self._visit(coming), coming=coming, save_id=save_id)

    def prescribe(self, coming: Coming, save_id: UUID) -> None:
        by, visit = self.staff[Role.PROVIDER], self._visit(coming)
        pharmacy.write(by=by, visit=visit, coming=coming, medicines=self.medicines, save_id=save_id)

    def hand_out(self, coming: Coming, save_id: UUID) -> None:
        pharmacy.hand_out(by=self.staff[Role.PHARMACIST], visit=self._visit(coming), save_id=save_id)

    def refer(self, coming: Coming, save_id: UUID) -> None:
        by = self.staff[Role.PROVIDER]
        referrals.write(by=by, visit=self._visit(coming), coming=coming, save_id=save_id)

    def answer(self, coming: Coming, save_id: UUID) -> None:
        by = self.staff[Role.PROVIDER]
        referrals.answer_it(by=by, visit=self._visit(coming), coming=coming, save_id=save_id)

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
    "order": Seeding.order,
    "to-lab": lambda here, who, key: here.send(who, key, Role.PROVIDER, Station.LAB),
    "report": Seeding.report,
    "back": lambda here, who, key: here.send(who, key, Role.LAB, Station.PROVIDER),
    "see": lambda here, who, _key: lab.see(by=here.staff[Role.PROVIDER], visit=here._visit(who)),
    "prescribe": Seeding.prescribe,
    "hand-out": Seeding.hand_out,
    "refer": Seeding.refer,
    "answer": Seeding.answer,
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
        facility,
        version,
        [area for area in villages if area],
        {role: _author(role) for role in TABLETS},
        pharmacy.medicines_by_code(),
        now,
    )


def _author(role: Role) -> Author:
    member = StaffMember.objects.get(username=colleague(role).username)
    return Author(member.pk, f"tablet-{TABLETS[role]}")
