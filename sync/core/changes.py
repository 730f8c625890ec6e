"""A change, its one canonical form, and the ids and digests that follow from it.

Here: `Change`, `canonical`, the digest chain, ids of saves and of the records they create.

Not here: how changes travel (batch.py), what a change does to a record (merge.py).

Read next: wire.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from sync.core.merge import LARGEST, Dot, Past, Value, Write
from sync.core.wire import MalformedBatch, malformed_as

CANONICAL_FORM: Final = 1
DEEPEST: Final = 32
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**64 - 1
_UUID7: Final = 0x7 << 76 | 0b10 << 62
_UUID8: Final = 0x8 << 76 | 0b10 << 62
_RANDOM_MASK: Final = ~(0xF << 76 | 0b11 << 62)
_LOW_80: Final = (1 << 80) - 1

pack: Final = msgspec.msgpack.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Change:
    """One record's part of a save. `last` marks the change that completes the save."""

    replica: UUID
    seq: int
    save_id: UUID
    ordinal: int
    last: bool
    table: str
    record_id: UUID
    stamp: int
    author: UUID | None
    device: str
    clock_offset_ms: int
    schema: int
    past: Past
    fields: dict[str, Value]

    @property
    def dot(self) -> Dot:
        return Dot(self.replica, self.seq)

    @property
    def creates(self) -> bool:
        """The record's id follows from the save: this change made it."""
        return self.record_id == derive_id(self.save_id, self.ordinal)

    def write(self, received: int | None = None) -> Write:
        return Write(
            dot=Dot(self.replica, self.seq),
            past=self.past,
            stamp=self.stamp,
            received=received,
            author=self.author,
            device=self.device,
            clock_offset_ms=self.clock_offset_ms,
        )


# Ids


def new_save_id(now_ms: int, rng: random.Random) -> UUID:
    """A UUIDv7: its first 48 bits are the milliseconds."""
    return UUID(int=now_ms % (1 << 48) << 80 | rng.getrandbits(80) & _RANDOM_MASK | _UUID7)


@lru_cache(maxsize=8192)
def derive_id(save_id: UUID, ordinal: int) -> UUID:
    """The id of the record that a save's change creates: it need not travel, and a retry makes it again."""
    hashed = int.from_bytes(sha256(save_id.bytes + ordinal.to_bytes(4)).digest()[:10])
    return UUID(int=save_id.int & ~_LOW_80 | hashed & _RANDOM_MASK | _UUID8)


# Canonical form and chain


def canonical(change: Change) -> bytes:
    """Equal bytes exactly for equal changes: an array in a fixed order, keys sorted, ids as 16 bytes."""
    past = change.past
    return pack(
        (
            CANONICAL_FORM,
            change.replica.bytes,
            change.seq,
            change.save_id.bytes,
            change.ordinal,
            change.last,
            change.table,
            change.record_id.bytes,
            change.stamp,
            None if change.author is None else change.author.bytes,
            change.device,
            change.clock_offset_ms,
            change.schema,
            [(replica.bytes, seq) for replica, seq in sorted(past.highest.items())],
            [(replica.bytes, seq) for replica, seq in sorted(past.also)],
            change.fields,
        )
    )


_Id = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Seq = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
_Stamp = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Small = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Offset = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
_Dots = list[tuple[_Id, _Seq]]
_Canonical = tuple[
    int, _Id, _Seq, _Id, _Small, bool, str, _Id, _Stamp, _Id | None, str, _Offset, _Small, _Dots, _Dots,
    dict[str, Any],
]  # fmt: skip
_read_canonical: Final = msgspec.msgpack.Decoder(_Canonical).decode


def from_canonical(body: bytes) -> Change:
    """The exact inverse of `canonical`. Any other bytes, even of the same meaning, raise `MalformedBatch`."""
    with malformed_as("bad-canonical"):
        form, replica, seq, save_id, ordinal, last, table, record_id, stamp, author, *rest = _read_canonical(
            body
        )
        device, offset, schema, highest, also, fields = rest
        for value in fields.values():
            check_value(value)
        change = Change(
            replica=UUID(bytes=replica),
            seq=seq,
            save_id=UUID(bytes=save_id),
            ordinal=ordinal,
            last=last,
            table=table,
            record_id=UUID(bytes=record_id),
            stamp=stamp,
            author=None if author is None else UUID(bytes=author),
            device=device,
            clock_offset_ms=offset,
            schema=schema,
            past=Past(
                {UUID(bytes=one): top for one, top in highest},
                frozenset(Dot(UUID(bytes=one), at) for one, at in also),
            ),
            fields=fields,
        )
        if form == CANONICAL_FORM and canonical(change) == body:
            return change
    raise MalformedBatch("bad-canonical", "The change is not in its one canonical form.")


def first_digest(replica: UUID, closed: tuple[UUID, bytes] | None = None) -> bytes:
    """Where a chain starts; a restored replica's starts from the one that it closed: (replica, final
    digest).
    """
    if closed is None:
        return sha256(replica.bytes).digest()
    before, final_digest = closed
    return sha256(replica.bytes + before.bytes + final_digest).digest()


def chain_digest(previous: bytes, body: bytes) -> bytes:
    return sha256(previous + body).digest()


# Values


def check_value(value: Value, depth: int = 0) -> None:
    """Raises ValueError on what is no wire value: another type, a key that is not text, a number past 64
    bits.
    """
    kind = type(value)
    if kind is str or kind is bool or kind is bytes or kind is float or value is None:
        return
    if isinstance(value, int) and kind is int:
        if not _LOWEST <= value <= _HIGHEST:
            raise ValueError("a number is beyond 64 bits")
        return
    if kind is not list and kind is not dict:
        raise ValueError(f"{kind.__name__} is not a wire value")
    if depth == DEEPEST:
        raise ValueError("a value is nested too deeply")
    _check_parts(value, depth + 1)


def _check_parts(value: Value, depth: int) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            if type(key) is not str:
                raise ValueError("a key is not text")
            check_value(part, depth)
    elif isinstance(value, list):
        for part in value:
            check_value(part, depth)
