"""Hello: a signed challenge by which a clinic and central learn how far the other is, and whether both are
who they were.

Lives here: central's door (fencing, tokens, gates, receipts that the clinic lacks) and the clinic's side
(`say_hello`, which believes nothing that central's pinned key has not signed over its own nonce: a captive
portal's 200 is not a link). Read next: `sync/run.py`.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from sync.carriers.server import Caller, endpoint, make_nonce, refusal
from sync.checks import as_told
from sync.core.protocol import MalformedBatch, first_digest
from sync.core.receipts import BadAnswer, open_answer, sign_answer
from sync.credentials import shown
from sync.doors import take_batch
from sync.exchanges import (
    FIRST_PROTOCOL,
    LAST_PROTOCOL,
    HelloAnswer,
    HelloRequest,
    Standing,
    unpack,
)
from sync.feed.anchors import knows_cursor, reported
from sync.feed.models import Cursor, Gate
from sync.feed.pages import gates
from sync.feed.positions import LANE, SUBSCRIPTIONS
from sync.feed.subscriptions import catch_up
from sync.intake import Fork, Gap
from sync.ledger.models import Change, Receipt, Replica
from sync.ledger.replicas import introduce, line_before, self_replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import Problem
from sync.release import look_again
from sync.review.models import Aside
from sync.vault.keys import key_id_of, node_key, public_bytes, receipt_keys, timeline

RECEIPTS_PER_HELLO = 100
FENCED_BECAUSE = {
    "fenced": "Replica {} is no longer the live one.",
    "stale-token": "Another copy of this database has spoken since.",
    "rolled-back": "This database is older than what it had sent.",
}
ASIDES_PER_HELLO = 200


# --- central ---------------------------------------------------------------------------------------------


@endpoint("hello")
def receive_hello(caller: Caller, body: bytes) -> bytes:
    """Central's door."""
    ask = unpack(HelloRequest, body)
    if not FIRST_PROTOCOL <= ask.protocol <= LAST_PROTOCOL:
        raise refusal(
            "protocol",
            "This version of the protocol is not spoken here.",
            409,
            protocols=[FIRST_PROTOCOL, LAST_PROTOCOL],
        )
    _note_clock(caller.node, ask)
    look_again(caller.node)
    if ask.batch and caller.replica is not None and not _why_fenced(caller.replica, ask):
        _take_along(caller, ask.batch)
    with transaction.atomic():
        node = EnrolledNode.objects.select_for_update().get(pk=caller.node.pk)
        replica, fenced = _admit(node, caller.replica_uuid, ask)
        if replica is not None and not fenced:
            shown(node, replica, ask.token)
            _compare_heads(node, replica, ask)
        _note_contact(node, ask)
        answer = _answer(node, replica, ask, fenced)
    key = node_key()
    return sign_answer(ask.nonce, answer.pack(), key_id_of(public_bytes(key)), key)


def _note_clock(node: EnrolledNode, ask: HelloRequest) -> None:
    """First of all: what comes along or right behind is judged by how wrong the laptop's clock is now."""
    offset = current_node().wall() - ask.clock_ms if ask.clock_ms else 0
    if node.clock_offset_ms != offset:
        node.clock_offset_ms = offset
        EnrolledNode.objects.filter(pk=node.pk).update(clock_offset_ms=offset)


def _take_along(caller: Caller, batch: bytes) -> None:
    """The batch that came with hello. Whatever speaks against it, hello is answered: the receipts in the
    answer and the seq expected tell what became of it, and on its own it is refused by name.
    """
    with suppress(Problem, Gap, Fork, MalformedBatch):
        take_batch(caller, batch)


def _admit(node: EnrolledNode, replica_uuid: UUID, ask: HelloRequest) -> tuple[Replica | None, str]:
    """The replica's row and why it is fenced ('' if it is welcome). One node has one live replica."""
    replica = Replica.objects.select_for_update().filter(uuid=replica_uuid).first()
    live = Replica.objects.filter(node_uuid=node.uuid, standing=Replica.Standing.LIVE).first()
    if replica is None:
        if live is None:
            return introduce(replica_uuid, node_uuid=node.uuid, node_name=node.name), ""
        if ask.follows is not None and ask.follows[0] == live.uuid.bytes:
            return _succeed(node, live, replica_uuid, ask.follows[2]), ""
        return None, _fence(node, "second-replica", f"Replica {replica_uuid} appeared beside the live one.")
    code = _why_fenced(replica, ask)
    return replica, _fence(node, code, FENCED_BECAUSE[code].format(replica_uuid)) if code else ""


def _why_fenced(replica: Replica, ask: HelloRequest) -> str:
    if replica.standing != Replica.Standing.LIVE:
        return "fenced"
    if replica.token and ask.token not in (replica.token, replica.token_before):
        return "stale-token"
    return "rolled-back" if ask.head_seq < replica.head_seq else ""


def _fence(node: EnrolledNode, code: str, sentence: str) -> str:
    SecurityEvent.objects.create(at=current_node().wall(), code=code, node_uuid=node.uuid, sentence=sentence)
    return code


def _succeed(node: EnrolledNode, live: Replica, replica_uuid: UUID, final_digest: bytes) -> Replica:
    """A restored database takes over: its predecessor is closed (its unsent tail may still arrive through the
    successor).
    """
    live.standing = Replica.Standing.CLOSED
    live.save(update_fields=["standing"])
    replica = introduce(replica_uuid, node_uuid=node.uuid, node_name=node.name)
    replica.follows, replica.follows_digest = live.uuid, final_digest
    replica.head_digest = first_digest(replica_uuid, (live.uuid, final_digest))
    replica.save(update_fields=["follows", "follows_digest", "head_digest"])
    return replica


def _compare_heads(node: EnrolledNode, replica: Replica, ask: HelloRequest) -> None:
    """A chain that was hashed anew ends elsewhere than the one that central signed for. Told once. (With
    changes behind it, the batch that follows tells.)
    """
    if ask.head_seq != replica.head_seq or not ask.head_seq or ask.head_digest == bytes(replica.head_digest):
        return
    sentence = (
        f"Replica {replica.uuid} ends at change {ask.head_seq} with {ask.head_digest.hex()[:16]}: "
        "not what central signed for."
    )
    if not SecurityEvent.objects.filter(code="fork", node_uuid=node.uuid, sentence=sentence).exists():
        SecurityEvent.objects.create(
            at=current_node().wall(), code="fork", node_uuid=node.uuid, sentence=sentence
        )


def _note_contact(node: EnrolledNode, ask: HelloRequest) -> None:
    now = current_node().wall()
    node.last_contact, node.backlog, node.software = now, ask.backlog, ask.software
    node.clock_offset_ms = now - ask.clock_ms if ask.clock_ms else 0
    node.save(update_fields=["last_contact", "backlog", "software", "clock_offset_ms"])


def _answer(node: EnrolledNode, replica: Replica | None, ask: HelloRequest, fenced: str) -> HelloAnswer:
    here = current_node()
    answer = HelloAnswer(
        protocols=(FIRST_PROTOCOL, LAST_PROTOCOL),
        nonce=ask.nonce,
        run_nonce="",
        now_ms=here.wall(),
        now_stamp=here.clock.tick(),
        central_replica=self_replica().uuid.bytes,
        timeline=timeline().bytes,
        token="",
        expected_seq=1,
        expected_digest=b"",
        gates={},
        fenced=fenced,
        lane=LANE,
    )
    if replica is None or fenced:
        return answer
    answer.token = _next_token(replica, ask.token)
    answer.run_nonce = make_nonce(node.uuid, replica.uuid, answer.token)
    answer.expected_seq, answer.expected_digest = replica.head_seq + 1, bytes(replica.head_digest)
    here_stand = gates()
    if catch_up(node, {name: gate[0] for name, gate in here_stand.items() if name != SUBSCRIPTIONS}):
        here_stand = gates()
    answer.gates = {name: gate for name, gate in here_stand.items() if not _is_nothing_to(node, name)}
    answer.receipts = _lacking(replica, ask.acked_seq)
    asides = _asides(node)
    answer.asides, answer.more_asides = asides[:ASIDES_PER_HELLO], len(asides) > ASIDES_PER_HELLO
    answer.unknown_anchors = _unknown_cursors(ask)
    told = reported(ask.cursors)
    if not answer.unknown_anchors and bytes(node.cursors) != told:
        EnrolledNode.objects.filter(pk=node.pk).update(cursors=told)
    answer.tails = {
        before.uuid.bytes: (before.head_seq + 1, bytes(before.head_digest)) for before in line_before(replica)
    }
    named = dict(Replica.objects.exclude(node_name="").values_list("uuid", "node_name"))
    if len(named) != ask.known_names:
        answer.names = {uuid.bytes: name for uuid, name in named.items()}
    return answer


def _is_nothing_to(node: EnrolledNode, gate: str) -> bool:
    """Whoever sees everything follows nobody in particular."""
    return gate == SUBSCRIPTIONS and node.mode == EnrolledNode.Mode.EVERYTHING


def _unknown_cursors(ask: HelloRequest) -> list[str]:
    here = Gate.objects.in_bulk(list(ask.cursors))
    told = ask.cursors.items()
    return sorted(name for name, (at, anchor) in told if not knows_cursor(here.get(name), at, anchor))


def _next_token(replica: Replica, shown: str) -> str:
    """Rotate, unless the last answer was lost: a clinic that shows the token before gets the same new one
    again.
    """
    if not replica.token or shown == replica.token:
        replica.token_before, replica.token = replica.token, secrets.token_hex(16)
        replica.save(update_fields=["token", "token_before"])
    return replica.token


def _lacking(replica: Replica, acked_seq: int) -> list[bytes]:
    rows = Receipt.objects.filter(replica=replica, seq_to__gt=acked_seq).order_by("seq_from")
    return [bytes(row.envelope) for row in rows[:RECEIPTS_PER_HELLO]]


def _asides(node: EnrolledNode) -> list[Standing]:
    mine = Replica.objects.filter(node_uuid=node.uuid).values("uuid")
    rows = Aside.objects.filter(replica_uuid__in=mine).order_by("replica_uuid", "seq_from")
    return [
        Standing(
            row.save_id.bytes,
            row.seq_from,
            row.seq_to,
            *as_told(row.state, row.code, row.sentence, row.told),
            row.replica_uuid.bytes,
        )
        for row in rows[: ASIDES_PER_HELLO + 1]
    ]


# --- clinic ----------------------------------------------------------------------------------------------


class NoLink(Exception):
    """Central did not answer, or what answered is not central. `state` is one of `LinkState.State`."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


@dataclass(frozen=True, slots=True)
class Heard:
    """A verified hello and how far this laptop's clock is off (ms to add to it)."""

    answer: HelloAnswer
    clock_offset_ms: int


def hello_request(extra: dict[str, Any], replica: Replica, batch: bytes = b"") -> HelloRequest:
    """What this clinic says of itself now; or what a replica before it would have said, where central never
    heard of it.
    """
    here = current_node()
    return HelloRequest(
        protocol=LAST_PROTOCOL,
        nonce=here.rng.randbytes(12),
        token=here.marks.read().token if replica.is_self else "",
        head_seq=replica.head_seq,
        head_digest=bytes(replica.head_digest),
        acked_seq=replica.acked_seq,
        cursors={row.table: (row.position, bytes(row.anchor)) for row in Cursor.objects.all()},
        backlog=replica.head_seq - replica.acked_seq,
        clock_ms=here.wall(),
        follows=_predecessor(replica),
        known_names=Replica.objects.exclude(node_name="").count(),
        batch=batch,
        **extra,
    )


def _predecessor(replica: Replica) -> tuple[bytes, int, bytes] | None:
    if replica.follows is None:
        return None
    before = Replica.objects.get(uuid=replica.follows)
    return before.uuid.bytes, before.head_seq, bytes(replica.follows_digest or b"")


def open_hello(body: bytes, ask: HelloRequest) -> HelloAnswer:
    """Central's word, verified against the pinned key and our own nonce. Raises `NoLink`."""
    try:
        answer = unpack(HelloAnswer, open_answer(body, ask.nonce, receipt_keys()))
    except (BadAnswer, msgspec.DecodeError):
        raise NoLink("no-real-internet", "Something answered, but it is not central.") from None
    if answer.nonce != ask.nonce:
        raise NoLink("no-real-internet", "Something answered, but it is not central.")
    if answer.lane != LANE:
        raise NoLink("refused", "Central is newer than this laptop. Update this laptop.")
    return answer


def same_past(answer: HelloAnswer) -> bool:
    """Whether central's copy of our chain is a beginning of ours. Otherwise a clone wrote under our name: a
    fork.
    """
    replica = self_replica()
    return answer.expected_seq - 1 <= replica.head_seq and agrees_at(
        replica, answer.expected_seq - 1, answer.expected_digest
    )


def agrees_at(replica: Replica, at: int, digest: bytes) -> bool:
    """Whether that chain, as we have it, stood at this digest at this seq."""
    if at == replica.head_seq:
        return bytes(replica.head_digest) == digest
    if at == 0:
        return True
    row = Change.objects.filter(replica=replica, seq=at).only("digest").first()
    return row is not None and bytes(row.digest) == digest
