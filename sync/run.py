"""One sync run: hello, then registered steps in order, under a lease, with progress that pages read live.

Lives here: `make_run` (one run now), the lease, and `step`, by which rooms above add their own steps
(numbers, sign-offs). Crash anywhere: the next run goes on from the last receipt and the last page. Not
here: hello and what the link is like (`sync/conversation.py`), when runs are made (`sync/tasks.py`).
Read next: `sync/upload.py`, `sync/download.py`, `sync/compare.py`.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction

from sync.carriers.http import LinkBroke, Refused, Session
from sync.compare import compare
from sync.conversation import BROKEN_OFF, RunFailed, note_link, open_session, say_hello, state_of
from sync.download import Inflow
from sync.exchanges import GatesAnswer, GatesRequest, HelloAnswer, unpack
from sync.feed.positions import LANE
from sync.hello import agrees_at
from sync.ledger.models import Replica
from sync.ledger.replicas import line_before, self_replica
from sync.models import LEASE_MS, LinkState, SecurityEvent, SyncRun
from sync.node import current_node
from sync.pace import Pace
from sync.upload import Outbox

COMPARE_EVERY_MS: Final = 20 * 3_600_000
TRIES: Final = 3
# A conversation of many hours, or others have said hello since, or central's clock went back: say it again.
STALE: Final = {"stale-nonce", "future-dated"}
PAUSE_S: Final = 0.5
PAUSE_CAP_S: Final = 8.0


@dataclass(slots=True)
class Run:
    """What the steps of a run share. `session` and `heard` belong to the present conversation."""

    row: SyncRun
    pace: Pace
    upload_only: bool = False
    early: bool = True
    touched: set[str] = field(default_factory=set)
    bytes_before: int = 0
    bytes_down_before: int = 0
    _outbox: Outbox | None = None
    _session: Session | None = None
    _heard: HelloAnswer | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            raise RuntimeError("nobody has said hello yet")
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session

    @property
    def outbox(self) -> Outbox:
        if self._outbox is None:
            raise RuntimeError("the conversation has not begun")
        return self._outbox

    @outbox.setter
    def outbox(self, outbox: Outbox) -> None:
        self._outbox = outbox

    @property
    def heard(self) -> HelloAnswer:
        if self._heard is None:
            raise RuntimeError("nobody has said hello yet")
        return self._heard

    @heard.setter
    def heard(self, heard: HelloAnswer) -> None:
        self._heard = heard

    @property
    def moved(self) -> int:
        """What this run has brought to an end so far, both ways."""
        return self.row.sent + self.row.fetched

    def note(self, step: str = "", **columns: int) -> None:
        """Write progress where pages read it, and hold the lease."""
        if step:
            self.row.step = step
        for name, value in columns.items():
            setattr(self.row, name, value)
        self.row.bytes_up = self.bytes_before + self.session.bytes_up
        self.row.bytes_down = self.bytes_down_before + self.session.bytes_down
        self.row.lease_until = current_node().wall() + LEASE_MS
        self.store()

    def store(self) -> None:
        """Only while the run is still ours: the lid may have been closed for longer than the lease."""
        names = [field.attname for field in SyncRun._meta.concrete_fields if not field.primary_key]
        running = SyncRun.objects.filter(pk=self.row.pk, outcome=SyncRun.Outcome.RUNNING)
        if not running.update(**{name: getattr(self.row, name) for name in names}):
            self.row.refresh_from_db()
            raise RunFailed("Another run has taken over.", LinkState.State.UP)


Step = Callable[[Run], None]
_steps: dict[str, tuple[int, Step]] = {}
_questions: list[Callable[[], bool]] = []


def step(name: str, order: int) -> Callable[[Step], Step]:
    """Register a step of every run. Orders: 10 sign-offs, 15 recovery key, 20 removals, 50 slices,
    70 numbers, 90 digests.
    """

    def register(made: Step) -> Step:
        _steps[name] = (order, made)
        return made

    return register


def ask_first(is_open: Callable[[], bool]) -> None:
    """While this is so, nothing is sent along with hello: a step of the run has to ask central first."""
    if is_open not in _questions:
        _questions.append(is_open)


def make_run(trigger: str = "command", *, upload_only: bool = False, pace: Pace | None = None) -> SyncRun:
    """One run now. Answers its row, done or failed; raises `Busy` when another run holds the lease.

    A link that breaks in the middle does not end the run: after a short pause it goes on from the last
    receipt and the last page, as long as each try moves something, and three times where none does.
    """
    run = Run(_take_lease(trigger), pace or Pace(), upload_only)
    try:
        _try_and_try_again(run)
        _finish(run, SyncRun.Outcome.DONE, "")
    except BROKEN_OFF as error:
        state, reason = state_of(error)
        note_link(state, reason)
        _finish(run, SyncRun.Outcome.FAILED, reason)
    except BaseException as error:
        _finish(run, SyncRun.Outcome.FAILED, f"Something went wrong here: {type(error).__name__}.")
        raise
    return run.row


def _try_and_try_again(run: Run) -> None:
    fruitless = 0
    while True:
        before = run.moved
        try:
            return _converse(run)
        except (LinkBroke, Refused) as error:
            if isinstance(error, Refused) and error.code not in STALE:
                raise
            fruitless = 0 if run.moved > before else fruitless + 1
            if fruitless >= current_node().kept.get("tries", TRIES):
                raise
        run.early = False
        time.sleep(min(PAUSE_CAP_S, PAUSE_S * 2**fruitless) * current_node().rng.uniform(0.5, 1.0))


def _converse(run: Run) -> None:
    session = run.session = open_session()
    outbox = run.outbox = _outbox_of(run)
    try:
        run.heard = say_hello(session, outbox).answer
        run.row.sent += outbox.sent  # went along with hello, and counts whatever breaks now
        run.row.to_send = max(run.row.to_send, run.row.sent)
        run.touched |= {"*"} if outbox.sent else set()
        for name, (_order, made) in sorted(_steps.items(), key=lambda item: item[1][0]):
            run.note(step=name)
            made(run)
    finally:
        outbox.close()
        run.bytes_before += session.bytes_up
        run.bytes_down_before += session.bytes_down
        session.carrier.close()


def _outbox_of(run: Run) -> Outbox:
    """What is to be sent. After a broken conversation central may have more than we know: then hello first,
    and its receipts, so that nothing goes twice.
    """
    replica = self_replica()
    outbox = Outbox(run.session, replica, upto=replica.head_seq, pace=run.pace)
    if current_node().kept.get("carrier") is not None:
        outbox.in_flight = 1
    early = run.early and current_node().kept.get("early", True) and _ended_well(replica)
    outbox.early = early and not any(is_open() for is_open in _questions)
    return outbox


def _ended_well(replica: Replica) -> bool:
    last = SyncRun.objects.exclude(outcome=SyncRun.Outcome.RUNNING).order_by("-pk").first()
    if last is None or last.outcome != SyncRun.Outcome.DONE or not current_node().marks.read().token:
        return False
    return all(before.acked_seq == before.head_seq for before in line_before(replica))


class Busy(Exception):
    """Another run is on its way."""


def _take_lease(trigger: str) -> SyncRun:
    node = current_node()
    with transaction.atomic():
        self_replica(lock=True)
        now = node.wall()
        running = SyncRun.objects.filter(outcome=SyncRun.Outcome.RUNNING)
        if SyncRun.objects.filter(SyncRun.on_its_way(now)).exists():
            raise Busy
        running.update(
            outcome=SyncRun.Outcome.FAILED,
            finished_at=now,
            reason="The laptop stopped in the middle; nothing was lost.",
        )
        return SyncRun.objects.create(
            trigger=trigger,
            started_at=now,
            lease_until=now + LEASE_MS,
            holder=f"{socket.gethostname()[:40]}:{os.getpid()}",
            step="hello",
        )


def _finish(run: Run, outcome: str, reason: str) -> None:
    row = run.row
    row.outcome, row.reason, row.finished_at, row.lease_until = outcome, reason, current_node().wall(), 0
    row.bytes_up, row.bytes_down = run.bytes_before, run.bytes_down_before
    with suppress(RunFailed):  # whoever took over has said how this one ended
        run.store()


# --- the steps that sync knows itself --------------------------------------------------------------------


@step("tail", 40)
def send_tail(run: Run) -> None:
    """After a restore: what the replicas before had written and not sent goes up first, under their names."""
    for before in line_before(self_replica()):
        if before.acked_seq < before.head_seq:
            _send_tail_of(run, before)


def _send_tail_of(run: Run, before: Replica) -> None:
    expected, digest = run.heard.tails.get(before.uuid.bytes, (1, b""))
    there = expected - 1
    if there < before.head_seq and not agrees_at(before, there, digest):
        raise RunFailed("Central holds other changes than this backup. Ask the programme office.", "refused")
    # What central has is safe, with or without a receipt here; the backup may be older than the receipts.
    before.acked_seq = max(before.acked_seq, min(there, before.head_seq))
    before.save(update_fields=["acked_seq"])
    outbox = Outbox(run.session, before, upto=before.head_seq, door="tail", pace=run.pace)
    outbox.in_flight = 1
    for _acked in outbox.slices():
        run.note(sent=run.row.sent)


@step("exchange", 50)
def exchange(run: Run) -> None:
    """Upload and download alternate by slice, so busy nurses never starve the download; the upload goes up to
    the head at its start.
    """
    outbox = run.outbox
    inflow = Inflow(run.session, run.heard.gates)
    inflow.ahead = current_node().kept.get("carrier") is None
    wanted = {} if run.upload_only else inflow.wanted()
    sent, fetched = run.row.sent - outbox.sent, run.row.fetched
    run.note(
        sent=sent + outbox.sent,
        to_send=sent + outbox.sent + outbox.upto - outbox.replica.acked_seq,
        to_fetch=fetched + sum(upto - inflow.cursor(name) for name, (upto, _anchor) in wanted.items()),
    )
    slices: list[Iterator[int]] = [outbox.slices()]
    if wanted:
        slices.append(inflow.slices())
    with _closing(slices):
        while slices:
            for one in list(slices):
                if next(one, None) is None:
                    slices.remove(one)
            # What an earlier try of this run has moved counts as well.
            run.note(sent=sent + outbox.sent, fetched=fetched + inflow.fetched)
            run.touched |= inflow.touched | ({"*"} if outbox.sent else set())
    if outbox.met_others and not run.upload_only:
        _fetch_what_we_met(run)


def _fetch_what_we_met(run: Run) -> None:
    """Our changes met others': the merged records moved past the bounds of this run's hello. A conflict is
    shown now, not at the next run.
    """
    answer = unpack(GatesAnswer, run.session.post("gates", GatesRequest(LANE).pack()))
    later = Inflow(run.session, answer.gates)
    later.ahead = current_node().kept.get("carrier") is None
    before = run.row.fetched
    for fetched in later.slices():
        run.note(fetched=before + fetched)
    run.touched |= later.touched


@contextmanager
def _closing(slices: list[Iterator[int]]) -> Iterator[None]:
    every = list(slices)
    try:
        yield
    finally:
        for one in every:
            close = getattr(one, "close", None)
            if close is not None:
                close()


@step("digests", 90)
def check_digests(run: Run) -> None:
    """Compare after a run that moved something, after one that was not equal, and once a day; any other run
    with nothing to do is one request.
    """
    if run.upload_only or not (run.touched or _comparison_is_due()):
        return
    result = compare(run.session)
    run.row.digests = result.word
    if result.differing:
        SecurityEvent.objects.create(
            at=current_node().wall(),
            code="digest",
            sentence=f"Differed from central: {', '.join(result.differing)}.",
        )


def _comparison_is_due() -> bool:
    last = SyncRun.objects.exclude(digests="").order_by("-pk").first()
    age = current_node().wall() - (last.started_at if last else 0)
    return last is None or last.digests != "equal" or not 0 <= age < COMPARE_EVERY_MS


def lease_holder() -> SyncRun | None:
    """The run on its way, if any."""
    return SyncRun.objects.filter(SyncRun.on_its_way(current_node().wall())).first()
