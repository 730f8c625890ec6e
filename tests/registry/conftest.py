"""The cast of these tests: two colleagues at Bocas, a stranger from Darién, and the node they work at.

Rosa registers and Ana treats at Bocas del Toro; Iris registers in Darién; Olga is the programme office.
`node` is central while the lists are written (only central may) and a clinic afterwards; `node.role` may be
set by a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from registry.numbers.services import install_block, issue_block
from registry.people.services import Registered, register
from registry.places.models import Area, Facility
from registry.places.services import add_area, add_facility, set_catchment
from registry.staff.models import Account, StaffMember
from registry.staff.services import add_staff
from registry.staff.sessions import issue_token
from sync.core.protocol import first_digest
from sync.ledger.models import Replica
from sync.ledger.recording import Author
from sync.ledger.replicas import self_uuid
from sync.node import Node, acting_as

# What Hypothesis takes for a slow example is a busy machine.
hypothesis.settings.register_profile("registry", deadline=None)
hypothesis.settings.load_profile("registry")

TODAY = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PASSWORD = "calabash lantern 7"
THE_NODE = Author(None, "command line")


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody and every place, as authors and rows."""

    rosa: StaffMember
    ana: StaffMember
    iris: StaffMember
    olga: StaffMember
    bocas: Facility
    darien: Facility
    island: Area
    forest: Area

    def author(self, member: StaffMember) -> Author:
        return Author(member.pk, "tablet-3")


@pytest.fixture(autouse=True)
def cheap_argon2(settings: Settings) -> None:
    settings.POSTA_ARGON2 = (1, 8, 1)


@pytest.fixture
def node(db: None, tmp_path: Path) -> Iterator[Node]:
    """A node of its own for each test, with a wall clock that stands still on 20 November 2026."""
    node = Node(
        role="central", data_dir=tmp_path / "node", name="Bocas", wall=lambda: int(TODAY.timestamp() * 1000)
    )
    with acting_as(node):
        replica = uuid4()
        Replica.objects.create(
            uuid=replica, is_self=True, node_name="Bocas", head_digest=first_digest(replica)
        )
        yield node


@pytest.fixture
def cast(node: Node) -> Cast:
    """The lists, written by central; the node is a clinic from then on."""
    country = add_area(by=THE_NODE, name="Panamá", code="PA")
    island = add_area(by=THE_NODE, name="Isla Bastimentos", code="PA-1", parent=country)
    forest = add_area(by=THE_NODE, name="Yaviza", code="PA-2", parent=country)
    bocas = add_facility(by=THE_NODE, name="Bocas del Toro", code="BOC", area=island)
    darien = add_facility(by=THE_NODE, name="Darién", code="DAR", area=forest)
    set_catchment(by=THE_NODE, facility=bocas, areas=[island])
    set_catchment(by=THE_NODE, facility=darien, areas=[forest])
    people = {
        "rosa": add_staff(
            by=THE_NODE,
            username="rosa",
            full_name="Rosa Pineda",
            language="es",
            grants=[("registrar", bocas)],
            password=PASSWORD,
        ),
        "ana": add_staff(
            by=THE_NODE,
            username="ana",
            full_name="Ana Batista",
            grants=[("provider", bocas)],
            password=PASSWORD,
        ),
        "iris": add_staff(
            by=THE_NODE,
            username="iris",
            full_name="Iris Chami",
            grants=[("registrar", darien)],
            password=PASSWORD,
        ),
        "olga": add_staff(
            by=THE_NODE,
            username="olga",
            full_name="Olga Ruiz",
            grants=[("central-admin", None)],
            password=PASSWORD,
        ),
    }
    node.role = "clinic"
    return Cast(bocas=bocas, darien=darien, island=island, forest=forest, **people)


@pytest.fixture
def carla(cast: Cast, node: Node) -> StaffMember:
    """She looks after the laptop at Bocas."""
    before, node.role = node.role, "central"
    made = add_staff(
        by=THE_NODE,
        username="carla",
        full_name="Carla Quintero",
        grants=[("coordinator", cast.bocas)],
        password=PASSWORD,
    )
    node.role = before
    return made


@pytest.fixture
def rosa(cast: Cast) -> Author:
    return cast.author(cast.rosa)


def give_numbers(node: Node, count: int) -> None:
    """What central does in a run: a block for this replica, taken in here."""
    before, node.role = node.role, "central"
    block = issue_block(replica=self_uuid(), size=count)
    node.role = before
    install_block(block)


def make_patient(by: Author, given: str = "José", family: str = "Pérez", **said: object) -> Registered:
    """A patient about whom a test says only what matters to it."""
    words: dict[str, object] = {"sex": "male", "birth_date": date(1990, 5, 17)} | said
    return register(by=by, given_name=given, family_name=family, **words)  # type: ignore[arg-type]


def token_client(member: StaffMember) -> APIClient:
    """The API as a staff member's program sees it."""
    client = APIClient()
    token = issue_token(Account.objects.get(staff_id=member.pk))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_POSTA_DEVICE="loader-1")
    return client


def browser(member: StaffMember) -> Client:
    """A tablet on which somebody is logged in."""
    client = Client()
    client.force_login(
        Account.objects.get(staff_id=member.pk), backend="registry.staff.backends.CachedBackend"
    )
    return client
