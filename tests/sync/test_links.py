"""Links as they are: answers get lost, portals lie, receipts are forged, and the outbox tells the truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

import sync.run as running
from registry.people.models import Patient
from sync import tasks
from sync.carriers.http import LinkBroke
from sync.carriers.server import MSGPACK, Reply
from sync.carriers.signing import Wire
from sync.conversation import BACK_OFF_CAP_MS, open_session, probe, say_hello
from sync.core.protocol import Receipt, open_receipt, sign_receipt
from sync.core.receipts import sign_answer
from sync.crash import install_hook
from sync.exchanges import UploadAnswer, unpack
from sync.feed.models import Cursor
from sync.ledger.models import Change, Replica
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.recording import recording
from sync.ledger.replicas import self_replica
from sync.ledger.verify import verify_log
from sync.models import LEASE_MS, LinkState, SecurityEvent, SyncRun
from sync.pace import Pace
from sync.run import Busy, make_run
from sync.status import read_status, status
from sync.upload import Outbox
from sync.vault.keys import key_id_of, node_key, public_bytes, receipt_keys
from tests.sync.forge import patient, slip_in, stranger, traces
from tests.world import Site, World

Send = Callable[..., Reply]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses within a run take no time here."""
    monkeypatch.setattr(running, "time", SimpleNamespace(sleep=lambda seconds: None))


def register(site: Site, world: World, count: int = 1) -> None:
    with world.at(site):
        for number in range(count):
            with recording(by=world.author(site)) as save:
                save.add(Patient, given_name=f"N{number}", registered_on=site.node.now())


@contextmanager
def between(site: Site, what: Callable[[Wire, Send], Reply]) -> Iterator[None]:
    """Stand between a clinic and central: `what` gets each request and the true way on."""
    link = site.link
    assert link is not None
    true_send = link.send
    link.send = lambda wire, *, patience: what(wire, lambda: true_send(wire, patience=patience))  # type: ignore[method-assign]
    try:
        yield
    finally:
        link.send = true_send  # type: ignore[method-assign]


def is_for(wire: Wire, door: str) -> bool:
    return wire.url.endswith(f"/{door}")


def state_of_link(world: World, site: Site) -> str:
    with world.at(site):
        return str(LinkState.objects.get().state)


def events(world: World, site: Site) -> list[str]:
    with world.at(site):
        return list(SecurityEvent.objects.order_by("id").values_list("code", flat=True))


def everything_arrived_once(world: World, site: Site, count: int) -> None:
    with world.at(world.central):
        replica = Replica.objects.get(uuid=site.replica)
        seqs = list(Change.objects.filter(replica=replica).order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, count + 1))
        assert Patient.objects.count() == count
        assert all(walk.holds for walk in verify_log())
    with world.at(site):
        runs = list(ReceiptRow.objects.order_by("seq_from").values_list("seq_from", "seq_to"))
        assert all(after[0] == before[1] + 1 for before, after in pairwise(runs))
        assert (runs[0][0], runs[-1][1]) == (1, count)
        assert all(walk.holds for walk in verify_log())
    assert world.unsent(site) == 0
    assert events(world, site) == events(world, world.central) == []


# --- answers that get lost -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_lost_answers_and_other_batches_each_time_store_every_change_once(world: World, seed: int) -> None:
    """B1: half of all answers are lost after central has committed."""
    here = world.clinics[0]
    register(here, world, 60)
    chance = random.Random(seed)

    def moody(wire: Wire, on: Send) -> Reply:
        reply = on()
        if is_for(wire, "changes") and chance.random() < 0.5:
            raise LinkBroke("the answer was lost")
        return reply

    with between(here, moody), world.at(here):
        for _ in range(12):
            make_run(pace=Pace(fixed_changes=chance.randrange(2, 30)))
    world.sync(here)
    everything_arrived_once(world, here, 60)


def test_a_second_worker_in_the_middle_of_a_run_does_no_harm(world: World) -> None:
    """B1: a worker thought dead sends the same changes in other batches; both get receipts of use."""
    here = world.clinics[0]
    register(here, world, 60)
    second = iter([True])

    def interrupted(wire: Wire, on: Send) -> Reply:
        reply = on()
        if is_for(wire, "changes") and next(second, False):
            session = open_session()
            say_hello(session)
            outbox = Outbox(session, self_replica(), 60, pace=Pace(fixed_changes=13), in_flight=1)
            assert list(outbox.slices())[-1] == 60
        return reply

    with between(here, interrupted), world.at(here):
        run = make_run(pace=Pace(fixed_changes=20))
    assert run.outcome == SyncRun.Outcome.DONE
    everything_arrived_once(world, here, 60)


def test_repeated_requests_get_the_same_receipts(world: World) -> None:
    """B1: what is sent twice is answered alike."""
    here = world.clinics[0]
    register(here, world, 10)
    answers: list[bytes] = []

    def twice(wire: Wire, on: Send) -> Reply:
        replies = [on(), on()]
        if is_for(wire, "changes"):
            answers.extend(reply.body for reply in replies)
        return replies[-1]

    with between(here, twice):
        world.sync(here)
    assert answers[0] == answers[1]
    everything_arrived_once(world, here, 10)


def test_a_link_that_only_carries_requests_moves_everything_once_it_heals(world: World) -> None:
    """B14: a one-way partition: central stores, the clinic never hears of it and never says otherwise."""
    here = world.clinics[0]
    register(here, world, 30)

    def one_way(wire: Wire, on: Send) -> Reply:
        on()
        raise LinkBroke("no answer comes back")

    with between(here, one_way):
        for _ in range(5):
            assert world.sync(here)[0].outcome == SyncRun.Outcome.FAILED
            assert world.unsent(here) == 30
    world.sync(here)
    everything_arrived_once(world, here, 30)


def test_hello_answers_lost_in_a_row_lock_nobody_out(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    register(here, world, 3)
    for lost in (1, 5, 2):
        assert here.link is not None
        for _ in range(lost):
            here.link.lose_answers = 1
            assert world.sync(here)[0].outcome == SyncRun.Outcome.FAILED
        assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    everything_arrived_once(world, here, 3)


def test_a_link_that_dies_after_every_batch_makes_steady_progress(world: World) -> None:
    here = world.clinics[0]
    register(here, world, 40)
    carried = iter(range(1_000))

    def short_lived(wire: Wire, on: Send) -> Reply:
        if is_for(wire, "changes") and next(carried) % 2:
            raise LinkBroke("cut")
        return on()

    here.node.kept["tries"] = 1
    left = [40]
    with between(here, short_lived), world.at(here):
        while left[-1]:
            make_run(pace=Pace(fixed_changes=8))
            left.append(world.unsent(here))
            assert left[-1] < left[-2]
    everything_arrived_once(world, here, 40)


# --- two at once -----------------------------------------------------------------------------------------


def test_of_two_runs_at_once_one_wins(world: World) -> None:
    """B2: a timer and a button at once."""
    here = world.clinics[0]
    register(here, world, 3)
    refused: list[bool] = []

    def also(wire: Wire, on: Send) -> Reply:
        if not refused:
            refused.append(True)
            with pytest.raises(Busy):
                make_run("asked")
        return on()

    with between(here, also):
        assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    assert refused
    everything_arrived_once(world, here, 3)
    with world.at(here):
        assert SyncRun.objects.count() == 1


def test_a_run_that_slept_past_its_lease_gives_way_to_the_one_that_followed(world: World) -> None:
    """The lid was closed for twenty minutes; another worker has taken over and finished meanwhile."""
    here = world.clinics[0]
    register(here, world, 12)
    followers: list[SyncRun] = []

    def sleepy(wire: Wire, on: Send) -> Reply:
        if is_for(wire, "changes") and not followers:
            world.advance(LEASE_MS + 20 * 60_000)
            followers.append(SyncRun())  # the follower's own requests pass
            followers[0] = make_run("schedule", pace=Pace(fixed_changes=5))
        return on()

    with between(here, sleepy), world.at(here):
        slept = make_run(pace=Pace(fixed_changes=4))
        assert followers[0].outcome == SyncRun.Outcome.DONE
        kept = SyncRun.objects.get(pk=slept.pk)
        assert kept.outcome == SyncRun.Outcome.FAILED
        assert "stopped in the middle" in kept.reason
        assert running.lease_holder() is None
        assert status()["last_attempt"]["outcome"] == "done"
    everything_arrived_once(world, here, 12)


def test_a_dead_run_is_followed_when_its_lease_has_run_out(world: World) -> None:
    here = world.clinics[0]
    register(here, world)
    with world.at(here):
        SyncRun.objects.create(trigger="test", started_at=world.now_ms, lease_until=world.now_ms + LEASE_MS)
        with pytest.raises(Busy):
            make_run()
        world.advance(LEASE_MS)
        assert make_run().outcome == SyncRun.Outcome.DONE
        assert SyncRun.objects.filter(outcome=SyncRun.Outcome.RUNNING).count() == 0


# --- captive portals -------------------------------------------------------------------------------------

PORTALS = {
    "a page": Reply(200, b"<html>Welcome to the hotel</html>", "text/html; charset=utf-8"),
    "nothing": Reply(204, b"", ""),
    "a redirect": Reply(302, b"", "text/html", {"location": "https://login.hotel.example/"}),
    "an empty object": Reply(200, b"{}", "application/json"),
    "a wall": Reply(511, b"<html>Pay first</html>", "text/html"),
    "our own type with nothing in it": Reply(200, b"", MSGPACK),
    "our own type with an empty list": Reply(200, b"\x90", MSGPACK),
    "our own type with a page": Reply(200, b"<html></html>", MSGPACK),
    "a refusal of its own": Reply(403, b'{"type":"about:blank","status":403}', "application/problem+json"),
    "not found": Reply(404, b"nginx", "text/html"),
}


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        *((kind, "hello") for kind in PORTALS),
        *((kind, "changes") for kind in PORTALS),
        *((kind, door) for kind in ("a page", "our own type with a page") for door in ("pages", "digests")),
    ],
)
def test_a_captive_portal_is_not_a_link(world: World, kind: str, begins: str) -> None:
    """B9: from the first request on, or from the middle of a run: nothing counts as sent or as fetched."""
    here, other = world.clinics
    register(other, world, 2)
    world.sync(other)
    register(here, world, 2)
    lies: list[str] = []
    after: list[Any] = []

    def portal(wire: Wire, on: Send) -> Reply:
        if lies or is_for(wire, begins):
            lies.append(wire.url)
            if not after:
                after.append(counted(world, here))
            return PORTALS[kind]
        return on()

    before = traces(world)
    with between(here, portal):
        run = world.sync(here)[0]
        assert lies
        assert run.outcome == SyncRun.Outcome.FAILED
        assert counted(world, here) == after[0]
        with world.at(here):
            assert probe() != LinkState.State.UP
        told = told_at(world, here)
        assert not told["up_to_date"]
        assert told["link"]["state"] == expected_state(kind)
        assert told["link"]["reason"]
    if begins in ("hello", "changes"):
        assert traces(world) == before
        assert world.unsent(here) == 2
    world.heal_and_sync()
    assert world.digests(here) == world.digests(other) == world.digests(world.central)


def expected_state(kind: str) -> str:
    return {"a wall": "down", "a refusal of its own": "refused"}.get(kind, "no-real-internet")


def counted(world: World, site: Site) -> dict[str, Any]:
    """What must not move: what is acked, where the cursors stand, what is here."""
    with world.at(site):
        return {
            "unsent": world.unsent(site),
            "cursors": dict(Cursor.objects.values_list("table", "position")),
            "rows": Patient.objects.count(),
            "receipts": ReceiptRow.objects.count(),
            "token": site.node.marks.read().token,
        }


def told_at(world: World, site: Site) -> dict[str, Any]:
    with world.at(site):
        return status()


def test_a_recorded_hello_is_not_a_link(world: World) -> None:
    """B9: yesterday's true answer, played again: it answers another question."""
    here = world.clinics[0]
    kept: list[Reply] = []

    def recorder(wire: Wire, on: Send) -> Reply:
        kept.append(on())
        return kept[-1]

    with between(here, recorder):
        world.sync(here)
    with between(here, lambda wire, on: kept[0]):
        assert world.sync(here)[0].outcome == SyncRun.Outcome.FAILED
    assert state_of_link(world, here) == "no-real-internet"


def test_a_hello_signed_by_somebody_else_is_not_a_link(world: World) -> None:
    """B9: a portal that speaks our language, with a key of its own."""
    here = world.clinics[0]
    key = stranger()

    def resigned(wire: Wire, on: Send) -> Reply:
        key_id, body, _signature = msgspec.msgpack.decode(on().body)
        nonce = msgspec.msgpack.decode(wire.body)[1]
        return Reply(200, sign_answer(nonce, body, key_id, key))

    with between(here, resigned):
        assert world.sync(here)[0].outcome == SyncRun.Outcome.FAILED
    assert state_of_link(world, here) == "no-real-internet"


# --- receipts that central did not give ------------------------------------------------------------------

Forge = Callable[[World, Site, Receipt, bytes], list[bytes]]


def signed(**lies: Any) -> Forge:
    """A receipt that says something else, signed with central's own key."""

    def forge(world: World, site: Site, receipt: Receipt, envelope: bytes) -> list[bytes]:
        with world.at(world.central):
            return [sign_receipt(replace(receipt, **lies), node_key())]

    return forge


def by_a_stranger(world: World, site: Site, receipt: Receipt, envelope: bytes) -> list[bytes]:
    return [sign_receipt(receipt, stranger())]


def by_a_stranger_under_its_own_name(
    world: World, site: Site, receipt: Receipt, envelope: bytes
) -> list[bytes]:
    key = stranger()
    return [sign_receipt(replace(receipt, key_id=key_id_of(public_bytes(key))), key)]


def altered(world: World, site: Site, receipt: Receipt, envelope: bytes) -> list[bytes]:
    return [envelope[:-40] + bytes([envelope[-40] ^ 1]) + envelope[-39:]]


def of_yesterday(world: World, site: Site, receipt: Receipt, envelope: bytes) -> list[bytes]:
    with world.at(site):
        return [bytes(row.envelope) for row in ReceiptRow.objects.order_by("id")]


def of_the_other_clinic(world: World, site: Site, receipt: Receipt, envelope: bytes) -> list[bytes]:
    with world.at(world.clinics[1]):
        return [bytes(row.envelope) for row in ReceiptRow.objects.all()]


FORGED: dict[str, tuple[Forge, str]] = {
    "signed by a stranger": (by_a_stranger, "bad-signature"),
    "signed by a stranger under its own name": (by_a_stranger_under_its_own_name, "unknown-key"),
    "altered on the way": (altered, "bad-signature"),
    "another node's": (signed(node=uuid4()), "other-node"),
    "another replica's": (signed(replica=uuid4()), "other-replica"),
    "the other clinic's": (of_the_other_clinic, "other-node"),
    "for other content": (signed(chain_head=bytes(32)), "other-content"),
    "for more than was sent": (signed(seq_to=999), "other-content"),
    "of another time of central": (signed(timeline=uuid4()), "other-timeline"),
    "an old one again": (of_yesterday, "no-receipt"),
    "from further on": (signed(seq_from=3, outcomes=(("applied", 2),)), "no-receipt"),
    "none at all": (lambda world, site, receipt, envelope: [], "no-receipt"),
    "no receipt but noise": (lambda world, site, receipt, envelope: [b"\x92\xc0\xc0"], "malformed"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_receipt_marks_nothing_as_sent_and_is_an_event(world: World, kind: str) -> None:
    """B10: what is not central's word about these very changes stays unsent."""
    forge, code = FORGED[kind]
    here, other = world.clinics
    register(here, world, 1)
    register(other, world, 4)
    world.sync()
    register(here, world, 3)
    here.node.kept["early"] = False  # all of them by the door that the forger watches
    acked = 1

    def forger(wire: Wire, on: Send) -> Reply:
        reply = on()
        if not is_for(wire, "changes"):
            return reply
        envelope = unpack(UploadAnswer, reply.body).receipts[-1]
        with world.at(world.central):
            receipt = open_receipt(envelope, receipt_keys())
        return Reply(200, UploadAnswer(forge(world, here, receipt, envelope)).pack())

    with between(here, forger):
        run = world.sync(here)[0]
    assert run.outcome == SyncRun.Outcome.FAILED
    assert run.reason
    with world.at(here):
        mine = Replica.objects.get(is_self=True)
        assert (mine.head_seq, mine.acked_seq) == (4, acked)
        assert here.node.marks.read().acked_seq == acked
        assert ReceiptRow.objects.count() == 1
        told = read_status()
        assert (told.unsent, told.up_to_date) == (3, False)
    assert code in events(world, here)
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    assert world.unsent(here) == 0


def test_forged_receipts_in_the_answer_to_hello_mark_nothing(world: World) -> None:
    """B10: hello gives the receipts that the clinic lacks; each must verify by itself."""
    here = world.clinics[0]
    register(here, world, 2)
    assert here.link is not None
    with between(here, lambda wire, on: on() if not is_for(wire, "changes") else lost(on)):
        world.sync(here)
    with world.at(world.central):
        row = ReceiptRow.objects.get(replica__uuid=here.replica)
        receipt = open_receipt(bytes(row.envelope), receipt_keys())
        row.envelope = sign_receipt(replace(receipt, replica=UUID(int=9)), node_key())
        true, row.envelope = bytes(ReceiptRow.objects.get(pk=row.pk).envelope), row.envelope
        row.save()
    with between(here, lambda wire, on: on() if is_for(wire, "hello") else lost(on)):
        world.sync(here)
    assert world.unsent(here) == 2
    assert events(world, here) == ["other-replica"]
    with world.at(world.central):
        ReceiptRow.objects.filter(pk=row.pk).update(envelope=true)
    world.sync(here)
    assert world.unsent(here) == 0


def lost(on: Send) -> Reply:
    on()
    raise LinkBroke("the answer was lost")


def test_receipts_that_were_lost_come_with_the_next_hello(world: World) -> None:
    here = world.clinics[0]
    register(here, world, 5)
    with between(here, lambda wire, on: lost(on) if is_for(wire, "changes") else on()):
        world.sync(here)
        assert world.unsent(here) == 5
        with world.at(here):
            assert probe() == LinkState.State.UP
    everything_arrived_once(world, here, 5)


# --- outages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outage",
    [
        lambda wire, on: Reply(503, b"busy", "text/html"),
        lambda wire, on: Reply(500, b"", ""),
        lambda wire, on: PORTALS["a page"],
        lambda wire, on: (_ for _ in ()).throw(LinkBroke("no route")),
    ],
    ids=["503", "500", "portal", "no route"],
)
def test_after_an_outage_of_hours_the_queue_drains_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, outage: Callable[[Wire, Send], Reply]
) -> None:
    """B7: six hours, longer than any number of attempts would last."""
    here = world.clinics[0]
    world.sync(here)
    register(here, world, 20)
    asked: list[str] = []

    def run_here(trigger: str) -> None:
        asked.append(trigger)
        tasks.sync_now(trigger)

    monkeypatch.setattr(tasks, "ask_for_run", run_here)
    probes: list[int] = []

    def counting(wire: Wire, on: Send) -> Reply:
        probes.append(world.now_ms)
        return outage(wire, on)

    with between(here, counting):
        beat(world, here, 6 * 3_600)
        pauses = [after - before for before, after in pairwise(probes)]
        assert max(pauses) <= BACK_OFF_CAP_MS + 15_000  # the cap, and the beat that looks for it
        assert len(set(pauses)) > 3  # with jitter: clinics do not come back all at once
        assert len(probes) >= 6 * 3_600_000 // BACK_OFF_CAP_MS - 1  # it never gives up
        assert told_at(world, here)["up_to_date"] is False
        assert world.unsent(here) == 20
    beat(world, here, 5 * 60)
    assert world.unsent(here) == 0
    assert asked[-1] == "link-up"
    assert told_at(world, here)["up_to_date"]
    everything_arrived_once(world, here, 20)


def beat(world: World, site: Site, seconds: int) -> None:
    """The clinic's beat for so long: a look at the link every fifteen seconds."""
    with world.at(site):
        for _ in range(0, seconds, 15):
            world.advance(15_000)
            tasks.probe_link()


def test_the_back_off_grows_to_four_minutes_with_jitter_and_ends_with_a_link(world: World) -> None:
    here = world.clinics[0]
    assert here.link is not None
    here.link.up = False
    pauses = []
    with world.at(here):
        for _ in range(40):
            probe()
            pauses.append(LinkState.objects.get().next_try - world.now_ms)
        assert all(0 < pause <= BACK_OFF_CAP_MS for pause in pauses)
        assert pauses[0] <= 5_000
        assert min(pauses[8:]) >= BACK_OFF_CAP_MS // 2
        assert len(set(pauses[8:])) > 20
        assert LinkState.objects.get().failures == 40
        here.link.up = True
        probe()
        assert LinkState.objects.get().failures == 0


# --- the status, at every instant ------------------------------------------------------------------------


def test_the_status_is_true_at_every_instant_of_a_run(world: World) -> None:
    """B12: sampled at every request."""
    here = world.clinics[0]
    register(here, world, 300)
    samples: list[tuple[int, bool, str]] = []

    def sample(_where: str = "") -> None:
        with world.at(here):
            told = status()
            replica = Replica.objects.get(is_self=True)
            covered = ReceiptRow.objects.order_by("-seq_to").values_list("seq_to", flat=True).first() or 0
            assert told["unsent"] == replica.head_seq - covered == sum(told["unsent_by_group"].values())
            last = told["last_attempt"]
            assert not (told["up_to_date"] and (told["unsent"] or last is None or last["outcome"] != "done"))
            samples.append((told["unsent"], told["up_to_date"], told["link"]["state"]))

    def watching(wire: Wire, on: Send) -> Reply:
        sample()
        if is_for(wire, "changes") and len(samples) % 7 == 0:
            raise LinkBroke("cut")
        if is_for(wire, "changes") and len(samples) % 5 == 0:
            register(here, world, 2)  # nurses go on saving
        reply = on()
        sample()
        return reply

    # A status asked for inside a transaction sees that transaction: only points outside of one are instants.
    outside = {"save.after-commit", "upload.before-send", "upload.before-receipt", "page.after-commit"}
    install_hook(lambda point: sample(point) if point in outside and not in_transaction() else None)
    try:
        with between(here, watching), world.at(here):
            for _ in range(6):
                make_run(pace=Pace(fixed_changes=50))
    finally:
        install_hook(None)
    world.sync(here, rounds=2)
    sample()
    assert samples[-1][:2] == (0, True)
    assert len(samples) > 40
    assert len({unsent for unsent, _, _ in samples}) > 5


def in_transaction() -> bool:
    from django.db import connection

    return bool(connection.in_atomic_block)


def test_nothing_is_up_to_date_while_a_save_waits_for_a_person(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        slip_in(here, patient(sex="?"))
    world.sync(here, rounds=2)
    told = told_at(world, here)
    assert (told["unsent"], told["quarantined"], told["up_to_date"]) == (0, 1, False)
    assert told["last_attempt"]["outcome"] == "done"
