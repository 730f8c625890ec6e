"""Central's doors for the two streams: batches come in, pages go out.

Lives here: `changes` (a batch → receipts), `pages` (merged state after the clinic's cursors) and `gates`
(is there news at all). Not here: who may knock (`sync/carriers/server.py`), what becomes of a batch
(`sync/intake.py`), what a page holds (`sync/feed/pages.py`); hello, digests and join have their own
modules.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from django.db import transaction

from sync.alarms import note
from sync.carriers.server import Caller, endpoint, refusal
from sync.core.protocol import Change, decode_changes, encode_page
from sync.exchanges import GatesAnswer, GatesRequest, PagesAnswer, PagesRequest, UploadAnswer, unpack
from sync.feed.models import Anchor
from sync.feed.pages import Reader, gates, page_for
from sync.feed.positions import LANE
from sync.feed.wall import walled
from sync.intake import Gap, take_in
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.replicas import line_before

PREDECESSOR_WAIT_S: Final = 4.0
PREDECESSOR_POLL_S: Final = 0.01


@endpoint("changes")
def receive_changes(caller: Caller, body: bytes) -> bytes:
    """A batch of the caller's own replica; what it announced in its signature must be what it holds."""
    _await_predecessor(caller.live, caller.seqs[0])
    return UploadAnswer(take_batch(caller, body)).pack()


def take_batch(caller: Caller, body: bytes) -> list[bytes]:
    """The receipts that cover a batch of the caller's own replica."""
    replica = caller.live
    changes = decode_changes(body, lambda seqs: _records_at(replica, seqs))
    return _take_in(caller, [replica], changes, body)


def _take_in(
    caller: Caller, replicas: Sequence[Replica], changes: Sequence[Change], body: bytes
) -> list[bytes]:
    replica = next((one for one in replicas if one.uuid == changes[0].replica), None)
    if replica is None:
        note("foreign-replica", "A batch of another node's replica was sent.", caller.node.uuid)
        raise refusal("foreign-replica", "The batch is another replica's.", 403)
    if (changes[0].seq, changes[-1].seq) != caller.seqs:
        raise refusal("wrong-range", "The batch does not hold the seqs that its request announces.", 400)
    return take_in(caller.node, replica.uuid, changes, hashlib.sha256(body).digest(), caller.after)


@endpoint("tail")
def receive_tail(caller: Caller, body: bytes) -> bytes:
    """After a restore: what the replicas before had written and not sent comes through their successor. Whose
    it is stands in the batch itself, so it refers to nothing outside of it.
    """
    before = line_before(caller.live)
    if not before:
        raise refusal("no-predecessor", "This replica follows no other.", 409)
    return UploadAnswer(_take_in(caller, before, decode_changes(body, lambda seqs: {}), body)).pack()


def _await_predecessor(replica: Replica, first: int) -> None:
    """Requests are kept in flight, so the batch before may still be on its way through another thread: wait
    a little before calling it a gap.
    """
    deadline = time.monotonic() + PREDECESSOR_WAIT_S
    while first > replica.head_seq + 1:
        if time.monotonic() > deadline:
            raise Gap(replica.head_seq + 1, bytes(replica.head_digest))
        time.sleep(PREDECESSOR_POLL_S)
        replica.refresh_from_db(fields=["head_seq", "head_digest"])


def _records_at(replica: Replica, seqs: list[int]) -> dict[int, UUID]:
    """Which records earlier changes of this replica touched: a batch names them by seq, which is shorter."""
    found: dict[int, UUID] = {}
    for start in range(0, len(seqs), 1000):
        rows = ChangeRow.objects.filter(replica=replica, seq__in=seqs[start : start + 1000])
        found.update(rows.values_list("seq", "record_id"))
    return found


@endpoint("pages")
def send_page(caller: Caller, body: bytes) -> bytes:
    """The next page after the clinic's cursors, up to bounds that this central gave."""
    ask = unpack(PagesRequest, body)
    _check_lane(ask.lane)
    _check_bounds(ask.bounds)
    reader = Reader(caller.node, caller.live.number)
    with transaction.atomic(), walled(caller.node):
        page = page_for(reader, ask.cursors, ask.bounds, ask.most_bytes)
    packed = encode_page(page.records, level=ask.level) if page.records else b""
    return PagesAnswer(packed, page.moved, page.more, len(page.records)).pack()


def _check_lane(lane: int) -> None:
    """There is one lane so far. What is asked of another is not answered with this one's."""
    if lane != LANE:
        raise refusal("unknown-lane", "There is no such lane.", 409, lanes=[LANE])


def _check_bounds(bounds: Mapping[str, tuple[int, bytes]]) -> None:
    """A bound that was never a gate would move a cursor past what is still to come."""
    asked = {(table, position, anchor) for table, (position, anchor) in bounds.items() if position}
    known = Anchor.objects.filter(table__in=list(bounds), position__in=[position for _, position, _ in asked])
    given = {
        (name, at, bytes(anchor)) for name, at, anchor in known.values_list("table", "position", "anchor")
    }
    if unknown := sorted(table for table, _position, _anchor in asked - given):
        raise refusal(
            "unknown-bound", "These bounds are not from here; say hello again.", 409, tables=unknown
        )


@endpoint("gates")
def send_gates(caller: Caller, body: bytes) -> bytes:
    """Every table's gate: position, time of the last change, anchor."""
    _check_lane(unpack(GatesRequest, body).lane if body else LANE)
    return GatesAnswer(gates(), LANE).pack()
