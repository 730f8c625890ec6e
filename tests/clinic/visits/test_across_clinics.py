"""Two clinics and central: steps are rows and never contradict, answers merge by their question's rule."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from clinic.programs.examples import example
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.programs.services import publish
from clinic.visits.models import StageEvent, Visit, VisitStep
from clinic.visits.moving import send_visit
from clinic.visits.policy import StepKind
from clinic.visits.selectors import standing
from clinic.visits.services import edit_event, open_visit, record_event
from clinic.visits.timeline import tell
from registry.people.models import Patient
from registry.places.models import Facility
from registry.places.services import add_facility
from sync.ledger.recording import Author, recording
from tests.sync.conftest import make_world
from tests.sync.conftest import world as two_clinics
from tests.world import Site, World

__all__ = ["make_world", "two_clinics"]

NODE = Author(None, "tablet")


@pytest.fixture
def world(two_clinics: World) -> Iterator[World]:
    """Both clinics know the outpatient program and the facility."""
    definition_of.cache_clear()
    with two_clinics.at(two_clinics.central):
        publish(document=example("outpatient"), by=NODE)
        add_facility(by=NODE, name="Bocas", code="BOC")
    two_clinics.sync()
    yield two_clinics
    definition_of.cache_clear()


def begin(world: World) -> tuple[Visit, StageEvent]:
    """A patient with a visit and a triage, known everywhere."""
    here = world.clinics[0]
    with world.at(here):
        facility, version = Facility.objects.get(), ProgramVersion.objects.get()
        with recording(by=NODE) as save:
            patient = save.add(Patient, given_name="José", registered_on=here.node.now())
        visit = open_visit(by=NODE, patient=patient, facility=facility).visit
        event = record_event(
            by=NODE,
            patient=patient,
            facility=facility,
            program_version=version,
            stage="triage",
            values={"weight": "12.4", "complaint": "cough"},
            visit=visit,
        )
    world.sync(rounds=2)
    return visit, event


def everywhere(world: World) -> list[Site]:
    return [world.central, *world.clinics]


def test_a_claim_here_and_a_hand_over_there_amount_to_the_same_everywhere(world: World) -> None:
    visit, _event = begin(world)
    here, other = world.clinics
    with world.at(here), recording(by=NODE) as save:
        save.add(
            VisitStep,
            visit_id=visit.pk,
            patient_id=visit.patient_id,
            kind=StepKind.CLAIMED.value,
            station="triage",
            at=here.node.now(),
            by=uuid4(),
        )
    with world.at(other):
        send_visit(by=NODE, visit=Visit.objects.get(pk=visit.pk), station="provider")
    world.heal_and_sync()
    found = set()
    for site in everywhere(world):
        with world.at(site):
            now = standing(Visit.objects.get(pk=visit.pk))
            assert VisitStep.objects.count() == 3
            found.add((now.state, now.station, now.claimed_by))
    assert len(found) == 1
    assert next(iter(found))[1] == "provider"


def test_two_weights_are_a_conflict_everywhere_and_two_complaints_are_not(world: World) -> None:
    _visit, event = begin(world)
    for site, weight, complaint in zip(world.clinics, ("12.6", "14.2"), ("fever", "cold"), strict=True):
        with world.at(site):
            row = StageEvent.objects.get(pk=event.pk)
            edit_event(by=NODE, event=row, changes={"weight": weight, "complaint": complaint})
    world.heal_and_sync()
    complaints = set()
    for site in everywhere(world):
        with world.at(site):
            row = StageEvent.objects.get(pk=event.pk)
            told = {answer.key: answer for answer in tell([row])[0].answers}
            assert {key for key, answer in told.items() if answer.contested} == {"weight"}
            assert set(told["weight"].text.split(" or ")) == {"12.6 kg", "14.2 kg"}
            complaints.add(row.values["complaint"])
    assert len(complaints) == 1
    assert len({tuple(world.digests(site).items()) for site in everywhere(world)}) == 1
