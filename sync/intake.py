"""Central takes in a batch: log, rows, positions and a signed receipt, in one transaction.

Lives here: `take_in` (a decoded batch of one replica). Overlap with what is here is skipped by content and
answered with its first receipt; a gap is refused with the seq expected; a fork is an alarm. Not here: who may
send (`sync/carriers/server.py`), what is said of each save and its merge (`sync/saves.py`), held saves whose
waiting is over (`sync/release.py`). Read next: `sync/saves.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from sync.alarms import note
from sync.bulk import insert_plain
from sync.checks import FINE, FOREIGN, Sight, as_told, look, remember
from sync.core.clock import pack
from sync.core.protocol import Change, Receipt, canonical, chain_digest, from_canonical, sign_receipt
from sync.core.receipts import Outcome, runs_of
from sync.crash import crash_point
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas, line_before
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.release import release
from sync.review.models import Aside
from sync.saves import BROKEN, STATES, Batch, Part, apply_all, verdict
from sync.vault.keys import key_id_of, node_key, public_bytes, timeline

LOG_COLUMNS: Final = (
    "replica_id",
    "seq",
    "save_id",
    "table",
    "record_id",
    "body",
    "digest",
    "received",
    "state",
)
NAMED_IN: Final = 40  # letters of a list's name that stand beside a change; the whole of it is in the body


class Gap(Exception):
    """The batch starts after the seq that central expects next."""

    def __init__(self, expected_seq: int, expected_digest: bytes) -> None:
        super().__init__(f"expected {expected_seq}")
        self.expected_seq, self.expected_digest = expected_seq, expected_digest


class Fork(Exception):
    """The same dot with other content: somebody cloned or tampered. Nothing was stored."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"fork at {seq}")
        self.seq = seq


def take_in(
    node: EnrolledNode, replica_uuid: UUID, changes: Sequence[Change], sha: bytes, after: str = ""
) -> list[bytes]:
    """Store and merge a batch; answers the receipts that cover it, old ones for what was here already. Raises
    `Gap` or `Fork`. `after` is the beginning of the digest, in hex, of the change that the batch follows.
    """
    keys: set[str] = set()
    try:
        with transaction.atomic(durable=True):
            replica = Replica.objects.select_for_update().get(uuid=replica_uuid)
            _check_link(replica, changes[0].seq, after)
            fresh = _skip_known(replica, changes)
            first = changes[0].seq
            if fresh:
                here = current_node()
                here.clock.observe(max(change.stamp for change in fresh))
                batch = Batch(node, replica, pack(here.wall()), sha, fresh)
                _take_in_fresh(batch)
                keys = _keys(batch)
                left = Greatest(F("backlog") - len(fresh), 0)  # hello told what waited; this does no more
                EnrolledNode.objects.filter(pk=node.pk).update(backlog=left)
            crash_point("intake.before-commit")
            envelopes = _receipts_for(replica, first, changes[-1].seq)
    except Fork as fork:
        _alarm(node, replica_uuid, fork)
        raise
    except BaseException:
        forget_replicas()
        raise
    crash_point("intake.after-commit")
    release(keys)
    return envelopes


def _alarm(node: EnrolledNode, replica_uuid: UUID, fork: Fork) -> None:
    SecurityEvent.objects.create(
        at=current_node().wall(),
        code="fork",
        node_uuid=node.uuid,
        sentence=f"Replica {replica_uuid} sent other content for change {fork.seq} than before.",
    )


def _check_link(replica: Replica, first: int, after: str) -> None:
    """A batch that begins where our log ends overlaps with nothing, so its content cannot tell whether it
    goes on from here or from the log of another copy: the one in front of it may just have been refused as a
    fork.
    """
    if first == replica.head_seq + 1 and not bytes(replica.head_digest).hex().startswith(after):
        raise Fork(first - 1)


def _skip_known(replica: Replica, changes: Sequence[Change]) -> list[Change]:
    if changes[0].seq > replica.head_seq + 1:
        raise Gap(replica.head_seq + 1, bytes(replica.head_digest))
    known = [change for change in changes if change.seq <= replica.head_seq]
    if known:
        rows = ChangeRow.objects.filter(replica=replica, seq__gte=known[0].seq, seq__lte=known[-1].seq)
        bodies = dict(rows.values_list("seq", "body"))
        for change in known:
            if bytes(bodies[change.seq]) != canonical(change):
                raise Fork(change.seq)
    return list(changes[len(known) :])


def _take_in_fresh(batch: Batch) -> None:
    batch.parts = _parts(batch)
    _give_up_unfinished(batch)
    sight = _sight_of(batch)
    for part in batch.parts:
        part.verdict = verdict(part, sight, may_grow=part is batch.parts[-1])
        if part.verdict is FINE:
            remember(part.changes, sight)
        else:
            sight.aside.update(change.record_id for change in part.changes)
    fine = [part for part in batch.parts if part.verdict is FINE]
    apply_all(batch, fine, sight)
    _store_log(batch)
    _store_asides(batch)
    _sign(batch)
    _note_foreign(batch)


def _parts(batch: Batch) -> list[Part]:
    """The batch cut into saves; a save whose beginning came in an earlier batch is completed from the log."""
    parts: list[Part] = []
    for change in batch.fresh:
        if parts and parts[-1].changes[-1].save_id == change.save_id and not parts[-1].changes[-1].last:
            parts[-1].changes.append(change)
        else:
            parts.append(Part([change]))
    if parts[0].changes[0].ordinal:
        _complete(batch, parts[0])
    return parts


def _complete(batch: Batch, part: Part) -> None:
    """Put what came before in front; each change was received when it came."""
    rows = list(
        ChangeRow.objects.filter(replica=batch.replica, save_id=part.changes[0].save_id).order_by("seq")
    )
    before = [from_canonical(bytes(row.body)) for row in rows]
    if before and before[-1].seq == part.changes[0].seq - 1 and not before[-1].last:
        part.changes[:0] = before
        part.earlier = len(before)
        batch.received_before = {row.seq: row.received for row in rows if row.received is not None}


def _give_up_unfinished(batch: Batch) -> None:
    """A save whose rest did not follow at once is broken: waiting for it would be waiting for ever."""
    unfinished = Aside.objects.filter(replica_uuid=batch.replica.uuid, code="incomplete")
    for aside in unfinished.exclude(save_id=batch.fresh[0].save_id):
        aside.state, aside.code, aside.sentence, aside.waits_for = (
            BROKEN.word,
            BROKEN.code,
            BROKEN.sentence,
            "",
        )
        aside.save()
        rows = ChangeRow.objects.filter(replica=batch.replica, save_id=aside.save_id)
        rows.update(state=ChangeRow.State.QUARANTINED)


def _sight_of(batch: Batch) -> Sight:
    changes = [change for part in batch.parts for change in part.changes]
    aside = asided_records(batch.replica, without=batch.parts[0].changes[0].save_id)
    sight = look(changes, batch.node, batch.replica.uuid, aside)
    sight.received, sight.behind_ms = batch.received_before, batch.node.clock_offset_ms
    return sight


def asided_records(replica: Replica, without: UUID | None = None) -> set[UUID]:
    """The records that a replica's held or quarantined changes touch: later changes to them wait as well. So
    do those of a replica that follows it after a restore: it had seen what is set aside, and whoever then
    sees its changes here would seem to have seen that, too.
    """
    line = [*line_before(replica), replica]
    if not Aside.objects.filter(replica_uuid__in=[one.uuid for one in line]).exists():
        return set()
    rows = ChangeRow.objects.filter(replica__in=line).exclude(state=ChangeRow.State.APPLIED)
    if without is not None:
        rows = rows.exclude(save_id=without)
    return set(rows.values_list("record_id", flat=True))


def _store_log(batch: Batch) -> None:
    words = {change.seq: part.verdict.word for part in batch.parts for change in part.changes}
    digest, number = bytes(batch.replica.head_digest), batch.replica.number
    rows: list[tuple[Any, ...]] = []
    for change in batch.fresh:
        body = canonical(change)
        digest = chain_digest(digest, body)
        state = int(STATES[words[change.seq]])
        rows.append(
            (
                number,
                change.seq,
                change.save_id,
                change.table[:NAMED_IN],
                change.record_id,
                body,
                digest,
                batch.received,
                state,
            )
        )
    insert_plain(ChangeRow, LOG_COLUMNS, rows)
    first = batch.parts[0]
    if first.earlier:
        earlier = [change.seq for change in first.changes[: first.earlier]]
        ChangeRow.objects.filter(replica=batch.replica, seq__in=earlier).update(
            state=STATES[first.verdict.word]
        )
    batch.replica.head_seq = batch.fresh[-1].seq
    batch.replica.head_digest = digest
    batch.replica.save(update_fields=["head_seq", "head_digest"])


def _store_asides(batch: Batch) -> None:
    first = batch.parts[0]
    if first.earlier:
        Aside.objects.filter(replica_uuid=batch.replica.uuid, save_id=first.changes[0].save_id).delete()
    Aside.objects.bulk_create(_aside(batch, part) for part in batch.parts if part.verdict is not FINE)


def _note_foreign(batch: Batch) -> None:
    """An alarm for whoever looks after the programme: once for a batch, however many it tried."""
    tried = [part.changes[0].seq for part in batch.parts if part.verdict.code == FOREIGN]
    if tried:
        sentence = f"{len(tried)} saves, from change {tried[0]} on, name what this clinic does not follow."
        note(FOREIGN, sentence, batch.node.uuid)


def _aside(batch: Batch, part: Part) -> Aside:
    return Aside(
        replica_uuid=batch.replica.uuid,
        save_id=part.changes[0].save_id,
        seq_from=part.changes[0].seq,
        seq_to=part.changes[-1].seq,
        state=part.verdict.word,
        code=part.verdict.code,
        sentence=part.verdict.sentence,
        told=part.verdict.told,
        waits_for=part.verdict.waits_for,
        clock_behind_ms=max(batch.node.clock_offset_ms, 0),
        since=current_node().wall(),
    )


def _word(part: Part) -> Outcome:
    if part.verdict is FINE:
        return part.outcome
    return "held" if _told(part)[0] == "held" else "quarantined"


def _told(part: Part) -> tuple[str, str, str]:
    said = part.verdict
    return as_told(said.word, said.code, said.sentence, said.told)


def _sign(batch: Batch) -> None:
    key = node_key()
    last = ReceiptRow.objects.filter(replica=batch.replica).order_by("-seq_from").first()
    envelope = sign_receipt(
        Receipt(
            key_id=key_id_of(public_bytes(key)),
            timeline=timeline(),
            node=batch.node.uuid,
            replica=batch.replica.uuid,
            seq_from=batch.fresh[0].seq,
            seq_to=batch.fresh[-1].seq,
            batch_sha256=batch.sha,
            outcomes=runs_of(_word(part) for part in batch.parts),
            problems=tuple(
                (index, *_told(part)[1:])
                for index, part in enumerate(batch.parts)
                if part.verdict is not FINE
            ),
            received=batch.received,
            chain_head=bytes(batch.replica.head_digest),
            revocation_version=0,
            previous=bytes(last.digest) if last else b"",
        ),
        key,
    )
    ReceiptRow.objects.create(
        replica=batch.replica,
        seq_from=batch.fresh[0].seq,
        seq_to=batch.fresh[-1].seq,
        received=batch.received,
        envelope=envelope,
        digest=hashlib.sha256(envelope).digest(),
    )


def _receipts_for(replica: Replica, seq_from: int, seq_to: int) -> list[bytes]:
    rows = ReceiptRow.objects.filter(replica=replica, seq_to__gte=seq_from, seq_from__lte=seq_to)
    return [bytes(row.envelope) for row in rows.order_by("seq_from")]


def _keys(batch: Batch) -> set[str]:
    keys = {f"record:{record_id}" for record_id in batch.applied}
    return keys | {f"replica:{batch.replica.uuid}"}
