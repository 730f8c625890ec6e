"""A programme with two clinics, their staff and its office, as real databases with a link between them.

Ana treats and Rosa registers at Bocas, where Carla coordinates; Teo is the laboratory of Yaviza; Olga is the
programme office. `staffed` has synced once. Not here: the cast of one node (`tests/registry/conftest.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from pytest_django import DjangoDbBlocker, Settings

from registry.people.models import Patient
from registry.people.services import add_identifier, register, update_patient
from registry.places.models import Facility
from registry.places.services import add_facility
from registry.staff.log_in_words import reason_of
from registry.staff.models import Account, Credential, SignIn, StaffMember
from registry.staff.services import add_staff, end_staff
from registry.staff.sessions import note_sign_in
from sync.enrolment import join, offer
from sync.ledger.recording import Author
from sync.models import LinkState, SyncRun
from sync.node import Node
from sync.review.models import Aside
from tests.databases import DatabaseShelf
from tests.registry.conftest import PASSWORD, THE_NODE, Cast
from tests.registry.staff.at_the_tablet import become_clinic
from tests.world import Link, Site, World

LOGIN = "/account/login/"
MINUTE_MS = 60_000


@dataclass
class Staffed:
    """The world, and what people do in it."""

    world: World

    @property
    def laptop(self) -> Site:
        return self.world.clinics[0]

    @property
    def elsewhere(self) -> Site:
        return self.world.clinics[1]

    @property
    def link(self) -> Link:
        assert self.laptop.link is not None
        return self.laptop.link

    def office(self, change: Callable[..., object], username: str, **said: Any) -> None:
        """Central does something about somebody."""
        with self.world.at(self.world.central):
            change(by=THE_NODE, staff=StaffMember.objects.get(username=username), **said)

    def facility(self, code: str) -> Facility:
        with self.world.at(self.world.central):
            return Facility.objects.get(code=code)

    def is_let_in(self, username: str, password: str = PASSWORD, site: Site | None = None) -> str:
        """Who checked the password ('central' or 'laptop'), or why somebody is not let in."""
        with self.world.at(site or self.laptop):
            request = RequestFactory().post(LOGIN)
            account = authenticate(request, username=username, password=password)
            if account is None:
                return reason_of(request)
            assert isinstance(account, Account)
            return "central" if account.seen_by_central else "laptop"

    def logs_in(self, username: str, password: str = PASSWORD) -> Client:
        """A tablet at the laptop on which somebody has just logged in, without the link."""
        before, self.link.up = self.link.up, False
        with self.world.at(self.laptop):
            LinkState.objects.update(state=LinkState.State.DOWN)
            client = Client()
            answer = client.post(LOGIN, {"login": username, "password": password}, secure=True)
            assert answer.status_code == 302, answer.content
        self.link.up = before
        return client

    def is_logged_in(self, client: Client) -> bool:
        with self.world.at(self.laptop):
            return bool(client.get("/me/", secure=True).status_code == 200)

    def notes(self, username: str, site: Site | None = None) -> SignIn:
        """A log-in without central, without its page."""
        with self.world.at(site or self.laptop):
            return note_sign_in(self.staff_id(username), "tablet-1")

    def staff_id(self, username: str) -> Any:
        return StaffMember.objects.get(username=username).pk

    def run(self, site: Site | None = None) -> SyncRun:
        done = self.world.sync(site or self.laptop)[0]
        assert (done.outcome, done.reason) == (SyncRun.Outcome.DONE, "")
        return done

    def outcomes(self, site: Site | None = None) -> list[str]:
        """Central's answers as they are kept there, in order."""
        with self.world.at(site or self.laptop):
            return list(SignIn.objects.order_by("pk").values_list("outcome", flat=True))


@pytest.fixture
def clinic(cast: Cast, node: Node) -> Node:
    """The node of the cast, as the laptop of their facility."""
    become_clinic(cast, node)
    return node


@pytest.fixture
def staffed(
    tmp_path: Path, database_shelf: DatabaseShelf, django_db_blocker: DjangoDbBlocker, settings: Settings
) -> Iterator[Staffed]:
    settings.POSTA_TABLETS = "open"
    with django_db_blocker.unblock():
        world = World(tmp_path / "world", database_shelf, clinics=0)
        with world.at(world.central):
            codes = _decide()
        for name, code in codes.items():
            laptop = world._site(name, "clinic")
            laptop.link = laptop.node.kept["carrier"] = Link(world, laptop)
            laptop.node.kept["tries"] = 1
            with world.at(laptop):
                join("https://central.example", code)
            world.clinics.append(laptop)
        world.sync()
        yield Staffed(world)
        world.close()


def _decide() -> dict[str, str]:
    bocas = add_facility(by=THE_NODE, name="Bocas", code="BOC")
    yaviza = add_facility(by=THE_NODE, name="Yaviza", code="DAR")
    for username, role, place in (
        ("ana", "provider", bocas),
        ("rosa", "registrar", bocas),
        ("carla", "coordinator", bocas),
        ("teo", "lab", yaviza),
        ("olga", "central-admin", None),
    ):
        add_staff(
            by=THE_NODE,
            username=username,
            full_name=f"{username.title()} Ruiz",
            grants=[(role, place)],
            password=PASSWORD,
        )
    laptops = {"Bocas 1": bocas, "Yaviza 1": yaviza}
    return {
        name: offer(name=name, facilities=[str(place.pk)], mode="everything")
        for name, place in laptops.items()
    }


class Day:
    """What people write at Bocas; a minute passes before each save."""

    def __init__(self, staffed: Staffed) -> None:
        self.staffed = staffed

    def author(self, username: str) -> Author:
        return Author(self.staffed.staff_id(username), "tablet-1")

    def registers(self, username: str, name: str) -> UUID:
        self.staffed.world.advance(MINUTE_MS)
        with self.staffed.world.at(self.staffed.laptop):
            return register(
                by=self.author(username), given_name=name, birth_date=date(1990, 5, 17)
            ).patient.pk

    def calls(self, username: str, patient: UUID, phone: str) -> None:
        self.staffed.world.advance(MINUTE_MS)
        with self.staffed.world.at(self.staffed.laptop):
            row = Patient.objects.get(pk=patient)
            update_patient(by=self.author(username), patient=row, changes={"phone": phone})

    def adds_card(self, username: str, patient: UUID) -> None:
        self.staffed.world.advance(MINUTE_MS)
        with self.staffed.world.at(self.staffed.laptop):
            row = Patient.objects.get(pk=patient)
            add_identifier(by=self.author(username), patient=row, system="passport", value="P-1")

    def central_ends(self, username: str) -> None:
        self.staffed.world.advance(MINUTE_MS)
        self.staffed.office(end_staff, username)

    def at_central(self) -> dict[str, str]:
        """Who is there, with their telephone."""
        with self.staffed.world.at(self.staffed.world.central):
            return dict(Patient.objects.living().values_list("given_name", "phone"))

    def asides(self) -> list[tuple[str, str]]:
        return list(Aside.objects.order_by("seq_from").values_list("state", "code"))

    def has_a_way_in(self, username: str) -> bool:
        with self.staffed.world.at(self.staffed.laptop):
            who = self.staffed.staff_id(username)
            verifiers = Credential.objects.filter(staff_id=who, kind=Credential.Kind.NODE)
            return verifiers.exists() or Account.objects.filter(staff_id=who, is_active=True).exists()


@pytest.fixture
def day(staffed: Staffed) -> Day:
    return Day(staffed)
