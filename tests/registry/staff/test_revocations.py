"""The signed list of who may no longer work: what is believed, what is kept, and that it never goes back."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.checks import run_checks

from registry.staff import signoffs
from registry.staff.models import Account, Credential
from registry.staff.revocations import (
    FILE,
    LARGEST,
    Revocations,
    is_shut_out,
    kept_list,
    make_list,
    reapply,
    serial_kept,
    take_list,
)
from registry.staff.services import end_staff, give_role, roster_for, set_password
from registry.staff.signoffs import SignOffAnswer, answer_signoffs, signoffs_to_ask, take_signoffs
from sync.exchanges import unpack
from sync.models import EnrolledNode, SecurityEvent
from sync.problems import Problem
from sync.status import status
from sync.vault.keys import pepper
from tests.registry.staff.conftest import Staffed


def makes(staffed: Staffed) -> bytes:
    with staffed.world.at(staffed.world.central):
        return make_list()


def takes(staffed: Staffed, body: bytes) -> bool:
    with staffed.world.at(staffed.laptop):
        return take_list(body)


def kept(staffed: Staffed) -> Revocations:
    with staffed.world.at(staffed.laptop):
        found = kept_list()
        assert found is not None
        return found


def is_out(staffed: Staffed, username: str) -> bool:
    with staffed.world.at(staffed.laptop):
        who = staffed.staff_id(username)
        verifier = Credential.objects.filter(staff_id=who).exists()
        return not (verifier or Account.objects.get(staff_id=who).is_active)


def content_of(body: bytes) -> Revocations:
    content, _signature = msgspec.msgpack.decode(body, type=tuple[bytes, bytes])
    return unpack(Revocations, content)


def test_a_list_names_who_left_and_since_when_and_rises_with_every_change(staffed: Staffed) -> None:
    first = content_of(makes(staffed))
    staffed.office(end_staff, "ana")
    second = content_of(makes(staffed))
    staffed.office(end_staff, "teo")
    staffed.office(set_password, "rosa", password="another lantern 8")
    third = content_of(makes(staffed))
    assert first.since() == {}
    with staffed.world.at(staffed.world.central):
        ana, teo = (Account.objects.get(username=name).staff_id for name in ("ana", "teo"))
    assert set(second.since()) == {ana}
    assert set(third.since()) == {ana, teo}
    assert first.order < second.order < third.order


def test_an_older_list_never_replaces_a_newer_one(staffed: Staffed) -> None:
    """H1: nothing that comes late, or again, brings an account back."""
    yesterday = makes(staffed)
    staffed.office(end_staff, "ana")
    today = makes(staffed)
    assert takes(staffed, today)
    assert is_out(staffed, "ana")
    assert not takes(staffed, yesterday)
    assert not takes(staffed, today)
    assert kept(staffed).serial == content_of(today).serial
    assert is_out(staffed, "ana")
    with staffed.world.at(staffed.laptop):
        (staffed.laptop.node.path(FILE)).unlink()
        assert not take_list(yesterday)  # its number is known, even where the list is not
        assert take_list(today)


@pytest.mark.once
def test_only_our_centrals_list_is_believed(staffed: Staffed) -> None:
    """Refused in plain words, and nothing has changed."""
    staffed.office(end_staff, "ana")
    whole = makes(staffed)
    content, signature = msgspec.msgpack.decode(whole, type=tuple[bytes, bytes])
    told = content_of(whole)
    told.timeline = bytes(16)
    with staffed.world.at(staffed.elsewhere):  # who is not central has a key, too
        elsewhere = make_list()
    stranger = Ed25519PrivateKey.generate().sign(content)
    for body, code in (
        (b"", "damaged-list"),
        (whole[:-9], "damaged-list"),
        (whole + b"\0", "damaged-list"),
        (bytes(LARGEST + 1), "damaged-list"),
        (whole.replace(content[-8:], bytes(8)), "foreign-list"),
        (msgspec.msgpack.encode((told.pack(), signature)), "foreign-list"),
        (msgspec.msgpack.encode((content, stranger)), "foreign-list"),
        (elsewhere, "foreign-list"),
    ):
        before = serial_of(staffed)
        with pytest.raises(Problem) as refused:
            takes(staffed, body)
        assert refused.value.code == code
        assert serial_of(staffed) == before
    assert not is_out(staffed, "ana")


def serial_of(staffed: Staffed) -> tuple[int, int]:
    with staffed.world.at(staffed.laptop):
        return serial_kept(), staffed.laptop.node.marks.read().revocation_version


def test_a_run_brings_it_once(staffed: Staffed) -> None:
    """Also of somebody who never was at this clinic. With no news a run stays one request."""
    staffed.office(end_staff, "teo")
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert is_shut_out(staffed.staff_id("teo"))
        assert status()["revocations"] == {"standing": "kept", "serial": serial_kept()}
    before = staffed.link.requests
    staffed.run()
    assert staffed.link.requests - before == 1


def test_no_older_roster_brings_anybody_back(staffed: Staffed) -> None:
    """One from before the end, on a stick, for a database that was put back from before as well."""
    with staffed.world.at(staffed.laptop):
        question = signoffs_to_ask()
        mine = pepper()
    with staffed.world.at(staffed.world.central):
        node = EnrolledNode.objects.get(name="Bocas 1")
        carried = answer_signoffs(node, question)
        entries = roster_for([staffed.facility("BOC").pk], mine)
    staffed.office(end_staff, "ana")
    assert takes(staffed, makes(staffed))
    with staffed.world.at(staffed.laptop):
        Credential.objects.all().delete()
        take_signoffs(carried, from_stick=True)
        assert Credential.objects.count() == len(entries) - 1
    assert is_out(staffed, "ana")


def test_whatever_a_database_says_the_list_is_asked_at_the_door(staffed: Staffed) -> None:
    client = staffed.logs_in("ana")
    staffed.office(end_staff, "ana")
    carried = makes(staffed)
    with staffed.world.at(staffed.laptop):
        ana = Account.objects.get(username="ana")
        verifier = Credential.objects.get(staff_id=ana.staff_id)
        take_list(carried)
        verifier.save(force_insert=True)
        Account.objects.filter(pk=ana.pk).update(is_active=True, stamp=ana.stamp)
    staffed.link.up = False
    assert staffed.is_let_in("ana") == "wrong-offline"
    assert not staffed.is_logged_in(client)
    with staffed.world.at(staffed.laptop):
        assert reapply() == 1
    assert is_out(staffed, "ana")


def test_cut_between_the_disk_and_the_database_the_next_start_does_the_rest(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    staffed.office(end_staff, "ana")
    carried = makes(staffed)
    with monkeypatch.context() as patched:
        patched.setattr(signoffs, "_hooks", [lambda staff_id, since: 1 / 0])
        with pytest.raises(ZeroDivisionError):
            takes(staffed, carried)
    assert not is_out(staffed, "ana")
    with staffed.world.at(staffed.laptop):
        assert reapply() == 1
    assert is_out(staffed, "ana")


def test_a_damaged_list_is_told_and_comes_again(staffed: Staffed) -> None:
    staffed.office(end_staff, "ana")
    staffed.run()
    with staffed.world.at(staffed.laptop) as laptop:
        path = laptop.node.path(FILE)
        whole = path.read_bytes()
        for damaged in (whole[:-1], None):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            assert reapply() == 0
            assert status()["revocations"]["standing"] == "damaged"
            assert "staff.W001" in {told.id for told in run_checks(tags=["security"])}
        assert SecurityEvent.objects.filter(code="revocations-damaged").count() == 1
    assert is_out(staffed, "ana")
    staffed.office(give_role, "rosa", role="triage", facility=staffed.facility("BOC"))
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert status()["revocations"]["standing"] == "kept"
        assert path.read_bytes()[:16] == whole[:16]


def test_an_answer_of_an_older_central_has_no_list() -> None:
    assert unpack(SignOffAnswer, msgspec.msgpack.encode([0, []])).revocations == b""
