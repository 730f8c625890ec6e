"""H1, end to end: a nurse who is revoked while her laptop is offline, and everything that must follow."""

from __future__ import annotations

from registry.people.models import Identifier, Patient
from registry.staff.log_in_words import ENDED
from registry.staff.models import Account, StaffMember
from registry.staff.revocations import make_list, take_list
from sync.ledger.birth import take_new_identity
from sync.ledger.recording import Author, recording
from sync.models import LinkState
from sync.review.models import Aside, Decision
from sync.review.services import release
from sync.vault.backup import make_backup, put_back
from tests.registry.staff.conftest import MINUTE_MS, Day, Staffed


def test_revoked_while_the_laptop_was_offline(staffed: Staffed, day: Day) -> None:
    """H1: sessions, verifier, late work and an older backup, with the contact that brings the news."""
    world, laptop = staffed.world, staffed.laptop
    staffed.link.up = False
    tablets = [staffed.logs_in("ana") for _tablet in range(2)]
    before = day.registers("ana", "José")
    with world.at(laptop):
        backup = make_backup()
    day.central_ends("ana")
    after = day.registers("ana", "Lucía")
    day.calls("ana", before, "666")
    day.adds_card("rosa", after)
    day.registers("rosa", "Marta")
    assert all(staffed.is_logged_in(tablet) for tablet in tablets)  # nobody here can know

    # Contact: the revocation counts before anything else comes down, and within one request.
    staffed.link.up = True
    sent = len(staffed.link.recorded)
    staffed.run()
    doors = [wire.url.rsplit("/", 1)[-1] for wire in staffed.link.recorded[sent:]]
    assert doors[0] == "hello"
    assert doors.index("signoffs") < doors.index("changes")
    assert set(doors[1 : doors.index("signoffs")]) == {"pages"}  # the lists of staff themselves
    assert not any(staffed.is_logged_in(tablet) for tablet in tablets)
    assert not day.has_a_way_in("ana")

    # What she wrote before is trusted, what she wrote after waits, and everybody else's flows.
    assert day.at_central() == {"José": "", "Marta": ""}
    waits = [("quarantined", "author-ended"), ("quarantined", "author-ended"), ("held", "after-aside")]
    with world.at(laptop):
        assert day.asides() == waits
        assert Patient.objects.get(pk=after).given_name == "Lucía"

    # An older database does not bring her back, with or without the link.
    with world.at(laptop):
        put_back(backup)
        assert Account.objects.get(username="ana").is_active
        take_new_identity()
    assert not day.has_a_way_in("ana")
    assert not any(staffed.is_logged_in(tablet) for tablet in tablets)
    staffed.link.up = False
    with world.at(laptop):
        LinkState.objects.update(state=LinkState.State.DOWN)
    assert staffed.is_let_in("ana") == "wrong-offline"
    assert staffed.is_let_in("rosa") == "laptop"
    staffed.link.up = True
    staffed.run()
    world.advance(MINUTE_MS)
    assert staffed.is_let_in("ana") == ENDED
    assert not day.has_a_way_in("ana")

    # Nothing was lost: the office accepts all of it, as hers.
    with world.at(world.central):
        assert day.asides() == waits
        for aside in Aside.objects.filter(code="author-ended").order_by("seq_from"):
            assert release(by=Author(staffed.staff_id("olga"), "office"), aside=aside)
        assert Patient.objects.get(pk=after).made_by == staffed.staff_id("ana")
        assert Decision.objects.count() == 2
        assert Identifier.objects.filter(patient_id=after, system="passport").exists()
    assert day.at_central() == {"José": "666", "Lucía": "", "Marta": ""}
    world.sync(laptop, rounds=2)
    with world.at(laptop):
        assert Patient.objects.get(pk=after).given_name == "Lucía"
        assert not Aside.objects.exists()
    assert world.digests(laptop) == world.digests(world.central)


def test_the_list_alone_is_enough(staffed: Staffed, day: Day) -> None:
    """H1: by stick, no link at all. She is out at once; what she wrote waits when the laptop syncs."""
    staffed.link.up = False
    tablet = staffed.logs_in("ana")
    day.central_ends("ana")
    with staffed.world.at(staffed.world.central):
        carried = make_list()
    day.registers("ana", "Lucía")
    with staffed.world.at(staffed.laptop):
        assert take_list(carried)
    assert not staffed.is_logged_in(tablet)
    assert not day.has_a_way_in("ana")
    assert staffed.is_let_in("ana") == "wrong-offline"
    staffed.link.up = True
    staffed.run()
    assert day.at_central() == {}
    with staffed.world.at(staffed.world.central):
        assert day.asides() == [("quarantined", "author-ended")]


def test_somebody_who_was_taken_back_is_let_in_and_trusted(staffed: Staffed, day: Day) -> None:
    day.central_ends("ana")
    staffed.run()
    assert not day.has_a_way_in("ana")
    with (
        staffed.world.at(staffed.world.central),
        recording(by=Author(staffed.staff_id("olga"), "office")) as save,
    ):
        save.edit(StaffMember.objects.get(username="ana"), {"active": True})
    staffed.run()
    assert day.has_a_way_in("ana")
    staffed.link.up = False
    assert staffed.is_let_in("ana") == "laptop"
    staffed.link.up = True
    day.registers("ana", "Lucía")
    staffed.run()
    assert day.at_central() == {"Lucía": ""}
