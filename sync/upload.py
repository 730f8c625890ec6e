"""The clinic's upload: outbox → batches → verified receipts.

Lives here: `Outbox` (the log past the last verified receipt, cut into batches by bytes, kept in flight) and
`accept_receipts`, the only place where `acked` moves: a receipt counts when central's pinned key signed it
for this replica and its chain head is ours. Not here: central's side (`sync/intake.py`), when a run starts
(`sync/run.py`), how large a batch is (`sync/pace.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from sync.apply import rewrite_contested
from sync.carriers.http import LinkBroke, Refused, Session
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
from sync.pace import Pace
from sync.review.models import Aside
from sync.tables import table_named
from sync.vault.keys import pinned, receipt_keys

MOST_CHANGES: Final = 1_000
MOST_UNPACKED: Final = 3 << 20  # less than one request may hold, should nothing of it shrink
READ_AT_ONCE: Final = 200
LINK_DIGITS: Final = 16  # enough to tell two copies of a laptop apart
IN_FLIGHT: Final = 2
TOO_EARLY: Final = {"stale-nonce", "future-dated", "gap"}


@dataclass(slots=True)
class Batch:
    """Changes as they travel. `after` begins the digest of the change that they follow."""

    seq_from: int
    seq_to: int
    blob: bytes = field(repr=False)
    after: str = ""


@dataclass(slots=True)
class _Flight:
    """A batch on its way. `early`: it did not wait for hello's answer."""

    batch: Batch
    answer: Future[bytes]
    early: bool


@dataclass(slots=True)
class Outbox:
    """One run's upload, up to the head at its start. Close it, whatever happens.

    Where it is `early`, `with_hello` and `go_ahead` let the first batches travel before hello is answered.
    `greeted` hears what the answer says of them.
    """

    session: Session
    replica: Replica
    upto: int
    door: str = "changes"
    pace: Pace = field(default_factory=Pace)
    in_flight: int = IN_FLIGHT
    early: bool = False
    sent: int = 0
    met_others: bool = False
    _next: int = 0
    _along: Batch | None = None
    _flights: deque[_Flight] = field(default_factory=deque)
    _pool: ThreadPoolExecutor | None = None

    def with_hello(self) -> Batch | None:
        """The first batch, for hello to take along, if there is one and this is the time."""
        self._next = self.replica.acked_seq + 1
        if self.early and self._next <= self.upto:
            self._along = self._cut()
        return self._along

    def go_ahead(self) -> None:
        """Hello is on its way with the first batch: what follows need not wait for the answer."""
        self._fill(early=True)

    def greeted(self, replica: Replica, receipts: Sequence[bytes]) -> None:
        """Hello is answered, and its receipts are kept. If central did not take what came along, neither will
        it take what went ahead: everything starts again behind what is acked.
        """
        self.replica, self.upto = replica, replica.head_seq
        along, self._along = self._along, None
        if along is not None and replica.acked_seq >= along.seq_to:
            self._count(along, receipts)
            self.pace.greeted(time.monotonic())
        else:
            self._start_again(replica.acked_seq)

    def slices(self) -> Iterator[int]:
        """Send batch after batch; yields the acked seq after each verified receipt. Raises `LinkBroke` or
        `Refused`.
        """
        self._next = max(self._next, self.replica.acked_seq + 1)
        try:
            while self._next <= self.upto or self._flights:
                self._fill()
                acked = self._land(self._flights.popleft())
                if acked is not None:
                    yield acked
        except LinkBroke:
            self.pace.lost()
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Nothing is on its way any more."""
        for flight in self._flights:
            flight.answer.cancel()
        if self._flights:
            self.session.carrier.close()
            self._flights.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    # --- on the way ---

    def _fill(self, *, early: bool = False) -> None:
        on_their_way = 1 if early else 0
        while self._next <= self.upto and len(self._flights) + on_their_way < self.in_flight:
            batch = self._cut()
            crash_point("upload.before-send")
            self._flights.append(_Flight(batch, self._launch(batch), early))

    def _launch(self, batch: Batch) -> Future[bytes]:
        if self.in_flight > 1:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.in_flight, thread_name_prefix="upload")
            return self._pool.submit(copy_context().run, partial(self._send, batch))
        answer: Future[bytes] = Future()
        answer.set_result(self._send(batch))
        return answer

    def _send(self, batch: Batch) -> bytes:
        began = time.monotonic()
        seqs, size = (batch.seq_from, batch.seq_to), len(batch.blob)
        patience = self.pace.patience(size)
        body = self.session.post(self.door, batch.blob, seqs=seqs, after=batch.after, patience=patience)
        self.pace.sent(size, began, time.monotonic())
        return body

    def _land(self, flight: _Flight) -> int | None:
        """The acked seq; None where what went ahead was refused and goes again."""
        try:
            body = flight.answer.result()
        except Refused as refused:
            if not (flight.early and refused.code in TOO_EARLY):
                raise
            self._start_again(self.replica.acked_seq)
            return None
        crash_point("upload.before-receipt")
        receipts = unpack(UploadAnswer, body).receipts
        acked = accept_receipts(receipts, self.replica.uuid)
        if acked < flight.batch.seq_to:
            _note_event("no-receipt", f"No receipt to believe came for changes up to {flight.batch.seq_to}.")
            raise NoLink("refused", "Central's receipt does not verify; nothing was marked as sent.")
        self._count(flight.batch, receipts)
        return acked

    def _start_again(self, acked: int) -> None:
        for flight in self._flights:
            with suppress(Refused):
                flight.answer.result()
        self._flights.clear()
        self._next = acked + 1

    def _count(self, batch: Batch, receipts: Sequence[bytes]) -> None:
        self.sent += batch.seq_to - batch.seq_from + 1
        self.met_others = self.met_others or any(_met_others(receipt) for receipt in receipts)

    # --- cutting ---

    def _cut(self) -> Batch:
        """About a target's worth of changes. Should they pack worse than those before, fewer of them."""
        changes, size = self._next_changes()
        while True:
            earlier = earlier_seqs(self.replica, changes) if self.replica.is_self else {}
            blob = encode_changes(changes, earlier, level=self.pace.level)
            self.pace.packed(size, len(blob))
            if self.pace.fixed_changes or len(changes) == 1 or self.pace.fits(len(blob)):
                break
            fewer = _cut_between_saves(changes[: max(1, len(changes) * self.pace.target // len(blob))])
            size, changes = size * len(fewer) // len(changes), fewer
        self._next = changes[-1].seq + 1
        before = _chain_head(self.replica, changes[0].seq - 1)
        return Batch(changes[0].seq, changes[-1].seq, blob, (before or b"").hex()[:LINK_DIGITS])

    def _next_changes(self) -> tuple[list[Change], int]:
        """Changes that are likely to fill a batch, cut between saves where one is not too large itself; and
        their size.
        """
        most = self.pace.fixed_changes or MOST_CHANGES
        room = MOST_UNPACKED if self.pace.fixed_changes else min(self.pace.room, MOST_UNPACKED)
        rows = ChangeRow.objects.filter(replica=self.replica, seq__gte=self._next, seq__lte=self.upto)
        taken: list[Change] = []
        size = 0
        for body in rows.order_by("seq")[: most + 1].values_list("body", flat=True).iterator(READ_AT_ONCE):
            if taken and (len(taken) >= most or size + len(body) > room):
                return _cut_between_saves(taken), size
            taken.append(from_canonical(bytes(body)))
            size += len(body)
        return taken, size


def _met_others(envelope: bytes) -> bool:
    """Whether central merged something of ours with what we have not seen: then there is news for us at
    once.
    """
    outcomes = open_receipt(envelope, receipt_keys()).outcomes
    return any(word in ("merged", "conflicted") for word, _count in outcomes)


def _cut_between_saves(changes: list[Change]) -> list[Change]:
    if changes[-1].last:
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
