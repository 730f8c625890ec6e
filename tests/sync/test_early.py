"""Changes that do not wait for hello's answer: they save a round trip, and nothing may stand on them.

Whatever central then says – fenced, a gap, a fork, a nonce of yesterday – the early changes are refused
without harm, and what is good goes again in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from registry.people.models import Patient
from sync import doors, upload
from sync.carriers.http import LinkBroke, Refused, Then
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.conversation import open_session, probe, say_hello
from sync.core.protocol import encode_changes, from_canonical
from sync.exchanges import GatesAnswer, HelloRequest, unpack
from sync.ledger.models import Change, Replica
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.recording import recording
from sync.models import SecurityEvent, SyncRun
from sync.pace import BATCH_SECONDS, LEAST_SECONDS, Pace
from sync.run import make_run
from tests.sync.test_identity import cloned
from tests.world import Site, World


@pytest.fixture
def ready(world: World) -> tuple[World, Site]:
    """A clinic whose last run ended well, with twelve changes to send."""
    here = world.clinics[0]
    world.sync(here)
    register(world, here, 12)
    assert here.link is not None
    here.link.recorded.clear()
    return world, here


def register(world: World, site: Site, count: int, name: str = "Ana") -> None:
    with world.at(site):
        for _ in range(count):
            with recording(by=world.author(site)) as save:
                save.add(Patient, given_name=name, registered_on=site.node.now())


def doors_of(site: Site) -> list[str]:
    assert site.link is not None
    return [wire.url.rsplit("/", 1)[-1] for wire in site.link.recorded]


def at_central(world: World, site: Site) -> int:
    with world.at(world.central):
        return int(Replica.objects.get(uuid=site.replica).head_seq)


def events(world: World, site: Site) -> list[str]:
    with world.at(site):
        return list(SecurityEvent.objects.order_by("pk").values_list("code", flat=True))


class AtOnce:
    """A pool whose work is done before `submit` returns, so that a test decides what comes first."""

    def __init__(self, *_args: Any, **_names: Any) -> None:
        pass

    def submit(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*given))
        except (Refused, LinkBroke) as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True) -> None:
        pass


@contextmanager
def two_in_flight(
    monkeypatch: pytest.MonkeyPatch, site: Site, *, hello_first: bool = True, answer: Any = None
) -> Iterator[None]:
    """As over a real connection: the second batch is on its way before hello is answered. It reaches central
    behind hello, or overtakes it.
    """
    link = site.link
    assert link is not None
    true_send = link.send

    def send(wire: Wire, *, patience: float, then: Then | None = None) -> Reply:
        if then is not None and not hello_first:
            then()
        reply = true_send(wire, patience=patience)
        if then is not None and hello_first:
            then()
        return reply if answer is None else answer(wire, reply)

    real = upload.Outbox.with_hello

    def with_hello(outbox: upload.Outbox) -> upload.Batch | None:
        outbox.in_flight = 2
        return real(outbox)

    monkeypatch.setattr(upload, "ThreadPoolExecutor", AtOnce)
    monkeypatch.setattr(doors, "PREDECESSOR_WAIT_S", 0.0)
    monkeypatch.setattr(upload.Outbox, "with_hello", with_hello)
    link.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        link.send = true_send  # type: ignore[method-assign]


def run_at(world: World, site: Site, each: int | None = None) -> SyncRun:
    world.advance(1_000)
    with world.at(site):
        return make_run(pace=Pace(fixed_changes=each))


# --- with hello ------------------------------------------------------------------------------------------


def test_a_few_changes_go_up_in_the_one_request_that_every_run_makes(ready: tuple[World, Site]) -> None:
    world, here = ready
    with world.at(here):
        run = make_run(upload_only=True)
    assert (run.outcome, run.sent, run.to_send) == ("done", 12, 12)
    assert doors_of(here) == ["hello"]
    assert world.unsent(here) == 0
    assert at_central(world, here) == 12
    with world.at(here):
        assert ReceiptRow.objects.get().seq_to == 12


def test_what_hello_could_not_take_along_follows(ready: tuple[World, Site]) -> None:
    world, here = ready
    run = run_at(world, here, 5)
    assert (run.outcome, run.sent, run.to_send) == ("done", 12, 12)
    assert doors_of(here).count("changes") == 2
    assert world.unsent(here) == 0
    assert world.digests(here) == world.digests(world.central)


def test_after_a_broken_run_hello_goes_alone_so_that_nothing_goes_twice(ready: tuple[World, Site]) -> None:
    world, here = ready
    assert here.link is not None
    here.link.lose_answers = 1
    assert run_at(world, here).outcome == "failed"
    assert (at_central(world, here), world.unsent(here)) == (12, 12)
    sizes = [len(wire.body) for wire in here.link.recorded]
    assert run_at(world, here).outcome == "done"
    assert world.unsent(here) == 0
    again = [len(wire.body) for wire in here.link.recorded[len(sizes) :]]
    assert max(again) < min(sizes)


def test_the_first_run_and_the_probe_take_nothing_along(world: World) -> None:
    here = world.clinics[0]
    register(world, here, 2)
    with world.at(here):
        assert probe() == "up"
    assert at_central(world, here) == 0
    assert run_at(world, here).outcome == "done"
    assert here.link is not None
    hellos = [wire for wire in here.link.recorded if wire.url.endswith("/hello")]
    assert [unpack(HelloRequest, wire.body).batch for wire in hellos] == [b"", b""]


def test_a_repeated_hello_stores_its_batch_once(ready: tuple[World, Site]) -> None:
    world, here = ready
    assert here.link is not None
    here.link.duplicate = 1
    assert run_at(world, here).outcome == "done"
    with world.at(world.central):
        assert Patient.objects.count() == 12
        assert ReceiptRow.objects.count() == 1


@pytest.mark.parametrize(
    "batch",
    [b"noise", b"\x10", "later", "foreign", "other range"],
)
def test_hello_is_answered_whatever_came_with_it(ready: tuple[World, Site], batch: bytes | str) -> None:
    """Noise, changes behind a gap, another replica's, others than announced: none is stored."""
    world, here = ready
    with world.at(here):
        bodies = Change.objects.filter(replica__is_self=True).order_by("seq").values_list("body", flat=True)
        own = [from_canonical(bytes(body)) for body in bodies]
    other = world.clinics[1]
    if batch == "foreign":
        register(world, other, 1)
        with world.at(other):
            own = [from_canonical(bytes(row.body)) for row in Change.objects.filter(replica__is_self=True)]
    made = {"later": (own[3:], (4, 12)), "foreign": (own, (1, 1)), "other range": (own[:2], (1, 12))}
    if isinstance(batch, str):
        blob, seqs = encode_changes(made[batch][0], {}), made[batch][1]
    else:
        blob, seqs = batch, (1, 12)

    def with_other(outbox: upload.Outbox) -> upload.Batch:
        outbox._along = upload.Batch(*seqs, blob)
        return outbox._along

    with world.at(here), pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload.Outbox, "with_hello", with_other)
        session = open_session()
        mine = Replica.objects.get(is_self=True)
        outbox = upload.Outbox(session, mine, upto=12, in_flight=1)
        answer = say_hello(session, outbox).answer
        assert (answer.expected_seq, answer.fenced, outbox.sent) == (1, "", 0)
        assert list(outbox.slices())[-1] == 12
    assert at_central(world, here) == 12
    assert events(world, world.central) == (["foreign-replica"] if batch == "foreign" else [])


# --- ahead of the answer ---------------------------------------------------------------------------------


def test_the_next_batch_does_not_wait_for_hello(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, here = ready
    with two_in_flight(monkeypatch, here):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent) == ("done", 12)
    assert world.unsent(here) == 0
    with world.at(world.central):
        assert list(ReceiptRow.objects.order_by("seq_to").values_list("seq_to", flat=True)) == [5, 10, 12]


def test_a_batch_that_overtakes_hello_is_refused_as_a_gap_and_goes_again(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, here = ready
    with two_in_flight(monkeypatch, here, hello_first=False):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent) == ("done", 12)
    assert world.unsent(here) == 0
    assert events(world, here) == events(world, world.central) == []
    assert world.digests(here) == world.digests(world.central)


def test_a_nonce_of_yesterday_costs_a_batch_and_nothing_else(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, here = ready
    world.advance(7 * 3_600_000)
    with two_in_flight(monkeypatch, here):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent) == ("done", 12)
    assert world.unsent(here) == 0


def test_a_hello_whose_batch_was_dropped_takes_back_what_went_ahead(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, here = ready
    monkeypatch.setattr("sync.hello._take_along", lambda caller, batch: None)
    with two_in_flight(monkeypatch, here):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent) == ("done", 12)
    assert world.digests(here) == world.digests(world.central)


# --- copies of a laptop ----------------------------------------------------------------------------------


def test_a_copy_that_fell_behind_gets_nothing_in_early(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a token and a nonce that were good when it was copied."""
    world, here = ready
    world.sync(here)
    clone = cloned(world, here, "clone")
    for _ in range(2):
        world.sync(here)
    register(world, clone, 12, "on the clone")
    with two_in_flight(monkeypatch, clone):
        run = run_at(world, clone, 5)
    assert run.outcome == "failed"
    assert world.unsent(clone) == 12
    assert at_central(world, here) == 12
    assert events(world, world.central) == ["stale-token"]
    with world.at(world.central):
        assert not Patient.objects.filter(given_name="on the clone").exists()


def test_an_older_copy_with_its_marks_put_back_gets_nothing_in_early(
    ready: tuple[World, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its token is the last but one, so only what it lacks betrays it."""
    world, here = ready
    old = cloned(world, here, "old")
    world.sync(here)
    register(world, old, 1, "after the old copy")
    with world.at(world.central):
        Replica.objects.filter(uuid=here.replica).update(head_seq=20)
    with two_in_flight(monkeypatch, old):
        assert run_at(world, old, 5).outcome == "failed"
    assert events(world, world.central) == ["rolled-back"]
    with world.at(world.central):
        assert not Patient.objects.filter(given_name="after the old copy").exists()


def test_a_nonce_dies_with_the_token_it_came_with(ready: tuple[World, Site]) -> None:
    world, here = ready
    with world.at(here):
        first = open_session()
        say_hello(first)
        say_hello(open_session())
        # The last two are good, as with tokens.
        assert unpack(GatesAnswer, first.post("gates", b"")).gates == {}
        say_hello(open_session())
        with pytest.raises(Refused) as refused:
            first.post("gates", b"")
    assert refused.value.code == "stale-nonce"


def test_a_run_whose_nonce_dies_says_hello_again(ready: tuple[World, Site]) -> None:
    """Others said hello meanwhile, or the batch took six hours."""
    world, here = ready
    here.node.kept.update(early=False, tries=2)
    assert here.link is not None
    true_send = here.link.send
    once = iter([True])

    def send(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("/changes") and next(once, False):
            for _ in range(2):
                say_hello(open_session())
        return true_send(wire, patience=patience)

    here.link.send = send  # type: ignore[method-assign]
    run = run_at(world, here, 5)
    assert (run.outcome, world.unsent(here)) == ("done", 0)


# --- how much at once ------------------------------------------------------------------------------------


def test_batches_follow_the_link_and_shrink_where_it_breaks() -> None:
    pace = Pace()
    pace.sent(10_000, 0.0, 2.0)
    assert (pace.rate, pace.target) == (5_000, 20_000)
    pace.lost()
    assert pace.target == 10_000
    pace.sent(10_000, 2.0, 4.0)
    assert pace.target == int(5_000 * BATCH_SECONDS / 2 * 1.25)
    for _ in range(9):
        pace.lost()
    assert pace.target == 1_000
    pace.sent(5_000, 4.0, 5.0)
    assert pace.target == int(5_000 * LEAST_SECONDS * 1.25)


def test_two_batches_in_flight_share_the_link_and_are_measured_one_by_one() -> None:
    pace = Pace()
    pace.sent(10_000, 0.0, 2.0)
    pace.sent(10_000, 0.1, 4.0)
    assert pace.rate == 5_000


def test_a_batch_that_packs_worse_than_the_one_before_is_cut_smaller(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        for number in range(40):
            with recording(by=world.author(here)) as save:
                noise = here.node.rng.randbytes(150).hex()
                name = {"given_name": noise[:100], "family_name": noise[100:200], "phone": str(number)}
                save.add(Patient, registered_on=here.node.now(), **name)
        replica = Replica.objects.get(is_self=True)
        outbox = upload.Outbox(open_session(), replica, upto=40, pace=Pace(target=1_000), early=True)
        batch = outbox.with_hello()
    assert batch is not None
    assert 1 < batch.seq_to < 30
    assert len(batch.blob) <= 1_500
