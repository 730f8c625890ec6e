"""A laptop that writes in the name of a colleague who never worked there: kept, never trusted alone."""

from __future__ import annotations

from uuid import UUID

from registry.access.models import Opening
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.models import StaffRole
from sync.ledger.recording import Author, recording
from sync.review.aside import asides_shown
from sync.review.models import Aside, Decision
from sync.review.services import release
from tests.registry.staff.conftest import MINUTE_MS, Day, Staffed

WAITS = ("quarantined", "author-elsewhere")


def writes(day: Day, username: str, name: str) -> UUID:
    """Past every check of the laptop: it is in somebody else's hands."""
    day.staffed.world.advance(MINUTE_MS)
    with day.staffed.world.at(day.staffed.laptop), recording(by=day.author(username)) as save:
        return save.add(Patient, given_name=name, registered_on=day.staffed.laptop.node.now()).pk


def test_a_name_from_elsewhere_waits_for_a_person(staffed: Staffed, day: Day) -> None:
    forged = writes(day, "teo", "Forjada")
    day.adds_card("rosa", forged)
    day.registers("rosa", "Marta")
    staffed.run()
    assert day.at_central() == {"Marta": ""}
    with staffed.world.at(staffed.laptop):
        assert day.asides() == [WAITS, ("held", "after-aside")]
        assert Patient.objects.get(pk=forged).given_name == "Forjada"
    with staffed.world.at(staffed.world.central):
        (waiting, _behind) = asides_shown()
        assert waiting.words.startswith("This person does not work at this clinic")
        assert release(by=Author(staffed.staff_id("olga"), "office"), aside=Aside.objects.get(code=WAITS[1]))
        assert Decision.objects.count() == 1  # somebody took it upon themselves
        assert not Aside.objects.exists()
    assert day.at_central() == {"Forjada": "", "Marta": ""}


def test_who_worked_there_once_or_has_a_way_in_is_believed(staffed: Staffed, day: Day) -> None:
    writes(day, "ana", "Before")
    with (
        staffed.world.at(staffed.world.central),
        recording(by=Author(staffed.staff_id("olga"), "office")) as save,
    ):
        save.remove(StaffRole.objects.get(staff__username="ana"))
    writes(day, "ana", "After")
    assert staffed.is_let_in("teo") == "central"  # a visitor, who proved his password
    writes(day, "teo", "Visited")
    writes(day, "olga", "Office")  # of all places
    staffed.run()
    assert set(day.at_central()) == {"Before", "After", "Visited", "Office"}


def test_what_a_laptop_records_of_people_is_not_kept_back(staffed: Staffed, day: Day) -> None:
    """An entry in the access log under a colleague's name is how the office learns of it."""
    patient = day.registers("rosa", "Marta")
    staffed.run()
    with staffed.world.at(staffed.laptop), recording(by=day.author("teo")) as save:
        save.add(Opening, patient=patient, facility=Facility.objects.get(code="BOC"))
    staffed.run()
    with staffed.world.at(staffed.world.central):
        assert not Aside.objects.exists()
        assert Opening.objects.count() == 1
