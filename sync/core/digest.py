"""Digests: proof that two replicas hold the same heads, and where to look when they do not.

Here: the hash of one record's heads, and a table's hashes summed in 256 buckets.

Not here: which records count (unsent, held, quarantined or out of bound ones do not: sync/run.py), nor the
digest that chains changes (protocol.py).

Only what identifies a head counts – field, dot, value. `received`, author and device do not: they may
still be on their way when two replicas already agree.

Read next: protocol.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from uuid import UUID

from sync.core.merge import Head, State, canonical_value

BUCKETS: Final = 256
HASH_BYTES: Final = 16
_MODULUS: Final = 1 << 8 * HASH_BYTES


def record_hash(table: str, record_id: UUID, state: State) -> int:
    fields = [[name, [_identity(head) for head in _in_order(state[name])]] for name in sorted(state)]
    return int.from_bytes(_hash(canonical_value([table, record_id.bytes, fields])))


def _in_order(heads: Sequence[Head]) -> Sequence[Head]:
    return heads if len(heads) == 1 else sorted(heads, key=lambda head: head.write.dot)


def _identity(head: Head) -> list[object]:
    dot = head.write.dot
    return [dot.replica.bytes, dot.seq, head.value]


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=HASH_BYTES).digest()


def bucket_of(record_id: UUID) -> int:
    """By the last byte: the first ones of an id are the time of its save."""
    return record_id.bytes[-1]


class TableDigest:
    """Order does not matter. Hashes are added, not XORed, so that a record counted twice does not vanish."""

    def __init__(self) -> None:
        self._sums = [0] * BUCKETS

    def add(self, record_id: UUID, record_hash: int) -> None:
        bucket = bucket_of(record_id)
        self._sums[bucket] = (self._sums[bucket] + record_hash) % _MODULUS

    def buckets(self) -> list[bytes]:
        return [total.to_bytes(HASH_BYTES) for total in self._sums]

    def root(self) -> bytes:
        return _hash(b"".join(self.buckets()))


def differing(a: Sequence[bytes], b: Sequence[bytes]) -> list[int]:
    """The buckets to list record by record."""
    return [bucket for bucket, (mine, theirs) in enumerate(zip(a, b, strict=True)) if mine != theirs]
