"""Areas form a tree, facilities serve parts of it, and only central says so."""

from __future__ import annotations

from uuid import uuid4

import pytest

from registry.places.models import Area, Catchment, Facility
from registry.places.selectors import (
    area_by_code,
    area_choices,
    areas_served,
    facilities_of,
    facility_named,
    within,
)
from registry.places.services import add_area, add_facility, set_catchment
from sync.ledger.recording import recording
from sync.node import Node
from sync.problems import Problem
from tests.registry.conftest import THE_NODE, Cast


@pytest.fixture
def central(cast: Cast, node: Node) -> Node:
    node.role = "central"
    return node


def test_a_code_names_one_area(central: Node) -> None:
    first = add_area(by=THE_NODE, name="Almirante", code="PA-3")
    again = add_area(by=THE_NODE, name="Puerto Almirante", code="PA-3")
    assert again.pk == first.pk
    assert Area.objects.get(code="PA-3").name == "Puerto Almirante"


def test_areas_without_a_code_are_all_new(central: Node) -> None:
    assert add_area(by=THE_NODE, name="Here").pk != add_area(by=THE_NODE, name="Here").pk
    assert area_by_code("") is None


def test_a_repeated_save_adds_nothing(central: Node) -> None:
    save_id = uuid4()
    first = add_facility(by=THE_NODE, name="Tobobe", save_id=save_id)
    again = add_facility(by=THE_NODE, name="Tobobe", save_id=save_id)
    assert first.pk == again.pk
    assert Facility.objects.filter(name="Tobobe").count() == 1


def test_level_follows_from_the_parent(cast: Cast) -> None:
    assert Area.objects.get(code="PA").level == 1
    assert cast.island.level == 2


def test_a_facility_serves_the_areas_inside_its_own(cast: Cast, central: Node) -> None:
    hamlet = add_area(by=THE_NODE, name="Quebrada Sal", parent=cast.island)
    assert areas_served([cast.bocas.pk]) == {cast.island.pk, hamlet.pk}
    assert areas_served([cast.darien.pk]) == {cast.forest.pk}
    assert areas_served([]) == set()


def test_a_loop_of_parents_ends(cast: Cast, central: Node) -> None:
    root = Area.objects.get(code="PA")
    with recording(by=THE_NODE) as save:
        save.edit(root, {"parent": cast.island})
    assert within({cast.island.pk}) == {root.pk, cast.island.pk, cast.forest.pk}


def test_setting_a_catchment_replaces_it(cast: Cast, central: Node) -> None:
    set_catchment(by=THE_NODE, facility=cast.bocas, areas=[cast.forest])
    assert areas_served([cast.bocas.pk]) == {cast.forest.pk}
    assert Catchment.objects.filter(facility=cast.bocas, gone=True).count() == 1
    before = Catchment.objects.count()
    set_catchment(by=THE_NODE, facility=cast.bocas, areas=[cast.forest])
    assert Catchment.objects.count() == before


@pytest.mark.parametrize("text", ["BOC", "Bocas del Toro", "bocas del toro", "id"])
def test_a_facility_is_found_by_what_people_call_it(cast: Cast, text: str) -> None:
    found = facility_named(str(cast.bocas.pk) if text == "id" else text)
    assert found is not None
    assert found.pk == cast.bocas.pk


def test_facilities_come_by_name(cast: Cast) -> None:
    assert facilities_of([cast.darien.pk, cast.bocas.pk]) == [cast.bocas, cast.darien]
    assert facility_named("nowhere") is None


def test_villages_come_before_their_district(cast: Cast) -> None:
    assert [area.code for area in area_choices()] == ["PA-1", "PA-2", "PA"]


def test_a_clinic_may_not_write_the_lists(cast: Cast) -> None:
    with pytest.raises(Problem) as refused:
        add_area(by=THE_NODE, name="Mine")
    assert refused.value.code == "owned-by-central"
    assert not Area.objects.filter(name="Mine").exists()
