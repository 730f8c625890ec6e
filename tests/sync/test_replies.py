"""Somebody between clinic and central who has broken TLS: what he answers brings nothing in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.msgpack import encode as packed

from registry.numbers.models import NumberBlock
from registry.people.models import Patient
from sync.carriers.http import Refused
from sync.carriers.server import MSGPACK, Reply, answer
from sync.carriers.signing import REPLY_HEADER, Wire, is_reply, sign_reply
from sync.conversation import open_session, say_hello
from sync.feed.models import Cursor
from sync.ledger.recording import recording
from sync.models import SyncRun
from sync.vault.keys import receipt_keys
from tests.sync.forge import Talk, stranger
from tests.sync.test_links import between, is_for
from tests.world import World

Lie = Callable[[Wire, Reply], Reply]


def unsigned(wire: Wire, true: Reply) -> Reply:
    return Reply(200, true.body, MSGPACK)


def altered(wire: Wire, true: Reply) -> Reply:
    return Reply(200, true.body[:-1] + bytes([true.body[-1] ^ 1]), MSGPACK, true.headers)


def by_a_stranger(wire: Wire, true: Reply) -> Reply:
    return Reply(200, true.body, MSGPACK, {REPLY_HEADER: sign_reply(wire, true.body, stranger())})


def no_base64(wire: Wire, true: Reply) -> Reply:
    return Reply(200, true.body, MSGPACK, {REPLY_HEADER: "é" * 9})


def to_another_question(wire: Wire, true: Reply) -> Reply:
    """Signed by central, and the answer to something else."""
    other = Wire(wire.method, wire.url, wire.body, {**wire.headers, "Signature": "p=:AAAA:"})
    told = {name: value for name, value in true.headers.items() if name != REPLY_HEADER}
    return Reply(200, true.body, MSGPACK, {**told, REPLY_HEADER: sign_reply(other, true.body, stranger())})


LIES: dict[str, Lie] = {
    "unsigned": unsigned,
    "altered": altered,
    "by a stranger": by_a_stranger,
    "no base64": no_base64,
    "to another question": to_another_question,
}


def held(world: World) -> dict[str, Any]:
    here = world.clinics[0]
    with world.at(here):
        return {
            "people": Patient.objects.count(),
            "cursors": dict(Cursor.objects.values_list("table", "position")),
            "numbers": NumberBlock.objects.count(),
        }


@pytest.mark.parametrize("door", ["pages", "digests"])
@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_central_did_not_sign_brings_nothing(world: World, door: str, lie: str) -> None:
    here = world.clinics[0]
    with world.at(world.central), recording(by=world.author(world.central)) as save:
        save.add(Patient, given_name="Ana", registered_on=world.central.node.now())
    met: list[dict[str, Any]] = []

    def liar(wire: Wire, on: Callable[[], Reply]) -> Reply:
        true = on()
        if not is_for(wire, door) or true.status != 200:
            return true
        met.append(held(world))
        return LIES[lie](wire, true)

    with between(here, liar):
        run = world.sync(here)[0]
    assert met, f"the run did not come to {door}"
    assert (run.outcome, "real internet" in run.reason) == (SyncRun.Outcome.FAILED, True)
    assert held(world) == met[0]
    world.heal_and_sync()
    assert world.digests(here) == world.digests(world.central)


@pytest.mark.parametrize("door", ["gates", "numbers", "signoffs"])
@pytest.mark.parametrize("lie", LIES)
def test_whatever_else_a_run_may_ask_is_believed_only_of_central(world: World, door: str, lie: str) -> None:
    here = world.clinics[0]
    body = {
        "gates": b"",
        "numbers": packed([[], 5, bytes(16)]),
        "signoffs": packed([b"pepper" * 5, [], [], True]),
    }[door]
    with world.at(here):
        session = open_session()
        say_hello(session)
        assert session.post(door, body)
        with between(here, lambda wire, on: LIES[lie](wire, on())), pytest.raises(Refused) as refused:
            session.post(door, body)
    assert refused.value.code == "not-central"


def test_an_answer_holds_for_its_own_request_only(world: World) -> None:
    talk = Talk(world, world.clinics[0])
    one, two = talk.wire("gates", b""), talk.wire("gates", b"\x91\x00")
    with world.at(world.central):
        reply = answer(one)
        keys = list(receipt_keys().values())
    told = reply.headers[REPLY_HEADER]
    assert is_reply(one, reply.body, told, keys)
    assert not is_reply(two, reply.body, told, keys)
    assert not is_reply(one, reply.body + b"\0", told, keys)
    assert not is_reply(one, reply.body, told, [])
