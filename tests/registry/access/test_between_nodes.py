"""Looks at a clinic reach central, and both sides can prove them."""

from __future__ import annotations

from registry.access.models import Opening
from registry.access.policy import What
from registry.access.services import Look, note_look
from registry.access.verify import verify_openings
from registry.places.models import Facility
from registry.staff.models import StaffMember
from sync.ledger.models import Change
from sync.ledger.recording import Author
from tests.registry.test_between_nodes import world
from tests.world import World

__all__ = ["world"]


def test_a_look_at_a_clinic_is_read_at_central_and_proved_on_both_sides(world: World) -> None:
    laptop = world.clinics[0]
    world.sync(laptop)
    with world.at(laptop):
        ana, bocas = StaffMember.objects.get(username="ana"), Facility.objects.get(code="BOC")
        note_look(by=Author(ana.pk, "tablet-3"), look=Look(What.RECORD, ana.pk, bocas.pk, "emergency"))
        assert verify_openings() == (1, [])
    world.sync(laptop)
    with world.at(world.central):
        (row,) = Opening.objects.all()
        assert (row.patient, row.made_by, row.made_on) == (ana.pk, ana.pk, "tablet-3")
        assert (row.facility_id, row.reason) == (bocas.pk, "emergency")
        assert verify_openings() == (1, [])
    assert world.digests(world.central) == world.digests(laptop)


def test_a_look_at_another_places_door_is_no_clinics_to_write(world: World) -> None:
    """A clinic says what was opened at its own places, and at no other."""
    laptop = world.clinics[0]
    world.sync(laptop)
    with world.at(laptop):
        ana, other = StaffMember.objects.get(username="ana"), Facility.objects.get(code="DAR")
        note_look(by=Author(ana.pk), look=Look(What.RECORD, ana.pk, other.pk))
    world.sync(laptop)
    with world.at(world.central):
        assert not Opening.objects.exists()
        assert Change.objects.get(table="openings").state == Change.State.QUARANTINED
