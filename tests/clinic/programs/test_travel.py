"""A program published at central is the same program at every clinic, and clinics cannot change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clinic.programs import selectors
from clinic.programs.definition import ProgramDefinition
from clinic.programs.document import ProgramDocument
from clinic.programs.examples import example
from clinic.programs.models import ProgramVersion
from clinic.programs.services import publish
from sync.problems import Problem
from tests.clinic.nodes import OFFICE
from tests.clinic.programs.samples import CHILD, with_element
from tests.sync.conftest import make_world, world
from tests.world import Site, World

__all__ = ["make_world", "world"]


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    selectors.definition_of.cache_clear()
    yield
    selectors.definition_of.cache_clear()


def newest(world: World, site: Site, uid: str) -> ProgramDefinition:
    """The program as that site has it, read afresh."""
    with world.at(site):
        selectors.definition_of.cache_clear()
        program = selectors.program_named(uid)
        assert program is not None
        version = selectors.current_version(program.pk)
        assert version is not None
        return selectors.definition_of(version.pk)


def publish_at_central(world: World, *documents: ProgramDocument) -> None:
    with world.at(world.central):
        for document in documents:
            publish(document=document, by=OFFICE)


def test_every_clinic_gets_every_version(world: World) -> None:
    publish_at_central(world, CHILD, with_element(CHILD, "weight0", unit="g"), example("outpatient"))
    world.heal_and_sync()
    for site in world.clinics:
        assert newest(world, site, "opd") == newest(world, world.central, "opd")
        assert newest(world, site, "child0") == newest(world, world.central, "child0")
        with world.at(site):
            assert ProgramVersion.objects.count() == 3
        assert world.digests(site)["program_versions"] == world.digests(world.central)["program_versions"]


def test_a_version_that_came_later_does_not_touch_the_pinned_one(world: World) -> None:
    publish_at_central(world, CHILD)
    world.heal_and_sync()
    site = world.clinics[0]
    before = newest(world, site, "child0")
    publish_at_central(world, with_element(CHILD, "weight0", unit="g"))
    world.heal_and_sync()
    after = newest(world, site, "child0")
    units = [element.unit for element in (before.element("WEIGHT"), after.element("WEIGHT")) if element]
    assert units == ["kg", "g"]


def test_a_clinic_cannot_publish_even_what_it_has(world: World) -> None:
    publish_at_central(world, CHILD)
    world.heal_and_sync()
    with world.at(world.clinics[0]):
        with pytest.raises(Problem) as refused:
            publish(document=with_element(CHILD, "weight0", unit="g"), by=OFFICE)
        assert refused.value.code == "owned-by-central"
        assert ProgramVersion.objects.count() == 1
