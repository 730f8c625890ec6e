"""Which patients a laptop holds that may not hold all: those of its area, and those its places have seen.

Not here: that nothing else reaches it or is changed by it (`tests/sync/test_foreign.py`, `test_wall.py`), who
is expected after a referral (`tests/clinic/referrals/test_across_clinics.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from clinic.visits.models import Visit
from registry.people.models import Identifier, Patient
from registry.places.models import Area, Facility
from registry.places.services import add_area, add_facility, set_catchment
from sync.feed.pages import gates
from sync.feed.subscriptions import catch_up
from sync.ledger.recording import Author, recording
from sync.models import EnrolledNode
from tests.sync.conftest import make_world
from tests.world import Site, World

__all__ = ["make_world"]

NODE = Author(None, "tablet")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """`bocas` serves the west by a catchment, `darien` has none and stands in the east; `roving` serves no
    place.
    """
    made = make_world(clinics=0)
    with made.at(made.central):
        country = add_area(by=NODE, name="Country", code="P")
        west, east = (add_area(by=NODE, name=code, code=code, parent=country) for code in ("W", "E"))
        add_area(by=NODE, name="W-1", code="W-1", parent=west)
        add_area(by=NODE, name="E-1", code="E-1", parent=add_area(by=NODE, name="E-0", parent=east))
        bocas = add_facility(by=NODE, name="Bocas", code="BOC", area=east)
        darien = add_facility(by=NODE, name="Darién", code="DAR", area=east)
        set_catchment(by=NODE, facility=bocas, areas=[west])
    served = {"bocas": [bocas], "darien": [darien], "roving": []}
    for name, places in served.items():
        ids = [str(place.pk) for place in places]
        made.clinics.append(made.add_clinic(name, mode="subscribed", facilities=ids))
    made.sync()
    return made


def person(world: World, site: Site, name: str, village: str = "", **more: Any) -> UUID:
    with world.at(site), recording(by=NODE) as save:
        home = place(village, Area) if village else None
        row = save.add(Patient, given_name=name, village=home, registered_on=site.node.now(), **more)
        save.add(Identifier, patient=row, system="passport", value=name)
    return row.pk


def held(world: World) -> dict[str, list[str]]:
    """Who is at each laptop, once all have heard; and each holds the whole person, as central has them."""
    runs = world.sync(rounds=2)
    assert {(run.outcome, run.digests) for run in runs} <= {("done", "equal"), ("done", "")}
    found = {}
    for site in world.clinics:
        with world.at(site):
            found[site.name] = sorted(Patient.objects.values_list("given_name", flat=True))
            assert sorted(Identifier.objects.values_list("value", flat=True)) == found[site.name]
    return found


def place(code: str, model: type[Any] = Facility) -> Any:
    return model.objects.get(code=code)


def at_central(world: World, change: Callable[[], object]) -> None:
    with world.at(world.central):
        change()


def test_a_laptop_holds_those_of_its_area_wherever_they_were_registered(world: World) -> None:
    _bocas, darien, roving = world.clinics
    person(world, roving, "Ana", "W-1")
    person(world, roving, "Eva", "E-1")
    person(world, roving, "Luz")
    person(world, darien, "Mia", "W")
    person(world, world.central, "Noe", "E-1")
    assert held(world) == {
        "bocas": ["Ana", "Mia"],
        "darien": ["Eva", "Mia", "Noe"],
        "roving": ["Ana", "Eva", "Luz"],
    }


def test_whoever_moves_is_followed_there_as_well_and_lost_by_nobody(world: World) -> None:
    ana = person(world, world.clinics[2], "Ana", "W-1")
    assert held(world)["darien"] == []
    bocas = world.clinics[0]
    with world.at(bocas), recording(by=NODE) as save:
        save.edit(Patient.objects.get(pk=ana), {"village": place("E-1", Area)})
    assert held(world) == {"bocas": ["Ana"], "darien": ["Ana"], "roving": ["Ana"]}


def test_a_laptop_holds_whom_its_places_registered_or_saw(world: World) -> None:
    roving = world.clinics[2]
    with world.at(roving):
        bocas, darien = place("BOC"), place("DAR")
    person(world, roving, "Ana", registered_at=bocas)
    eva = person(world, roving, "Eva")
    assert held(world)["darien"] == []
    with world.at(roving), recording(by=NODE) as save:
        save.add(Visit, patient_id=eva, facility=darien, opened_at=roving.node.now())
    assert held(world) == {"bocas": ["Ana"], "darien": ["Eva"], "roving": ["Ana", "Eva"]}


def test_a_wider_catchment_and_one_more_place_bring_those_of_long_ago(world: World) -> None:
    for name, village in (("Ana", "W-1"), ("Eva", "E-1")):
        person(world, world.clinics[2], name, village)
    assert held(world) == {"bocas": ["Ana"], "darien": ["Eva"], "roving": ["Ana", "Eva"]}

    def serve_both() -> None:
        both = [str(key) for key in Facility.objects.values_list("pk", flat=True)]
        EnrolledNode.objects.filter(name="darien").update(facilities=both)

    at_central(world, lambda: set_catchment(by=NODE, facility=place("BOC"), areas=[place("P", Area)]))
    assert held(world)["bocas"] == ["Ana", "Eva"]
    at_central(world, serve_both)
    assert held(world)["darien"] == ["Ana", "Eva"]


def test_a_large_catchment_costs_a_few_questions(world: World) -> None:
    """However many live there: neither following them nor handing over what is old asks for each."""
    bocas, _darien, roving = world.clinics
    with world.at(roving):
        village = place("E-1", Area)
        with recording(by=NODE) as save:
            for one in range(120):
                row = save.add(Patient, given_name=f"{one}", village=village, registered_on=roving.node.now())
                save.add(Identifier, patient=row, system="passport", value=f"{one}")
    assert held(world)["bocas"] == []
    at_central(world, lambda: set_catchment(by=NODE, facility=place("BOC"), areas=[place("P", Area)]))
    with world.at(world.central):
        node = EnrolledNode.objects.get(name="bocas")
        stood = {name: gate[0] for name, gate in gates().items()}
        for found, most in ((120, 25), (0, 2)):
            with CaptureQueriesContext(world.central.connection) as asked, transaction.atomic():
                assert catch_up(node, stood) == found
            assert len(asked) <= most
    with CaptureQueriesContext(world.central.connection) as asked:
        world.sync(bocas)
    assert len(asked) < 240, len(asked)
    assert len(held(world)["bocas"]) == 120
