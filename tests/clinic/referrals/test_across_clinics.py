"""A referral makes the other clinic follow the patient: the whole record is there before the patient is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clinic.referrals.models import Referral
from clinic.referrals.selectors import expected_at, referral_of
from clinic.referrals.services import receive, refer
from registry.people.models import Patient
from registry.places.models import Facility
from registry.places.services import add_facility
from sync.ledger.recording import Author, recording
from sync.models import EnrolledNode
from tests.sync.conftest import make_world
from tests.world import World

__all__ = ["make_world"]

NODE = Author(None, "tablet")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Two clinics that hold only their own patients; each serves one of two facilities."""
    made = make_world(clinics=2, mode="subscribed")
    with made.at(made.central):
        for code, clinic in zip(("BOC", "DAR"), made.clinics, strict=True):
            facility = add_facility(by=NODE, name=code, code=code)
            EnrolledNode.objects.filter(name=clinic.name).update(facilities=[str(facility.pk)])
    made.sync()
    return made


def test_the_whole_record_reaches_the_clinic_that_is_written_to(world: World) -> None:
    here, there = world.clinics
    with world.at(here):
        with recording(by=NODE) as save:
            patient = save.add(Patient, given_name="José", registered_on=here.node.now())
        with recording(by=NODE) as save:
            save.add(Patient, given_name="Luz", registered_on=here.node.now())
    world.sync(rounds=2)
    with world.at(there):
        assert not Patient.objects.exists()  # neither is followed here
    with world.at(here):
        referral = refer(
            by=NODE,
            patient=patient,
            facility=Facility.objects.get(code="BOC"),
            to_facility=Facility.objects.get(code="DAR"),
            reason="Fracture",
        )
    world.sync(rounds=2)
    with world.at(there):
        assert [one.given_name for one in Patient.objects.all()] == ["José"]
        place = Facility.objects.get(code="DAR")
        assert [told.row.pk for told in expected_at(place)] == [referral.pk]
        receive(by=NODE, referral=Referral.objects.get(), at=place)
    world.sync(rounds=2)
    with world.at(here):
        told = referral_of(referral.pk)
        assert told is not None
        assert told.state.value == "received"
