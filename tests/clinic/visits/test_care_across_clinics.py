"""Two clinics that follow the same person without knowing of each other, and agree in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from clinic.programs.examples import example
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.programs.services import publish
from clinic.visits.following import end_enrollment, enrol, plan_stage, skip_stage
from clinic.visits.models import DueItem, Enrollment
from clinic.visits.planning import followed
from clinic.visits.schedule import state_on
from clinic.visits.services import record_event
from registry.people.models import Patient
from registry.people.selectors import today
from registry.places.models import Facility
from registry.places.services import add_facility
from sync.ledger.recording import Author, recording
from sync.review.models import Conflict
from tests.sync.conftest import make_world
from tests.sync.conftest import world as two_clinics
from tests.world import Site, World

__all__ = ["make_world", "two_clinics"]

NODE = Author(None, "tablet")


@pytest.fixture
def world(two_clinics: World) -> Iterator[World]:
    """Both clinics know the immunisation program and the facility."""
    definition_of.cache_clear()
    with two_clinics.at(two_clinics.central):
        publish(document=example("immunisation"), by=NODE)
        add_facility(by=NODE, name="Bocas", code="BOC")
    two_clinics.sync()
    yield two_clinics
    definition_of.cache_clear()


def a_child(world: World) -> Patient:
    """A child of 45 days, known everywhere."""
    here = world.clinics[0]
    with world.at(here), recording(by=NODE) as save:
        child = save.add(
            Patient,
            given_name="Mía",
            birth_date=today() - timedelta(days=45),
            registered_on=here.node.now(),
        )
    world.sync(rounds=2)
    return child


def followed_at(site: Site, world: World, child: Patient) -> Enrollment:
    with world.at(site):
        return enrol(
            by=NODE,
            patient=Patient.objects.get(pk=child.pk),
            program_version=ProgramVersion.objects.get(),
            facility=Facility.objects.get(),
        )


def dose(site: Site, world: World, row: Enrollment, stage: str) -> None:
    with world.at(site):
        record_event(
            by=NODE,
            patient=Patient.objects.get(pk=row.patient_id),
            facility=Facility.objects.get(),
            program_version=ProgramVersion.objects.get(),
            enrollment=row,
            stage=stage,
            values={"weight": "4.1"},
        )


def schedules(world: World, child: Patient) -> list[list[list[tuple[str, str]]]]:
    """At every site the schedules of the child."""
    found = []
    for site in [world.central, *world.clinics]:
        with world.at(site):
            found.append(
                [
                    [(slot.stage, state_on(slot, today()).value) for slot in one.slots()]
                    for one in followed([child.pk])
                ]
            )
    return found


def due(world: World, child: Patient) -> list[list[tuple[str, date]]]:
    found = []
    for site in [world.central, *world.clinics]:
        with world.at(site):
            items = DueItem.objects.filter(patient=child.pk).order_by("stage", "due_on")
            found.append(list(items.values_list("stage", "due_on")))
    return found


def agreed(world: World) -> bool:
    digests = [world.digests(site) for site in [world.central, *world.clinics]]
    return digests[0] == digests[1] == digests[2]


def test_enrolled_twice_the_child_is_followed_once(world: World) -> None:
    child = a_child(world)
    here, there = world.clinics
    first, second = followed_at(here, world, child), followed_at(there, world, child)
    assert first.pk != second.pk
    dose(here, world, first, "birth")
    dose(there, world, second, "w6")
    world.sync(rounds=2)
    told = schedules(world, child)
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 1
    assert told[0][0][:3] == [
        ("epi_stage_birth", "completed"),
        ("epi_stage_w6", "completed"),
        ("epi_stage_w10", "scheduled"),
    ]
    waiting = due(world, child)
    assert waiting[0] == waiting[1] == waiting[2] and len(waiting[0]) == 4
    assert agreed(world)


def test_decisions_made_apart_contradict_nothing(world: World) -> None:
    child = a_child(world)
    here, there = world.clinics
    row = followed_at(here, world, child)
    world.sync(rounds=2)
    with world.at(here):
        skip_stage(
            by=NODE, enrollment=row, facility=Facility.objects.get(), stage="birth", reason="Not in stock"
        )
    dose(there, world, row, "birth")
    with world.at(there):
        plan_stage(
            by=NODE,
            enrollment=row,
            facility=Facility.objects.get(),
            stage="w6",
            on=today() + timedelta(days=3),
        )
    world.sync(rounds=2)
    told = schedules(world, child)
    assert told[0] == told[1] == told[2]
    assert told[0][0][:2] == [("epi_stage_birth", "completed"), ("epi_stage_w6", "scheduled")]
    with world.at(world.central):
        assert not Conflict.objects.exists()
    assert agreed(world)


def test_an_end_travels_and_nobody_waits_any_more(world: World) -> None:
    child = a_child(world)
    here, there = world.clinics
    row = followed_at(here, world, child)
    world.sync(rounds=2)
    with world.at(there):
        end_enrollment(by=NODE, enrollment=Enrollment.objects.get(pk=row.pk), facility=Facility.objects.get())
    world.sync(rounds=2)
    for site in [world.central, *world.clinics]:
        with world.at(site):
            assert Enrollment.objects.get(pk=row.pk).status == "completed"
            assert not DueItem.objects.exists()
    assert agreed(world)
