"""What travels for the registry besides rows: verifiers for staff, and numbers. Two real databases, one
link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth import authenticate
from pytest_django import DjangoDbBlocker, Settings

from registry.numbers.services import numbers_left
from registry.people.search import search
from registry.people.services import register
from registry.places.models import Facility
from registry.places.services import add_facility
from registry.staff.models import Credential, StaffMember
from registry.staff.policy import Role
from registry.staff.selectors import authority_of
from registry.staff.services import add_staff, end_staff, give_role, set_password
from sync.enrolment import join, offer
from sync.models import SyncRun
from sync.node import current_node
from tests.databases import DatabaseShelf
from tests.registry.conftest import PASSWORD, THE_NODE
from tests.world import Link, Site, World

ANOTHER = "another lantern 8"
DAY_MS = 86_400_000


@pytest.fixture
def world(
    tmp_path: Path, database_shelf: DatabaseShelf, django_db_blocker: DjangoDbBlocker, settings: Settings
) -> Iterator[World]:
    """A central with two facilities and a nurse, and one clinic laptop at the first of them."""
    settings.POSTA_NUMBER_POOL = 8
    with django_db_blocker.unblock():
        world = World(tmp_path / "world", database_shelf, clinics=0)
        with world.at(world.central):
            bocas = add_facility(by=THE_NODE, name="Bocas", code="BOC")
            add_facility(by=THE_NODE, name="Yaviza", code="DAR")
            add_staff(by=THE_NODE, username="ana", grants=[("provider", bocas)], password=PASSWORD)
            code = offer(name="Bocas 1", facilities=[str(bocas.pk)], mode="everything")
        laptop = world._site("Bocas 1", "clinic")
        laptop.link = laptop.node.kept["carrier"] = Link(world, laptop)
        with world.at(laptop):
            join("https://central.example", code)
        world.clinics.append(laptop)
        yield world
        world.close()


@pytest.fixture
def laptop(world: World) -> Site:
    return world.clinics[0]


def at_central(world: World, change: Callable[[StaffMember, Facility], object]) -> None:
    with world.at(world.central):
        change(StaffMember.objects.get(username="ana"), Facility.objects.get(code="BOC"))


def logs_in(world: World, site: Site, password: str = PASSWORD) -> bool:
    """Whether the laptop alone lets her in."""
    assert site.link is not None
    site.link.up = False
    with world.at(site):
        let_in = authenticate(None, username="ana", password=password) is not None
    site.link.up = True
    return let_in


def run(world: World) -> SyncRun:
    done = world.sync()[0]
    assert (done.outcome, done.reason) == (SyncRun.Outcome.DONE, "")
    return done


def test_a_laptop_that_joined_lets_its_staff_in_before_the_first_run(world: World, laptop: Site) -> None:
    assert logs_in(world, laptop)
    assert not logs_in(world, laptop, ANOTHER)
    with world.at(laptop):
        assert set(Credential.objects.values_list("kind", flat=True)) == {"node"}


def test_rights_come_with_the_first_run(world: World, laptop: Site) -> None:
    run(world)
    with world.at(laptop):
        ana = StaffMember.objects.get(username="ana")
        assert authority_of(ana.pk).roles == {Role.PROVIDER}


def test_a_changed_password_replaces_the_old_one_at_contact(world: World, laptop: Site) -> None:
    run(world)
    at_central(world, lambda ana, _bocas: set_password(by=THE_NODE, staff=ana, password=ANOTHER))
    assert logs_in(world, laptop)
    run(world)
    assert (logs_in(world, laptop), logs_in(world, laptop, ANOTHER)) == (False, True)


def test_whoever_left_is_out_after_the_next_contact(world: World, laptop: Site) -> None:
    run(world)
    at_central(world, lambda ana, _bocas: end_staff(by=THE_NODE, staff=ana))
    run(world)
    assert not logs_in(world, laptop)
    with world.at(laptop):
        assert not Credential.objects.exists()


def test_a_colleague_from_elsewhere_may_log_in_after_the_next_contact(world: World, laptop: Site) -> None:
    run(world)

    def lend(ana: StaffMember, bocas: Facility) -> None:
        lab = add_staff(by=THE_NODE, username="teo", password=PASSWORD)
        give_role(by=THE_NODE, staff=lab, role="lab", facility=bocas)

    at_central(world, lend)
    run(world)
    with world.at(laptop):
        assert authenticate(None, username="teo", password=PASSWORD) is not None


def test_a_run_with_nothing_to_do_fetches_no_roster_until_the_next_day(world: World, laptop: Site) -> None:
    run(world)
    run(world)
    assert laptop.link is not None
    before = laptop.link.requests
    run(world)
    assert laptop.link.requests - before == 1
    for _day in range(40):
        world.advance(DAY_MS + 1)
        run(world)
    assert logs_in(world, laptop)


def test_without_contact_the_credential_ends(world: World, laptop: Site) -> None:
    run(world)
    world.advance(31 * DAY_MS)
    assert not logs_in(world, laptop)


def test_numbers_come_with_the_welcome_and_are_topped_up(world: World, laptop: Site) -> None:
    def some_patients(count: int) -> list[str | None]:
        with world.at(laptop):
            return [
                register(by=THE_NODE, given_name=f"Nr {n}", birth_date=date(2000, 1, 1)).number
                for n in range(count)
            ]

    numbers = some_patients(5)
    run(world)
    with world.at(laptop):
        assert numbers_left() == 8
    numbers += some_patients(9)
    run(world)
    numbers += some_patients(8)
    assert numbers.count(None) == 1
    given = [number for number in numbers if number]
    assert len(given) == len(set(given)) == 21


def test_people_are_found_at_central_once_they_arrived(world: World, laptop: Site) -> None:
    with world.at(laptop):
        done = register(by=THE_NODE, given_name="José", family_name="Pérez", birth_date=date(1990, 5, 17))
    run(world)
    with world.at(world.central):
        assert current_node().is_central
        for text in ("Jose Peres", done.number or ""):
            assert [one.patient.pk for one in search(text).found] == [done.patient.pk]
        assert isinstance(done.patient.pk, UUID)
