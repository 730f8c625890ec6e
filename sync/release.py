"""Saves that were set aside and are looked at again: when what they waited for has come, or a person says so.

Lives here: `release`, `look_again` and `judge_again`. Each save has a transaction of its own: whoever holds
the feed's counters locks no more records. Not here: what a person decides (`sync/review/services.py`), what
is said of a save (`sync/saves.py`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from sync.checks import FINE, look
from sync.core.clock import pack
from sync.core.protocol import from_canonical
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas, line_before
from sync.models import EnrolledNode
from sync.node import current_node
from sync.review.models import Aside
from sync.saves import STATES, Batch, Part, apply_alone, verdict

LOOKED_AT_AGAIN: Final = 10


def release(keys: set[str]) -> int:
    """Judge again the held saves that waited for any of these, in their order; what becomes fine may free
    others. Answers how many.

    Each has a transaction of its own: whoever holds the feed's counters locks no more records.
    """
    freed = 0
    todo = set(keys)
    while todo:
        waiting = Aside.objects.filter(state=Aside.State.HELD, waits_for__in=list(todo))
        todo = set()
        for aside in list(waiting.order_by("replica_uuid", "seq_from")):
            records = _judge_alone(aside)
            freed += bool(records)
            todo |= {f"record:{record_id}" for record_id in records}
    return freed


def look_again(node: EnrolledNode) -> int:
    """Judge some of a node's held saves again: what they wait for may have come in the very moment in which
    they were set aside, or just before central stopped.
    """
    mine = Replica.objects.filter(node_uuid=node.uuid).values("uuid")
    held = Aside.objects.filter(replica_uuid__in=mine, state=Aside.State.HELD).exclude(code="incomplete")
    return sum(release({aside.waits_for}) for aside in list(held.order_by("?")[:LOOKED_AT_AGAIN]))


def _judge_alone(aside: Aside) -> set[UUID]:
    try:
        with transaction.atomic():
            Replica.objects.select_for_update().get(uuid=aside.replica_uuid)
            standing = Aside.objects.select_for_update().filter(pk=aside.pk).first()
            return set() if standing is None else judge_again(standing)
    except BaseException:
        forget_replicas()
        raise


def judge_again(aside: Aside) -> set[UUID]:
    """Judge a save that was set aside; if it is fine now, merge it. Answers the records it touched (empty:
    still aside).
    """
    replica = Replica.objects.get(uuid=aside.replica_uuid)
    node = EnrolledNode.objects.filter(uuid=replica.node_uuid).first() if replica.node_uuid else None
    if node is None:
        return set()  # whose it was is not known here any more: it stays where a person sees it
    rows = ChangeRow.objects.filter(replica=replica, seq__gte=aside.seq_from, seq__lte=aside.seq_to).order_by(
        "seq"
    )
    changes = [from_canonical(bytes(row.body)) for row in rows]
    earlier = ChangeRow.objects.filter(
        Q(replica__in=line_before(replica)) | Q(replica=replica, seq__lt=aside.seq_from)
    )
    blocked = set(earlier.exclude(state=ChangeRow.State.APPLIED).values_list("record_id", flat=True))
    part = Part(changes)
    batch = Batch(node, replica, pack(current_node().wall()), b"")
    batch.received_before = {
        seq: stamp for seq, stamp in rows.values_list("seq", "received") if stamp is not None
    }
    sight = look(changes, node, replica.uuid, blocked)
    sight.received, sight.behind_ms = batch.received_before, aside.clock_behind_ms
    if aside.accepted:
        sight.ended, sight.strangers = {}, frozenset()
    part.verdict = verdict(part, sight, may_grow=aside.seq_to == replica.head_seq)
    if part.verdict is FINE:
        apply_alone(batch, part)
    if part.verdict is FINE:
        rows.update(state=ChangeRow.State.APPLIED)
        aside.delete()
        return {change.record_id for change in changes}
    aside.state, aside.code = part.verdict.word, part.verdict.code
    aside.sentence, aside.waits_for = part.verdict.sentence, part.verdict.waits_for
    aside.told = part.verdict.told
    aside.save()
    rows.update(state=STATES[part.verdict.word])
    return set()
