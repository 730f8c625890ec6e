"""Central's signed word: receipts for changes, and answers that only central can have given.

Here: `Receipt` with `sign_receipt`, `open_receipt` and `check_receipt`; `sign_answer` and `open_answer`.

A signature covers a purpose, then the content: a signed answer can never pass for a receipt. An answer is
signed together with the nonce of its question, so neither a captive portal nor yesterday's recording is a
link.

Not here: where keys come from (sync/vault), what a verified receipt moves (sync/upload.py), the bodies of
answers (sync/exchanges.py).

Read next: protocol.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, groupby, pairwise, repeat
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, get_args
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sync.core.changes import pack
from sync.core.merge import LARGEST

Outcome = Literal["applied", "merged", "conflicted", "held", "quarantined", "repeat"]
Keys: TypeAlias = Mapping[str, Ed25519PublicKey]

RECEIPT_VERSION: Final = 1
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_RECEIPT_PURPOSE: Final = b"posta receipt 1\0"
_ANSWER_PURPOSE: Final = b"posta answer 1\0"


class Unproven(Exception):
    """A claim in central's name that is not believed. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BadReceipt(Unproven):
    """malformed, unknown-version, unknown-key, bad-signature; other-node, other-replica, other-content."""


class BadAnswer(Unproven):
    """malformed, unknown-key, bad-signature."""


class Problem(NamedTuple):
    """Why a save is not simply applied. `save` counts the saves of the receipt from 0."""

    save: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the changes `seq_from` to `seq_to`. `outcomes` are runs in the order of the saves.

    `chain_head` is the digest of the change `seq_to`; `previous` the SHA-256 of the receipt before, an audit
    link and no condition; empty in the first.
    """

    key_id: str
    timeline: UUID
    node: UUID
    replica: UUID
    seq_from: int
    seq_to: int
    batch_sha256: bytes
    outcomes: Sequence[tuple[Outcome, int]]
    problems: Sequence[tuple[int, str, str]]
    received: int
    chain_head: bytes
    revocation_version: int
    previous: bytes = b""
    version: int = RECEIPT_VERSION

    def outcome_of_each(self) -> list[Outcome]:
        return list(chain.from_iterable(repeat(outcome, count) for outcome, count in self.outcomes))

    def problem_of(self, save: int) -> Problem | None:
        return next((Problem(*problem) for problem in self.problems if problem[0] == save), None)


def runs_of(outcomes: Iterable[Outcome]) -> tuple[tuple[Outcome, int], ...]:
    return tuple((outcome, len(list(run))) for outcome, run in groupby(outcomes))


def receipt_digest(envelope: bytes) -> bytes:
    """What the next receipt names as `previous`."""
    return sha256(envelope).digest()


# Canonical form

_Id = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Previous = Annotated[bytes, msgspec.Meta(max_length=32)]
_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Sentence = Annotated[str, msgspec.Meta(max_length=2000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Seq = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
_Canonical = tuple[
    int, _Name, _Id, _Id, _Id, _Seq, _Seq, _Hash, list[_Count], list[tuple[_Count, _Name, _Sentence]],
    _Count, _Hash, _Count, _Previous,
]  # fmt: skip
_read_canonical: Final = msgspec.msgpack.Decoder(_Canonical).decode
_read_version: Final = msgspec.msgpack.Decoder(list[Any]).decode
_read_pair: Final = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
_read_triple: Final = msgspec.msgpack.Decoder(tuple[_Name, bytes, bytes]).decode


def canonical_receipt(receipt: Receipt) -> bytes:
    """An outcome run is one number: count × 6 + outcome."""
    return pack(
        (
            receipt.version,
            receipt.key_id,
            receipt.timeline.bytes,
            receipt.node.bytes,
            receipt.replica.bytes,
            receipt.seq_from,
            receipt.seq_to,
            receipt.batch_sha256,
            [count * len(OUTCOMES) + OUTCOMES.index(outcome) for outcome, count in receipt.outcomes],
            list(map(tuple, receipt.problems)),
            receipt.received,
            receipt.chain_head,
            receipt.revocation_version,
            receipt.previous,
        )
    )


def _receipt_in(body: bytes) -> Receipt:
    version, key_id, timeline, node, replica, first, last, batch, *rest = _read_canonical(body)
    runs, problems, received, chain_head, revocation_version, previous = rest
    return Receipt(
        key_id=key_id,
        timeline=UUID(bytes=timeline),
        node=UUID(bytes=node),
        replica=UUID(bytes=replica),
        seq_from=first,
        seq_to=last,
        batch_sha256=batch,
        outcomes=tuple((OUTCOMES[run % len(OUTCOMES)], run // len(OUTCOMES)) for run in runs),
        problems=tuple(Problem(*problem) for problem in problems),
        received=received,
        chain_head=chain_head,
        revocation_version=revocation_version,
        previous=previous,
        version=version,
    )


def _check_whole(receipt: Receipt) -> None:
    """Raises ValueError for a receipt that contradicts itself."""
    runs = [count for _, count in receipt.outcomes]
    saves = sum(runs)
    if receipt.seq_to < receipt.seq_from or not saves <= receipt.seq_to - receipt.seq_from + 1:
        raise ValueError("more saves than changes")
    if min(runs, default=1) < 1 or any(one[0] == two[0] for one, two in pairwise(receipt.outcomes)):
        raise ValueError("outcomes are not in runs")
    if len(receipt.previous) not in (0, 32):
        raise ValueError("previous is not a SHA-256")
    named = [save for save, _, _ in receipt.problems]
    if any(one >= two for one, two in pairwise(named)) or max(named, default=-1) >= saves:
        raise ValueError("a problem of no save")


# Receipts


def sign_receipt(receipt: Receipt, key: Ed25519PrivateKey | bytes) -> bytes:
    """The envelope: msgpack [canonical receipt, signature]. ValueError for what could not be opened again."""
    body = canonical_receipt(receipt)
    try:
        whole = receipt.version == RECEIPT_VERSION and canonical_receipt(_receipt_in(body)) == body
    except msgspec.MsgspecError as error:
        raise ValueError(f"the receipt cannot travel: {error}") from error
    if not whole:
        raise ValueError("the receipt cannot travel")
    _check_whole(receipt)
    return pack((body, _private(key).sign(_RECEIPT_PURPOSE + body)))


def open_receipt(envelope: bytes, keys: Keys) -> Receipt:
    """The receipt, if the key that it names signed it. Raises `BadReceipt`. Whose it is, `check_receipt`
    tells.
    """
    try:
        body, signature = _read_pair(envelope)
        if (version := _read_version(body)[:1]) != [RECEIPT_VERSION]:
            raise BadReceipt("unknown-version", f"A receipt of version {version} is not known here.")
        receipt = _receipt_in(body)
        _check_whole(receipt)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise BadReceipt("malformed", f"This is not a receipt: {error}") from error
    key = keys.get(receipt.key_id)
    if key is None:
        raise BadReceipt("unknown-key", f"The receipt names a key that is not pinned here: {receipt.key_id}.")
    if not _signed(key, signature, _RECEIPT_PURPOSE + body):
        raise BadReceipt("bad-signature", "The receipt's signature is wrong.")
    return receipt


def check_receipt(receipt: Receipt, *, node: UUID, replica: UUID, chain_head: bytes | None) -> None:
    """`chain_head`: our own digest of the change `seq_to`; None when we never made it."""
    if receipt.node != node:
        raise BadReceipt("other-node", "The receipt is another node's.")
    if receipt.replica != replica:
        raise BadReceipt("other-replica", "The receipt is another replica's.")
    if chain_head is None or receipt.chain_head != chain_head:
        raise BadReceipt("other-content", "The receipt is for changes that are not ours.")


# Answers


def sign_answer(nonce: bytes, body: bytes, key_id: str, key: Ed25519PrivateKey | bytes) -> bytes:
    """The envelope: msgpack [key id, body, signature]; `nonce` is the question's."""
    return pack((key_id, body, _private(key).sign(_answer(nonce, key_id, body))))


def open_answer(envelope: bytes, nonce: bytes, keys: Keys) -> bytes:
    """The body, if central has signed it as the answer to `nonce`. Raises `BadAnswer`."""
    try:
        key_id, body, signature = _read_triple(envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadAnswer("malformed", f"This is no answer of central: {error}") from error
    key = keys.get(key_id)
    if key is None:
        raise BadAnswer("unknown-key", f"The answer names a key that is not pinned here: {key_id}.")
    if not _signed(key, signature, _answer(nonce, key_id, body)):
        raise BadAnswer("bad-signature", "The answer is not central's answer to this question.")
    return body


def _answer(nonce: bytes, key_id: str, body: bytes) -> bytes:
    """Each part with its length, or what one part loses the next could gain."""
    return _ANSWER_PURPOSE + pack((nonce, key_id, sha256(body).digest()))


def _private(key: Ed25519PrivateKey | bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key) if isinstance(key, bytes) else key


def _signed(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
