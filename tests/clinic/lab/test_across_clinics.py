"""Two clinics and one result: corrected at one while it is seen at the other, it is to be seen again."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from clinic.lab.examples import shipped
from clinic.lab.models import LabOrder, LabResult
from clinic.lab.policy import OrderState
from clinic.lab.selectors import order_of, unseen_critical
from clinic.lab.services import acknowledge, correct_result, order_tests, publish_tests, report_result
from registry.people.models import Patient
from registry.places.models import Facility
from registry.places.services import add_facility
from sync.ledger.recording import Author, recording
from tests.sync.conftest import make_world
from tests.sync.conftest import world as two_clinics
from tests.world import World

__all__ = ["make_world", "two_clinics"]

NODE = Author(None, "tablet")


@pytest.fixture
def world(two_clinics: World) -> Iterator[World]:
    with two_clinics.at(two_clinics.central):
        add_facility(by=NODE, name="Bocas", code="BOC")
        publish_tests(by=NODE, tests=shipped())
    two_clinics.sync()
    yield two_clinics


def a_result(world: World) -> LabResult:
    """A haemoglobin of 9.8, known everywhere."""
    site = world.clinics[0]
    with world.at(site):
        with recording(by=NODE) as save:
            patient = save.add(Patient, given_name="José", registered_on=site.node.now())
        here = Facility.objects.get(code="BOC")
        order = order_tests(by=NODE, patient=patient, facility=here, tests=["hb"])[0]
        result = report_result(by=NODE, order=order, value="9.8")
    world.sync(rounds=2)
    return result


def states(world: World, order_id: UUID) -> list[tuple[OrderState, int]]:
    found = []
    for site in [world.central, *world.clinics]:
        with world.at(site):
            told = order_of(LabOrder.objects.get(pk=order_id).pk)
            assert told is not None
            found.append((told.state, len(unseen_critical(told.order.patient))))
    return found


def test_seen_at_one_while_it_was_corrected_at_the_other(world: World) -> None:
    result = a_result(world)
    here, there = world.clinics
    with world.at(there):
        correct_result(by=NODE, result=LabResult.objects.get(pk=result.pk), value="3.8")
    with world.at(here):
        acknowledge(by=NODE, order=LabOrder.objects.get(pk=result.order_id))
    world.sync(rounds=2)
    assert states(world, result.order_id) == [(OrderState.RESULTED, 1)] * 3
    with world.at(here):
        acknowledge(by=NODE, order=LabOrder.objects.get(pk=result.order_id))
    world.sync(rounds=2)
    assert states(world, result.order_id) == [(OrderState.SEEN, 0)] * 3
    digests = [world.digests(site) for site in [world.central, *world.clinics]]
    assert digests[0] == digests[1] == digests[2]
