"""The clinic's upload: outbox → batches → verified receipts.

Lives here: `Outbox` (the log past the last verified receipt, cut into batches by bytes, kept in flight) and
`accept_receipts`, the only place where `acked` moves: a receipt counts when central's pinned key signed it
for this replica and its chain head is ours. Not here: central's side (`sync/intake.py`), when a run starts
(`sync/run.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from sync.apply import rewrite_contested
from sync.carriers.http import LinkBroke, Session
from sync.core.protocol import BadReceipt, Change, Receipt, encode_changes, from_canonical, open_receipt
from sync.core.receipts import check_receipt
from sync.crash import crash_point
from sync.exchanges import UploadAnswer, unpack
from sync.hello import NoLink
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas
from sync.models import SecurityEvent
from sync.node import current_node
from sync.review.models import Aside
from sync.tables import table_named
from sync.vault.keys import pinned, receipt_keys

MOST_CHANGES: Final = 1_000
LEAST_BYTES, MOST_BYTES = 1_000, 1_000_000
MOST_UNPACKED: Final = 3 << 20  # less than one request may hold, should nothing of it shrink
ROUGH_WIRE_BYTES: Final = 40
BATCH_SECONDS: Final = 4.0
UNKNOWN_RATE: Final = 4_000.0
IN_FLIGHT: Final = 2


@dataclass(slots=True)
class Pace:
    """How many bytes to put into a batch: about four seconds of the link as measured, halved when a batch was
    lost.
    """

    target: int = 16_000
    rate: float = 0.0
    fixed_changes: int | None = None

    def sent(self, size: int, seconds: float) -> None:
        rate = size / max(seconds, 0.001)
        self.rate = rate if not self.rate else 0.6 * self.rate + 0.4 * rate
        self.target = int(min(MOST_BYTES, max(LEAST_BYTES, self.rate * BATCH_SECONDS)))

    def lost(self) -> None:
        self.target = max(LEAST_BYTES, self.target // 2)

    @property
    def patience(self) -> float:
        """How long silence is bearable for a batch of the target size."""
        return 6.0 + 3 * self.target / (self.rate or UNKNOWN_RATE)


@dataclass(slots=True)
class _Flight:
    """A batch on its way."""

    seq_from: int
    seq_to: int
    blob: bytes
    future: Future[tuple[bytes, float]]


@dataclass(slots=True)
class Outbox:
    """One run's upload, up to the head at its start."""

    session: Session
    replica: Replica
    upto: int
    door: str = "changes"
    pace: Pace = field(default_factory=Pace)
    level: int = 9
    in_flight: int = IN_FLIGHT
    sent: int = 0
    met_others: bool = False

    def slices(self) -> Iterator[int]:
        """Send batch after batch; yields the acked seq after each verified receipt. Raises `LinkBroke` or
        `Refused`.
        """
        replica = self.replica
        flights: deque[_Flight] = deque()
        pool = ThreadPoolExecutor(max_workers=self.in_flight, thread_name_prefix="upload")
        next_seq = replica.acked_seq + 1
        try:
            while next_seq <= self.upto or flights:
                while next_seq <= self.upto and len(flights) < self.in_flight:
                    flights.append(self._launch(pool, replica, next_seq))
                    next_seq = flights[-1].seq_to + 1
                yield self._land(flights.popleft())
        except LinkBroke:
            self.pace.lost()
            raise
        finally:
            for flight in flights:
                flight.future.cancel()
            if flights:
                self.session.carrier.close()
            pool.shutdown(wait=True)

    def _launch(self, pool: ThreadPoolExecutor, replica: Replica, seq_from: int) -> _Flight:
        changes = self._next_changes(replica, seq_from)
        earlier = earlier_seqs(replica, changes) if replica.is_self else {}
        blob = encode_changes(changes, earlier, level=self.level)
        crash_point("upload.before-send")
        seqs = changes[0].seq, changes[-1].seq
        if self.in_flight > 1:
            future = pool.submit(copy_context().run, partial(self._send, blob, *seqs))
        else:
            future = Future()
            future.set_result(self._send(blob, *seqs))
        return _Flight(*seqs, blob, future)

    def _send(self, blob: bytes, seq_from: int, seq_to: int) -> tuple[bytes, float]:
        started = time.monotonic()
        body = self.session.post(self.door, blob, seqs=(seq_from, seq_to), patience=self.pace.patience)
        return body, time.monotonic() - started

    def _land(self, flight: _Flight) -> int:
        body, seconds = flight.future.result()
        self.pace.sent(len(flight.blob), seconds)
        crash_point("upload.before-receipt")
        receipts = unpack(UploadAnswer, body).receipts
        acked = accept_receipts(receipts, self.replica.uuid)
        if acked < flight.seq_to:
            _note_event("no-receipt", f"No receipt to believe came for changes up to {flight.seq_to}.")
            raise NoLink("refused", "Central's receipt does not verify; nothing was marked as sent.")
        self.sent += flight.seq_to - flight.seq_from + 1
        self.met_others = self.met_others or any(_met_others(receipt) for receipt in receipts)
        return acked

    def _next_changes(self, replica: Replica, seq_from: int) -> list[Change]:
        """About a target's worth of changes, cut between saves where one is not too large itself."""
        most = self.pace.fixed_changes or min(MOST_CHANGES, max(1, self.pace.target // ROUGH_WIRE_BYTES))
        rows = ChangeRow.objects.filter(replica=replica, seq__gte=seq_from, seq__lte=self.upto).order_by(
            "seq"
        )
        taken: list[Change] = []
        size = 0
        for body in rows[: most + 1].values_list("body", flat=True):
            change = from_canonical(bytes(body))
            size += len(body)
            if taken and (len(taken) >= most or size > min(8 * self.pace.target, MOST_UNPACKED)):
                break
            taken.append(change)
        return _cut_between_saves(taken, self.upto)


def _met_others(envelope: bytes) -> bool:
    """Whether central merged something of ours with what we have not seen: then there is news for us at
    once.
    """
    outcomes = open_receipt(envelope, receipt_keys()).outcomes
    return any(word in ("merged", "conflicted") for word, _count in outcomes)


def _cut_between_saves(changes: list[Change], upto: int) -> list[Change]:
    if changes[-1].last or changes[-1].seq == upto:
        return changes
    for index in range(len(changes) - 1, 0, -1):
        if changes[index - 1].last:
            return changes[:index]
    return changes


def earlier_seqs(replica: Replica, changes: Sequence[Change]) -> dict[UUID, int]:
    """For records these changes refer to: the seq of an earlier change of ours to that record, which is
    shorter to send than its id.
    """
    wanted = {change.record_id for change in changes if not change.creates}
    for change in changes:
        table = table_named(change.table)
        for column in table.parents if table else ():
            value = change.fields.get(column.name)
            if isinstance(value, bytes) and len(value) == 16:
                wanted.add(UUID(bytes=value))
    rows = ChangeRow.objects.filter(replica=replica, record_id__in=wanted, seq__lt=changes[0].seq)
    return dict(rows.values_list("record_id").annotate(Max("seq")).order_by())


def accept_receipts(envelopes: Sequence[bytes], of: UUID) -> int:
    """Verify and store receipts, in order; answers the acked seq. A forged or foreign one is a security event
    and changes nothing.
    """
    opened = [(_verified(envelope, of), envelope) for envelope in envelopes]
    try:
        with transaction.atomic(durable=True):
            replica = Replica.objects.select_for_update().get(uuid=of)
            for receipt, envelope in opened:
                if receipt is not None and receipt.seq_to > replica.acked_seq:
                    _accept(replica, receipt, envelope)
            replica.save(update_fields=["acked_seq"])
    except BaseException:
        forget_replicas()
        raise
    if replica.is_self:
        current_node().marks.raise_to(acked_seq=replica.acked_seq)
    return replica.acked_seq


def _verified(envelope: bytes, of: UUID) -> Receipt | None:
    known = pinned()
    try:
        receipt = open_receipt(envelope, receipt_keys())
        if known is None or receipt.timeline != UUID(known.timeline):
            raise BadReceipt("other-timeline", "The receipt is from another time of central.")
        mine = Replica.objects.get(uuid=of)
        head = _chain_head(mine, receipt.seq_to)
        check_receipt(receipt, node=UUID(known.node), replica=mine.uuid, chain_head=head)
    except BadReceipt as error:
        _note_event(error.code, str(error)[:300])
        return None
    return receipt


def _note_event(code: str, sentence: str) -> None:
    SecurityEvent.objects.create(at=current_node().wall(), code=code, sentence=sentence)


def _chain_head(replica: Replica, seq: int) -> bytes | None:
    row = ChangeRow.objects.filter(replica=replica, seq=seq).only("digest").first()
    return bytes(row.digest) if row else None


def _accept(replica: Replica, receipt: Receipt, envelope: bytes) -> None:
    if receipt.seq_from != replica.acked_seq + 1:
        return
    ReceiptRow.objects.create(
        replica=replica,
        seq_from=receipt.seq_from,
        seq_to=receipt.seq_to,
        received=receipt.received,
        envelope=envelope,
        digest=hashlib.sha256(envelope).digest(),
    )
    crash_point("receipt.before-commit")
    replica.acked_seq = receipt.seq_to
    # A save that was cut has its rest now, or central gave it up: hello will tell.
    Aside.objects.filter(replica_uuid=replica.uuid, code="incomplete").delete()
    if receipt.problems:
        _note_asides(replica, receipt)
    _settle_contested(replica, receipt)


def _settle_contested(replica: Replica, receipt: Receipt) -> None:
    """Contested records show what central's receiving time decides."""
    by_table: dict[str, set[UUID]] = {}
    rows = ChangeRow.objects.filter(replica=replica, seq__gte=receipt.seq_from, seq__lte=receipt.seq_to)
    for name, record_id in rows.values_list("table", "record_id"):
        by_table.setdefault(name, set()).add(record_id)
    for name, ids in by_table.items():
        table = table_named(name)
        if table is not None:
            rewrite_contested(table, sorted(ids))


def _note_asides(replica: Replica, receipt: Receipt) -> None:
    """Keep what central said of our saves, so that status is true before the next hello."""
    rows = ChangeRow.objects.filter(replica=replica, seq__gte=receipt.seq_from, seq__lte=receipt.seq_to)
    saves: list[tuple[UUID, list[int]]] = []
    for save_id, seq in rows.order_by("seq").values_list("save_id", "seq"):
        if saves and saves[-1][0] == save_id:
            saves[-1][1].append(seq)
        else:
            saves.append((save_id, [seq]))
    # Its beginning may lie before this receipt.
    begun = ChangeRow.objects.filter(replica=replica, save_id=saves[0][0]).order_by("seq")
    saves[0][1][:0] = begun.filter(seq__lt=receipt.seq_from).values_list("seq", flat=True)
    words = receipt.outcome_of_each()
    for index, code, sentence in receipt.problems:
        if index < len(saves):
            save_id, seqs = saves[index]
            Aside.objects.update_or_create(
                replica_uuid=replica.uuid,
                seq_from=seqs[0],
                defaults={
                    "save_id": save_id,
                    "seq_to": seqs[-1],
                    "state": words[index],
                    "code": code,
                    "sentence": sentence,
                    "since": current_node().wall(),
                },
            )
