"""A clinic in the middle of its day and its central: two real nodes in one process, for tests of whole pages.

Lives here: `live_in`, which makes them, and `LivedIn.page`, which answers what somebody sees at an address.
Not here: what happened at the clinic (`tests/lived_day.py`), which pages there are
(`tests/deploy/lived_pages.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.test import Client
from django.utils import translation

from clinic.lab.examples import shipped
from clinic.lab.services import publish_tests
from deploy.demo import programme
from registry.places.models import Facility
from registry.staff.models import Account, SignIn, StaffMember
from registry.staff.policy import Role
from registry.staff.services import add_staff
from registry.staff.sessions import note_sign_in
from registry.staff.signoffs import answer_signoffs, signoffs_to_ask, take_signoffs
from sync.enrolment import join, offer
from sync.ledger.recording import Author
from sync.models import EnrolledNode
from tests.databases import DatabaseShelf
from tests.lived_day import work
from tests.world import Link, Site, World

HOST: Final = {"host": "clinic.local"}
A_DAY_MS: Final = 86_400_000
OFFICE: Final = Author(None, "office")


@dataclass
class LivedIn:
    """One clinic laptop and its central."""

    world: World
    people: dict[Role, StaffMember] = field(default_factory=dict)
    _clients: dict[tuple[Role | None, bool], Client] = field(default_factory=dict)

    @contextmanager
    def at(self, *, central: bool = False) -> Iterator[Site]:
        site = self.world.central if central else self.world.clinics[0]
        with self.world.at(site):
            yield site

    def answer(
        self,
        role: Role | None,
        address: str,
        *,
        central: bool = False,
        language: str = "en",
        posted: dict[str, Any] | None = None,
    ) -> Any:
        """What the node answers to a tablet where somebody in this role has logged in (None: nobody)."""
        with self.at(central=central), translation.override(language):
            client = self._client(role, central)
            client.cookies["django_language"] = language
            if posted is not None:
                return client.post(address, posted, secure=True, headers=HOST)
            return client.get(address, secure=True, headers=HOST)

    def page(self, role: Role | None, address: str, **how: Any) -> str:
        """The same, which must be a page."""
        answer = self.answer(role, address, **how)
        assert answer.status_code == 200, (address, answer.status_code)
        html: str = answer.content.decode()
        return html

    def _client(self, role: Role | None, central: bool) -> Client:
        known = self._clients.get((role, central))
        if known is None:
            known = self._clients[role, central] = Client()
            if role is not None:
                account = Account.objects.get(staff_id=self.people[role].pk)
                known.force_login(account, backend="registry.staff.backends.CachedBackend")
        return known


def live_in(directory: Path, shelf: DatabaseShelf) -> LivedIn:
    """A central with the demo's programme, and a clinic that began two months ago."""
    world = World(directory, shelf, clinics=0)
    world.advance(int(time.time() * 1000) - 60 * A_DAY_MS - world.now_ms)
    with world.at(world.central):
        staff = _decide()
        place = Facility.objects.get(code=programme.FACILITIES[0][0])
        code = offer(name=programme.LAPTOPS[0], facilities=[str(place.pk)], mode="everything")
    laptop = world._site(programme.LAPTOPS[0], "clinic")
    laptop.link = laptop.node.kept["carrier"] = Link(world, laptop)
    with world.at(laptop):
        join("https://central.example", code)
    world.clinics.append(laptop)
    world.sync()
    with world.at(laptop):
        work(world, {role: Author(member.pk, "tablet-3") for role, member in staff.items()})
    _log_in_without_central(world, staff)
    return LivedIn(world, staff)


def _log_in_without_central(world: World, staff: dict[Role, StaffMember]) -> None:
    """Two whom central has signed off, one it does not know, one it has not heard of yet."""
    laptop = world.clinics[0]
    with world.at(laptop):
        for role in (Role.PROVIDER, Role.TRIAGE):
            note_sign_in(staff[role].pk, "tablet-3")
        SignIn.objects.create(staff_id=UUID(int=7), at=laptop.node.now(), device="tablet-5")
        question = signoffs_to_ask(roster=False)
    with world.at(world.central):
        answer = answer_signoffs(EnrolledNode.objects.get(), question)
    with world.at(laptop):
        take_signoffs(answer)
        note_sign_in(staff[Role.REGISTRAR].pk, "tablet-4")


def _decide() -> dict[Role, StaffMember]:
    """What the programme office decides. Every role has its person."""
    programme.load()
    publish_tests(by=OFFICE, tests=shipped())
    places = [(Role.LAB.value, Facility.objects.get(code=programme.FACILITIES[0][0]))]
    if all(one.role is not Role.LAB for one in programme.STAFF):
        add_staff(
            by=OFFICE, username="pedro", full_name="Pedro Palacios", grants=places, password="pedro-at-posta"
        )
    names = {"pedro": Role.LAB} | {one.username: one.role for one in programme.STAFF}
    return {names[one.username]: one for one in StaffMember.objects.all() if one.username in names}
