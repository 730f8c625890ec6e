"""Requests that central must not believe: each is refused by a stable code and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.test import Client, override_settings
from http_message_signatures import HTTPMessageSigner, algorithms

from registry.people.models import Patient
from sync import doors
from sync.carriers.server import MAX_BODY, NONCE_LIFE_MS
from sync.carriers.signing import COMPONENTS, LABEL, Wire, _Keys
from sync.core.protocol import Change
from sync.exchanges import GatesRequest, HelloRequest, PagesRequest
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.models import EnrolledNode, SecurityEvent
from tests.sync.forge import Talk, logged, patient, problem, slip_in, stranger, traces
from tests.world import World

Make = Callable[[Talk], Wire]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Central need not wait here for a batch that is still on its way: there is none."""
    monkeypatch.setattr(doors, "PREDECESSOR_WAIT_S", 0.0)


@pytest.fixture
def talk(world: World) -> Talk:
    """The first clinic, with three changes that nobody has seen yet."""
    here = world.clinics[0]
    with world.at(here):
        for name in ("Ana", "José", "राधा"):
            with recording(by=world.author(here)) as save:
                save.add(Patient, given_name=name, registered_on=here.node.now())
    return Talk(world, here)


def own(talk: Talk, *seqs: int) -> list[Change]:
    with talk.world.at(talk.site):
        return logged(*seqs)


def changed_after_signing(talk: Talk) -> Wire:
    wire = talk.batch(own(talk))
    wire.body = talk.packed(own(talk, 1, 2))
    return wire


def without_component(left_out: str) -> Make:
    return lambda talk: _without_component(talk, left_out)


def _without_component(talk: Talk, left_out: str) -> Wire:
    """Signed correctly, but not all of it."""
    wire = talk.batch(own(talk))
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(private=talk.key))
    signer.sign(
        wire,
        key_id="n",
        created=datetime.fromtimestamp(talk.session.created_ms / 1000, tz=UTC),
        nonce=talk.session.nonce,
        label=LABEL,
        include_alg=False,
        covered_component_ids=[one for one in COMPONENTS if one != left_out],
        use_existing_digest=True,
    )
    return wire


def without_header(name: str) -> Make:
    def make(talk: Talk) -> Wire:
        wire = talk.batch(own(talk))
        del wire.headers[name]
        return wire

    return make


def of_the_other_clinic(talk: Talk) -> list[Change]:
    other = talk.world.clinics[1]
    with talk.world.at(other):
        slip_in(other, patient("Zoë"))
        return logged()


def bombed(talk: Talk) -> bytes:
    """A frame that declares far more than it holds."""
    frame = bytearray(talk.packed(own(talk)))
    return bytes([frame[0], 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, *frame[2:]])


def nonce_of_the_other(talk: Talk) -> str:
    return Talk(talk.world, talk.world.clinics[1]).session.nonce


HEADERS = ("Signature", "Signature-Input", "Content-Digest", "posta-node", "posta-replica", "posta-seq")
REFUSALS: dict[str, tuple[Make, int, str]] = {
    "not a batch at all": (lambda t: t.wire("changes", b"hello", (1, 3)), 400, "malformed"),
    "empty": (lambda t: t.wire("changes", b"", (1, 3)), 400, "malformed"),
    "truncated by a byte": (lambda t: t.wire("changes", t.packed(own(t))[:-1], (1, 3)), 400, "malformed"),
    "truncated in the middle": (lambda t: t.wire("changes", t.packed(own(t))[:60], (1, 3)), 400, "malformed"),
    "something left over": (lambda t: t.wire("changes", t.packed(own(t)) + b"\0", (1, 3)), 400, "malformed"),
    "declared far too large": (lambda t: t.wire("changes", bombed(t), (1, 3)), 400, "malformed"),
    "really too large": (lambda t: t.wire("changes", bytes(MAX_BODY + 1), (1, 3)), 413, "too-large"),
    "out of order": (lambda t: t.batch(own(t, 3, 3)), 409, "gap"),
    "signed by somebody else": (lambda t: t.batch(own(t), key=stranger()), 401, "bad-signature"),
    "changed after signing": (changed_after_signing, 401, "bad-signature"),
    **{
        f"signed without {name}": (without_component(name), 401, "bad-signature")
        for name in COMPONENTS
    },
    **{
        f"without the header {name}": (without_header(name), 401, "bad-signature")
        for name in HEADERS
    },
    "a nonce that nobody gave": (lambda t: t.batch(own(t), nonce="18c.0123456789"), 401, "stale-nonce"),
    "no nonce": (lambda t: t.batch(own(t), nonce="hello"), 401, "stale-nonce"),
    "the nonce of another": (lambda t: t.batch(own(t), nonce=nonce_of_the_other(t)), 401, "stale-nonce"),
    "dated tomorrow": (
        lambda t: t.batch(own(t), created_ms=t.world.now_ms + 86_400_000), 401, "future-dated",
    ),
    "announced too early": (lambda t: t.wire("changes", t.packed(own(t, 2, 3)), (1, 3)), 400, "wrong-range"),
    "announced too late": (lambda t: t.wire("changes", t.packed(own(t)), (1, 4)), 400, "wrong-range"),
    "another replica's": (
        lambda t: t.wire("changes", t.packed(of_the_other_clinic(t)), (1, 1)), 403, "foreign-replica",
    ),
    "in another replica's name": (
        lambda t: t.batch(of_the_other_clinic(t), replica=t.world.clinics[1].replica), 401, "bad-signature",
    ),
    "from a node that nobody knows": (lambda t: t.batch(own(t), node=uuid4()), 401, "bad-signature"),
    "from a replica that never said hello": (lambda t: t.batch(own(t), replica=uuid4()), 401, "stale-nonce"),
    "to a door that is not there": (lambda t: t.wire("cellar", b""), 404, "not-found"),
    "a bound that was never given": (
        lambda t: t.wire("pages", PagesRequest({}, {"patients": (9, b"forged!!")}).pack()),
        409,
        "unknown-bound",
    ),
    "pages of a lane that is not there": (
        lambda t: t.wire("pages", PagesRequest({}, {}, lane=1).pack()), 409, "unknown-lane",
    ),
    "gates of a lane that is not there": (
        lambda t: t.wire("gates", GatesRequest(7).pack()), 409, "unknown-lane",
    ),
    "a lane that is no number": (
        lambda t: t.wire("gates", msgspec.msgpack.encode([-1])), 400, "malformed",
    ),
    "pages asked for in another language": (lambda t: t.wire("pages", b"\xc1"), 400, "malformed"),
    "a cursor before the beginning": (
        lambda t: t.wire("pages", PagesRequest({"patients": -1}, {}).pack()), 400, "malformed",
    ),
    "a page of any size": (
        lambda t: t.wire("pages", PagesRequest({}, {}, 2**40).pack()), 400, "malformed",
    ),
    "hello in a protocol to come": (
        lambda t: t.wire("hello", HelloRequest(9, b"n" * 12, "", 0, b"", 0, {}).pack()), 409, "protocol",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_believed_is_refused_by_its_name_and_changes_nothing(talk: Talk, case: str) -> None:
    make, status, code = REFUSALS[case]
    wire = make(talk)
    before = traces(talk.world)
    reply = talk.send(wire)
    assert (reply.status, problem(reply)["code"]) == (status, code)
    assert traces(talk.world) == before
    run = talk.world.sync(talk.site)[0]  # and nobody who is honest suffers for it
    assert (run.outcome, run.digests) == ("done", "equal")


def test_only_post_opens_a_door(talk: Talk) -> None:
    wire = talk.batch(own(talk))
    wire.method = "GET"
    assert problem(talk.send(wire))["code"] == "method-not-allowed"


def test_a_clinic_opens_no_doors(talk: Talk) -> None:
    from sync.carriers.server import answer

    with talk.world.at(talk.site):
        assert problem(answer(talk.batch(own(talk))))["code"] == "not-central"


def test_batches_that_come_as_three_one_two_end_as_if_in_order(talk: Talk) -> None:
    """B3: three, one, two."""
    one, two, three = (talk.batch(own(talk, seq, seq)) for seq in (1, 2, 3))
    gap = problem(talk.send(three))
    assert (gap["code"], gap["expected_seq"]) == ("gap", 1)
    assert talk.send(one).status == 200
    assert problem(talk.send(three))["expected_seq"] == 2
    assert talk.send(two).status == talk.send(three).status == 200
    with talk.world.at(talk.world.central):
        assert Patient.objects.count() == 3
        head = bytes(Replica.objects.get(uuid=talk.site.replica).head_digest)
    with talk.world.at(talk.site):
        assert head == bytes(Replica.objects.get(is_self=True).head_digest)


def test_a_replay_is_answered_like_the_first_time_and_has_no_effect(talk: Talk) -> None:
    wire = talk.batch(own(talk))
    first = talk.send(wire)
    assert [(one.seq_from, one.seq_to) for one in talk.receipts(first)] == [(1, 3)]
    before = traces(talk.world)
    for _ in range(3):
        assert talk.send(wire).body == first.body
    assert traces(talk.world) == before


def test_a_recording_is_worthless_when_its_nonce_has_aged(talk: Talk) -> None:
    wire = talk.batch(own(talk))
    talk.world.advance(NONCE_LIFE_MS + 1)
    assert problem(talk.send(wire))["code"] == "stale-nonce"


def test_a_revoked_node_is_refused_and_its_work_stays_where_it_is(talk: Talk) -> None:
    with talk.world.at(talk.world.central):
        EnrolledNode.objects.filter(name=talk.site.name).update(revoked_at=talk.world.now_ms)
    before = traces(talk.world)
    reply = talk.send(talk.batch(own(talk)))
    assert (reply.status, problem(reply)["code"]) == (403, "revoked")
    run = talk.world.sync(talk.site)[0]
    assert (run.outcome, talk.world.unsent(talk.site)) == ("failed", 3)
    assert "no longer sync" in run.reason
    assert traces(talk.world) == before


def test_a_fenced_replica_sends_nothing_more(talk: Talk) -> None:
    with talk.world.at(talk.world.central):
        Replica.objects.filter(uuid=talk.site.replica).update(standing=Replica.Standing.FENCED)
    before = traces(talk.world)
    reply = talk.send(talk.batch(own(talk)))
    assert (reply.status, problem(reply)["code"]) == (409, "fenced")
    assert traces(talk.world) == before


@pytest.mark.parametrize(
    "what", ["a value", "the author", "the end of its save", "one more change behind it"]
)
def test_the_same_dot_with_other_content_is_an_alarm_and_changes_nothing(talk: Talk, what: str) -> None:
    assert talk.send(talk.batch(own(talk))).status == 200
    before = traces(talk.world)
    first, second, third = own(talk)
    forged = {
        "a value": [first, replace(second, fields={**second.fields, "given_name": "Eva"}), third],
        "the author": [replace(first, author=UUID(int=77))],
        "the end of its save": [replace(third, last=False)],
        "one more change behind it": [
            replace(third, device="a clone"), replace(third, seq=4, save_id=uuid4()),
        ],
    }[what]  # fmt: skip
    forked = next(
        one.seq for one, true in zip(forged, own(talk, forged[0].seq, 3), strict=False) if one != true
    )
    reply = talk.send(talk.batch(forged))
    assert (problem(reply)["code"], problem(reply)["seq"]) == ("fork", forked)
    assert traces(talk.world) == before
    with talk.world.at(talk.world.central):
        alarm = SecurityEvent.objects.get(code="fork")
        assert str(talk.site.replica) in alarm.sentence
        assert EnrolledNode.objects.get(pk=str(alarm.node_uuid)).name == talk.site.name


def test_forged_signatures_are_noted_with_the_node_that_was_named(talk: Talk) -> None:
    talk.send(talk.batch(own(talk), key=stranger()))
    with talk.world.at(talk.world.central):
        event = SecurityEvent.objects.get(code="bad-signature")
        assert EnrolledNode.objects.get(pk=str(event.node_uuid)).name == talk.site.name


@override_settings(ROOT_URLCONF="deploy.urls", ALLOWED_HOSTS=["central.example"])
def test_the_web_door_carries_the_same_refusals(talk: Talk) -> None:
    """Through Django's view: real headers, a real content length, nothing read beyond the limit."""
    browser = Client(headers={"host": "central.example"})

    def post(wire: Wire, **more: Any) -> Any:
        with talk.world.at(talk.world.central):
            return browser.post(
                "/sync/v1/changes", wire.body, content_type="application/vnd.posta+msgpack",
                headers=wire.headers, secure=True, **more,
            )  # fmt: skip

    before = traces(talk.world)
    large = post(talk.wire("changes", bytes(MAX_BODY + 1), (1, 3)))
    assert (large.status_code, large["content-type"]) == (413, "application/problem+json")
    short = post(talk.batch(own(talk)), CONTENT_LENGTH="20")
    assert (short.status_code, short.json()["code"]) == (401, "bad-signature")
    assert traces(talk.world) == before
    assert post(talk.batch(own(talk))).status_code == 200
