"""Walking the chain: is the log what it was when it was written?

Lives here: `verify_chain(replica)`: every change of a replica hashed again from the first digest on,
compared with the stored digests, with the columns beside the body, and with central's signed receipts.
It names the exact place of the first break. `verify_head` does so with the newest changes only, for a look
that nobody waits for. Not here: what is done about one (people; `docs/runbooks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from sync.core.protocol import (
    BadReceipt,
    MalformedBatch,
    chain_digest,
    first_digest,
    from_canonical,
    open_receipt,
)
from sync.ledger.models import Change, Receipt, Replica
from sync.vault.keys import receipt_keys

ROWS_AT_ONCE: Final = 1000
NEWEST: Final = 500
LONGEST_TABLE: Final = Change._meta.get_field("table").max_length  # a longer name of a later version is cut


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain breaks: at this seq, for this reason."""

    seq: int
    code: str
    sentence: str


@dataclass(slots=True)
class Walk:
    """What came of walking one replica's chain."""

    replica: Replica
    changes: int = 0
    receipts: int = 0
    pruned: int = 0
    broken: Break | None = None

    @property
    def holds(self) -> bool:
        return self.broken is None


def verify_log() -> list[Walk]:
    """Every replica that has changes in this log, our own first."""
    rows = Replica.objects.filter(head_seq__gt=0) | Replica.objects.filter(is_self=True)
    logged = Change.objects.values_list("replica", flat=True).distinct()
    rows |= Replica.objects.filter(pk__in=logged)
    return [verify_chain(replica) for replica in rows.order_by("-is_self", "number")]


def verify_chain(replica: Replica) -> Walk:
    """One replica's chain, from its first digest to its head."""
    walk = Walk(replica)
    try:
        heads = dict(_receipted_heads(walk))
        digest = _walk(walk, heads)
        _check_head(walk, digest)
    except _Broken as broken:
        walk.broken = broken.place
    return walk


def verify_head(replica: Replica) -> Walk:
    """The newest changes of a replica, from the stored digest before them to its head."""
    start = max(replica.head_seq - NEWEST, 0)
    walk = Walk(replica, changes=start)
    try:
        before = Change.objects.filter(replica=replica, seq=start).values_list("digest", flat=True).first()
        digest = _beginning(replica) if start == 0 else bytes(before or b"")
        for row in _changes(replica).filter(seq__gt=start):
            digest = _one_more(walk, row, digest)
            walk.changes += 1
        _check_head(walk, digest)
    except _Broken as broken:
        walk.broken = broken.place
    return walk


class _Broken(Exception):
    def __init__(self, seq: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.place = Break(seq, code, sentence)


def _receipted_heads(walk: Walk) -> Iterator[tuple[int, bytes]]:
    """Seq → chain head, as central signed it."""
    keys = receipt_keys()
    rows = Receipt.objects.filter(replica=walk.replica).order_by("seq_from")
    for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
        try:
            receipt = open_receipt(bytes(row.envelope), keys)
        except BadReceipt as error:
            raise _Broken(
                row.seq_to, "bad-receipt", f"The receipt up to change {row.seq_to} does not verify: {error}"
            ) from None
        if receipt.replica != walk.replica.uuid:
            raise _Broken(row.seq_to, "bad-receipt", "This receipt is another replica's.")
        walk.receipts += 1
        yield receipt.seq_to, bytes(receipt.chain_head)


def _walk(walk: Walk, heads: dict[int, bytes]) -> bytes:
    digest = _beginning(walk.replica)
    for row in _changes(walk.replica).iterator(chunk_size=ROWS_AT_ONCE):
        digest = _one_more(walk, row, digest)
        if row.seq in heads and heads[row.seq] != digest:
            raise _Broken(
                row.seq, "not-as-receipted", f"Up to change {row.seq} the log is not what central signed for."
            )
        walk.changes += 1
    if beyond := [seq for seq in heads if seq > walk.changes]:
        raise _Broken(walk.changes + 1, "missing", f"Central has signed for changes up to {max(beyond)}.")
    return digest


def _one_more(walk: Walk, row: Change, digest: bytes) -> bytes:
    """The chain one change further, which must be the next one."""
    seq = walk.changes + 1
    if row.seq != seq:
        raise _Broken(seq, "missing", f"Change {seq} is missing; the next one here is {row.seq}.")
    return _next_digest(walk, row, digest)


def _changes(replica: Replica) -> QuerySet[Change]:
    return Change.objects.filter(replica=replica).order_by("seq")


def _beginning(replica: Replica) -> bytes:
    if replica.follows is None:
        return first_digest(replica.uuid)
    return first_digest(replica.uuid, (replica.follows, bytes(replica.follows_digest or b"")))


def _next_digest(walk: Walk, row: Change, digest: bytes) -> bytes:
    body = bytes(row.body)
    if not body and row.seq <= walk.replica.acked_seq:
        walk.pruned += 1  # content goes after its time, digests stay
        return bytes(row.digest)
    if chain_digest(digest, body) != bytes(row.digest):
        raise _Broken(
            row.seq, "altered", f"Change {row.seq} is not what was written, or the one before it is not."
        )
    try:
        made = from_canonical(body)
    except MalformedBatch as error:
        raise _Broken(row.seq, "unreadable", f"Change {row.seq} cannot be read: {error}") from None
    filed = (row.seq, row.save_id, row.table, row.record_id)
    said = (made.seq, made.save_id, made.table[:LONGEST_TABLE], made.record_id)
    if filed != said or made.replica != walk.replica.uuid:
        raise _Broken(row.seq, "altered", f"Change {row.seq} is filed as something else than what it says.")
    return bytes(row.digest)


def _check_head(walk: Walk, digest: bytes) -> None:
    replica = walk.replica
    if walk.changes != replica.head_seq:
        raise _Broken(
            min(walk.changes, replica.head_seq) + 1,
            "missing" if walk.changes < replica.head_seq else "unknown",
            f"The log ends at change {walk.changes}, but {replica.head_seq} were written.",
        )
    if digest != bytes(replica.head_digest):
        raise _Broken(walk.changes, "head", "The chain does not end where its last digest says.")
