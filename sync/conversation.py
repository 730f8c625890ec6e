"""The clinic's conversation with central: opening it, hello and what it tells, what the link is like.

Lives here: `open_session`, `say_hello` (keeps the token, lacking receipts, what central sets aside, names,
the clock's error), `probe`, and `note_link` with the back-off. Not here: what a run does once hello was heard
(`sync/run.py`), the wire (`sync/carriers/http.py`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
from django.db import transaction

from sync.carriers.http import LinkBroke, Refused, Session, carrier_to
from sync.core.clock import pack
from sync.core.protocol import MalformedBatch, encode_changes, from_canonical
from sync.exchanges import HelloAnswer
from sync.hello import Heard, NoLink, hello_request, open_hello, same_past
from sync.ledger.models import Change, Replica
from sync.ledger.replicas import introduce, line_before, self_replica
from sync.models import LinkState, SecurityEvent
from sync.node import current_node
from sync.review.models import Aside
from sync.upload import Batch, Outbox, accept_receipts
from sync.vault.keys import pinned

BACK_OFF_CAP_MS: Final = 240_000
BACK_OFF_FIRST_MS: Final = 5_000
OFFSET_NOTED_MS: Final = 2_000
LONGEST_WAY_BACK_MS: Final = 1_000


class RunFailed(Exception):
    """The run ended early; `reason` is a sentence for people. Everything that was receipted or applied
    stays.
    """

    def __init__(self, reason: str, state: str = "down") -> None:
        super().__init__(reason)
        self.reason, self.state = reason, state


BROKEN_OFF: Final = (NoLink, LinkBroke, Refused, RunFailed, MalformedBatch, msgspec.MsgspecError)


def open_session() -> Session:
    """A conversation with the pinned central. Raises `RunFailed` where the laptop has not joined."""
    known = pinned()
    if known is None:
        raise RunFailed("This laptop has not joined a central server yet.", "unknown")
    return Session(carrier_to(known), known, self_replica().uuid)


def say_hello(session: Session, outbox: Outbox | None = None) -> Heard:
    """Hello, verified; keeps the token, the receipts we lacked, what central sets aside, and how far the
    clock is off. With an outbox, its first batches do not wait for the answer.
    """
    node, mine = current_node(), self_replica()
    shown = node.marks.read().token
    answer, offset = _ask(session, mine, outbox)
    if answer.fenced == "second-replica" and _introduce_line(session, mine):
        answer, offset = _ask(session, mine)
    _check_standing(session, answer)
    session.nonce, session.created_ms = answer.run_nonce, answer.now_ms
    node.marks.put_token(answer.token, answer.run_nonce, answer.now_ms, shown=shown)
    if answer.receipts:
        accept_receipts(answer.receipts, session.replica)
    if outbox is not None:
        outbox.greeted(self_replica(), answer.receipts)
    _keep_asides(answer)
    _keep_names(answer.names)
    _note_clock(offset, answer)
    note_link(LinkState.State.UP, "")
    return Heard(answer, offset)


def _ask(session: Session, replica: Replica, outbox: Outbox | None = None) -> tuple[HelloAnswer, int]:
    """Central's answer, and how far the clock here is off (0 where that is not worth noting)."""
    wall = current_node().wall
    along = outbox.with_hello() if outbox is not None else None
    ask = hello_request({"software": _software()}, replica, along.blob if along is not None else b"")
    started = wall()
    if outbox is None or along is None:
        body = session.post("hello", ask.pack())
    else:
        body = _greet_with(session, outbox, along, ask.pack())
    answer = open_hello(body, ask)
    # The way back takes half of the time where little was sent; a batch takes its time on the way there.
    way_back = (wall() - started) // 2
    offset = answer.now_ms + (min(way_back, LONGEST_WAY_BACK_MS) if along is not None else way_back) - wall()
    return answer, offset if abs(offset) > OFFSET_NOTED_MS else 0


def _greet_with(session: Session, outbox: Outbox, along: Batch, question: bytes) -> bytes:
    mark = current_node().marks.read()
    ahead = outbox.in_flight > 1 and mark.run_nonce
    if ahead:
        session.nonce, session.created_ms = mark.run_nonce, mark.heard_ms
    try:
        return session.post(
            "hello",
            question,
            seqs=(along.seq_from, along.seq_to),
            after=along.after,
            patience=outbox.pace.patience(len(question)),
            then=outbox.go_ahead if ahead else None,
        )
    except LinkBroke:
        outbox.pace.lost()
        raise


def _introduce_line(session: Session, mine: Replica) -> bool:
    """Restored more than once without a word to central: it knows neither this replica nor the one that it
    follows. Each of the line says hello in its turn and is closed by the next. Answers whether any was there.
    """
    unheard = line_before(mine)[1:]
    for replica in unheard:
        _ask(Session(session.carrier, session.known, replica.uuid), replica)
    return bool(unheard)


def _software() -> str:
    from django.conf import settings

    return str(getattr(settings, "POSTA_VERSION", ""))


FENCED = {
    "second-replica": "Another copy of this clinic's data is the live one. Ask the programme office.",
    "fenced": "This copy of the clinic's data has been replaced. Ask the programme office.",
    "stale-token": "Another copy of this laptop has synced since. Ask the programme office which one lives.",
    "rolled-back": "This laptop's data is older than what it had sent. Use restore.",
}


def _check_standing(session: Session, answer: HelloAnswer) -> None:
    known = pinned()
    if answer.fenced:
        raise RunFailed(FENCED.get(answer.fenced, "Central refuses this copy of the data."), "refused")
    if known is not None and UUID(bytes=answer.timeline) != UUID(known.timeline):
        raise RunFailed("Central was put back from a backup. Ask the programme office.", "refused")
    if answer.unknown_anchors:
        raise RunFailed("Central was put back from a backup. Ask the programme office.", "refused")
    if not same_past(answer):
        _alarm(session, answer)
        raise RunFailed("Another copy of this laptop wrote other data. Ask the programme office.", "refused")


def _alarm(session: Session, answer: HelloAnswer) -> None:
    """A fork: noted here, and at central, which sees by our change that it has another in its place."""
    SecurityEvent.objects.create(
        at=current_node().wall(),
        code="fork",
        sentence="Central holds other changes under this laptop's name.",
    )
    session.nonce, session.created_ms = answer.run_nonce, answer.now_ms
    seq = answer.expected_seq - 1
    for body in Change.objects.filter(replica__is_self=True, seq=seq).values_list("body", flat=True):
        with suppress(Refused, LinkBroke):
            session.post("changes", encode_changes([from_canonical(bytes(body))], {}), seqs=(seq, seq))


def _keep_asides(answer: HelloAnswer) -> None:
    """Central's list is the truth about what it keeps aside of ours, as far as it goes: of what lies beyond
    it, and of what central had not seen when it answered, the receipts told.
    """
    mine = self_replica().uuid
    now = current_node().wall()
    standing = answer.asides
    last = (standing[-1].replica, standing[-1].seq_from) if answer.more_asides else (b"\xff" * 17, 0)
    expected = {mine.bytes: answer.expected_seq, **{raw: seq for raw, (seq, _digest) in answer.tails.items()}}
    with transaction.atomic():
        present = Aside.objects.values_list("pk", "replica_uuid", "seq_from", "seq_to")
        known = [
            (pk, (one.bytes, first), expected.get(one.bytes, upto + 1) > upto)
            for pk, one, first, upto in present
        ]
        Aside.objects.filter(pk__in=[pk for pk, key, seen in known if seen and key <= last]).delete()
        later = {key for _pk, key, seen in known if not seen}
        Aside.objects.bulk_create(
            Aside(
                replica_uuid=UUID(bytes=one.replica) if one.replica else mine,
                save_id=UUID(bytes=one.save_id),
                seq_from=one.seq_from,
                seq_to=one.seq_to,
                state=one.state,
                code=one.code,
                sentence=one.sentence,
                since=now,
            )
            for one in standing
            if (one.replica or mine.bytes, one.seq_from) not in later
        )


def _keep_names(names: dict[bytes, str]) -> None:
    for raw, name in names.items():
        replica = introduce(UUID(bytes=raw), node_name=name)
        if replica.node_name != name:
            Replica.objects.filter(pk=replica.pk).update(node_name=name)


def _note_clock(offset: int, answer: HelloAnswer) -> None:
    """Each later change keeps the offset known now; after a corrected clock the stamps start again from
    central's time.
    """
    node = current_node()
    ahead = pack(node.wall() + 86_400_000)
    with transaction.atomic():
        replica = self_replica(lock=True)
        replica.clock_offset_ms = offset
        if not offset and replica.last_stamp > ahead:
            replica.last_stamp = answer.now_stamp
            node.clock.reset(answer.now_stamp)
            node.marks.set_clock(answer.now_stamp)
        replica.save(update_fields=["clock_offset_ms", "last_stamp"])
    node.clock.observe(answer.now_stamp)


def note_link(state: str, reason: str) -> LinkState:
    """Keep what the link is like; failures lengthen the pause before the next try, with jitter, to at most
    four minutes.
    """
    node = current_node()
    now = node.wall()
    link, _ = LinkState.objects.get_or_create(id=1)
    if link.state != state:
        link.state, link.since = state, now
    link.reason = reason
    if state == LinkState.State.UP:
        link.failures, link.next_try = 0, now
    else:
        link.failures += 1
        pause = min(BACK_OFF_CAP_MS, BACK_OFF_FIRST_MS * 2 ** min(link.failures - 1, 10))
        link.next_try = now + int(pause * node.rng.uniform(0.5, 1.0))
    link.save()
    return link


def probe() -> str:
    """Is there a link? A signed hello, nothing else. Answers the link's state."""
    session: Session | None = None
    try:
        session = open_session()
        say_hello(session)
        return LinkState.State.UP
    except BROKEN_OFF as error:
        state, reason = state_of(error)
        note_link(state, reason)
        return state
    finally:
        if session is not None:
            session.carrier.close()


def state_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, (NoLink, RunFailed)):
        return error.state, error.reason
    if isinstance(error, Refused) and error.code != "not-central":
        return LinkState.State.REFUSED, f"Central refuses: {error.title}"
    if isinstance(error, (Refused, MalformedBatch, msgspec.MsgspecError)):
        return (
            LinkState.State.NOT_REAL,
            "There is a network, but no real internet: something else answers.",
        )
    return LinkState.State.DOWN, "Central does not answer."
