"""Joining: one code, one laptop (F11)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from sync import enrolment
from sync.carriers.server import answer
from sync.carriers.signing import Wire
from sync.enrolment import facilities_named, join, offer, offered
from sync.exchanges import JoinRequest
from sync.joining import (
    code_key,
    request_proof,
)
from sync.ledger.birth import ensure_replica
from sync.ledger.models import Replica
from sync.ledger.replicas import self_replica, self_uuid
from sync.models import EnrolledNode, SecurityEvent
from sync.node import Node, acting_as
from sync.problems import Problem
from sync.run import make_run
from sync.vault.keys import node_key, pinned, public_bytes, timeline
from tests.sync.laptops import DAY_MS, URL, code_of, events, knock, laptop, offer_at, refusal, request_of
from tests.world import World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A central that knows nobody yet."""
    return make_world(clinics=0)


# --- offering --------------------------------------------------------------------------------------------


def test_only_central_offers_and_only_what_makes_sense(world: World) -> None:
    clinic = laptop(world, "Bocas")
    with world.at(clinic), pytest.raises(Problem) as refused:
        offer(name="Bocas", facilities=[], mode="everything")
    assert refused.value.code == "only-central"
    for name, mode, code in [
        ("", "everything", "bad-name"),
        ("x" * 81, "everything", "bad-name"),
        ("B", "all", "bad-mode"),
    ]:
        with world.at(world.central), pytest.raises(Problem) as refused:
            offer(name=name, facilities=[], mode=mode)
        assert refused.value.code == code
    silent: dict[str, Any] = {"name": "Bocas", "facilities": []}
    with world.at(world.central), pytest.raises(TypeError, match="mode"):
        offer(**silent)
    with world.at(world.central):
        assert not EnrolledNode.objects.exists()


def test_offering_again_before_the_laptop_joined_makes_the_first_code_worthless(world: World) -> None:
    first, second = offer_at(world), offer_at(world)
    clinic = laptop(world, "Bocas")
    assert refusal(world, clinic, first).code == "wrong-code"
    with world.at(clinic):
        assert join(URL, second).node_name == "Bocas"


def test_facilities_are_named_by_code_or_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        enrolment, "_facilities", [lambda: [("id-1", "BOC", "Bocas"), ("id-2", "", "Darién")]]
    )
    assert facilities_named(["boc", "id-2", "BOC"]) == ["id-1", "id-2"]
    with pytest.raises(Problem) as refused:
        facilities_named(["BOC", "XYZ"])
    assert refused.value.code == "unknown-facility"
    assert "XYZ" in refused.value.title


# --- joining ---------------------------------------------------------------------------------------------


def test_a_laptop_joins_and_both_sides_know_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    facility = str(uuid4())
    code = offer_at(world, facilities=[facility], mode="subscribed")
    with world.at(world.central):
        (world.central.node.data_dir / "keys").mkdir(exist_ok=True)
        (world.central.node.data_dir / "keys" / "tls-ca.pem").write_bytes(b"CA of central")
        central_key, central_uuid, begun = public_bytes(node_key()), self_uuid(), timeline()
    clinic = laptop(world, "new laptop")
    with world.at(clinic):
        known = join("central.example/", code.lower())
        assert known == pinned()
        assert (known.url, known.node_name, known.facilities) == (URL, "Bocas", [facility])
        assert (known.receipt_key, known.central_replica) == (central_key.hex(), str(central_uuid))
        assert known.timeline == str(begun)
        assert Path(known.ca_file).read_bytes() == b"CA of central"
        assert clinic.node.name == "Bocas"
        mine, key = self_replica(), public_bytes(node_key())
        assert (mine.node_name, str(mine.node_uuid)) == ("Bocas", known.node)
    with world.at(world.central):
        node = EnrolledNode.objects.get(pk=known.node)
        assert bytes(node.public_key) == key
        assert (node.joined_at, node.mode) == (world.now_ms, "subscribed")
        theirs = Replica.objects.get(uuid=mine.uuid)
        assert (theirs.node_uuid, theirs.standing, theirs.node_name) == (node.uuid, "live", "Bocas")
    with world.at(clinic):
        assert make_run("test").outcome == "done"
    assert events(world) == []


def test_a_laptop_joins_once(world: World) -> None:
    clinic = laptop(world, "Bocas")
    with world.at(clinic):
        join(URL, offer_at(world))
        before = pinned()
    again = refusal(world, clinic, offer_at(world, "Darién"))
    assert again.code == "already-joined"
    assert "Bocas" in again.title
    with world.at(clinic):
        assert pinned() == before
    with world.at(world.central), pytest.raises(Problem) as refused:
        join(URL, "K7QF-2MXA-94TP-01ZZ")
    assert refused.value.code == "not-a-clinic"


def test_a_code_works_for_one_laptop_and_the_next_attempt_is_an_alarm(world: World) -> None:
    """F11: one after the other."""
    code = offer_at(world)
    first, second = laptop(world, "first"), laptop(world, "second")
    with world.at(first):
        join(URL, code)
        key = public_bytes(node_key())
    assert refusal(world, second, code).code == "code-used"
    assert events(world) == ["join-code-used"]
    with world.at(world.central):
        assert bytes(offered("Bocas").public_key) == key
        assert Replica.objects.filter(node_uuid=offered("Bocas").uuid).count() == 1
    with world.at(second):
        assert pinned() is None


@pytest.mark.django_db(transaction=True)
def test_of_laptops_that_use_one_code_at_once_one_wins(tmp_path: Path) -> None:
    """F11: at once."""
    central = Node(role="central", data_dir=tmp_path)
    with acting_as(central):
        ensure_replica()
        node_key()
        code = offer(name="Bocas", facilities=[], mode="everything")
        asks = [request_of(code) for _ in range(4)]
    gate, answers = threading.Barrier(len(asks)), []

    def knock(ask: JoinRequest) -> None:
        try:
            with acting_as(central):
                gate.wait()
                answers.append(answer(Wire("POST", f"{URL}/sync/v1/join", ask.pack())))
        finally:
            connection.close()

    threads = [threading.Thread(target=knock, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in answers) == [200, 403, 403, 403]
    assert Replica.objects.filter(is_self=False).count() == 1
    assert list(SecurityEvent.objects.values_list("code", flat=True)) == ["join-code-used"] * 3


@pytest.mark.parametrize("part", ["node_key", "replica", "pepper", "software", "proof"])
def test_a_request_of_which_anything_was_changed_proves_nothing(world: World, part: str) -> None:
    ask = request_of(offer_at(world))
    value: Any = getattr(ask, part)
    setattr(ask, part, value + "x" if isinstance(value, str) else bytes([value[0] ^ 1]) + value[1:])
    reply = knock(world, ask)
    assert (reply.status, code_of(reply)) == (403, "wrong-code")
    assert events(world) == ["join-wrong-code"]
    with world.at(world.central):
        assert offered("Bocas").joined_at is None


def test_a_pepper_that_the_code_did_not_seal_is_refused_whole(world: World) -> None:
    code = offer_at(world)
    ask = request_of(code, pepper=b"plain")
    ask.proof = request_proof(code_key(code), ask)
    assert code_of(knock(world, ask)) == "wrong-code"
    with world.at(world.central):
        assert offered("Bocas").joined_at is None
        assert not Replica.objects.filter(is_self=False).exists()


def test_a_code_ends_after_two_days_and_with_a_revocation(world: World) -> None:
    code = offer_at(world)
    world.advance(2 * DAY_MS - 1)
    assert knock(world, request_of(code)).status == 200
    late = offer_at(world, "Darién")
    world.advance(2 * DAY_MS)
    assert refusal(world, laptop(world, "late"), late).code == "code-expired"
    revoked = offer_at(world, "Colón")
    with world.at(world.central):
        EnrolledNode.objects.filter(name="Colón").update(revoked_at=world.now_ms)
    assert code_of(knock(world, request_of(revoked))) == "code-expired"
    assert events(world) == ["join-code-expired"] * 2


def test_a_thousand_guesses_do_not_fill_the_disk(world: World) -> None:
    for _ in range(60):
        assert knock(world, request_of("0000-0000-0000-0000")).status == 403
    assert len(events(world)) == enrolment.MOST_EVENTS_A_MINUTE
    world.advance(60_001)
    knock(world, request_of("0000-0000-0000-0000"))
    assert len(events(world)) == enrolment.MOST_EVENTS_A_MINUTE + 1


def test_a_copy_of_a_database_that_joined_cannot_join_as_somebody_else(world: World) -> None:
    ask = request_of(offer_at(world))
    assert knock(world, ask).status == 200
    other = offer_at(world, "Darién")
    again = request_of(other, replica=ask.replica)
    again.proof = request_proof(code_key(other), again)
    assert code_of(knock(world, again)) == "known-replica"


def test_when_the_answer_is_lost_the_same_laptop_asks_again(world: World) -> None:
    code = offer_at(world)
    clinic = laptop(world, "Bocas")
    assert clinic.link is not None
    clinic.link.lose_answers = 1
    assert refusal(world, clinic, code).code == "no-link"
    with world.at(clinic):
        assert pinned() is None
        join(URL, code)
        assert make_run("test").outcome == "done"
    assert events(world) == []


def test_a_new_laptop_takes_a_place_only_when_central_says_so_and_the_old_one_is_out(world: World) -> None:
    old, new = laptop(world, "old"), laptop(world, "new")
    with world.at(old):
        join(URL, offer_at(world))
    with world.at(world.central), pytest.raises(Problem) as refused:
        offer(name="Bocas", facilities=[], mode="everything")
    assert refused.value.code == "already-joined"
    code = offer_at(world, replace=True)
    with world.at(old):
        assert make_run("test").outcome == "done"
    with world.at(new):
        assert join(URL, code).node_name == "Bocas"
        assert make_run("test").outcome == "done"
    with world.at(old):
        run = make_run("test")
        assert (run.outcome, run.sent) == ("failed", 0)
    with world.at(world.central):
        standings = Replica.objects.filter(node_uuid=offered("Bocas").uuid).values_list("standing", flat=True)
        assert sorted(standings) == ["fenced", "live"]


# --- what comes with the welcome -------------------------------------------------------------------------


def test_extras_are_installed_with_the_joining_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "first": lambda node, spice: 1,
        "second": lambda node, spice: {"for": node.name},
        "unknown": lambda *_: 0,
    }
    monkeypatch.setattr(enrolment, "_extras", given)
    monkeypatch.setattr(enrolment, "_installers", {})
    told: list[Any] = []

    def keep(value: Any) -> None:
        SecurityEvent.objects.create(at=1, code="kept", sentence=str(value))

    def fail(value: Any) -> None:
        told.append(value)
        raise RuntimeError("the disk is full")

    enrolment.on_welcome("first", keep)
    enrolment.on_welcome("second", fail)
    clinic = laptop(world, "Bocas")
    code = offer_at(world)
    with world.at(clinic):
        with pytest.raises(RuntimeError):
            join(URL, code)
        assert pinned() is None
        assert not SecurityEvent.objects.exists()
        assert self_replica().node_uuid is None
        enrolment.on_welcome("second", told.append)
        join(URL, code)
        assert SecurityEvent.objects.get().sentence == "1"
    assert told == [{"for": "Bocas"}, {"for": "Bocas"}]
