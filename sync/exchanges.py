"""What nodes say to each other besides changes and pages: the bodies of hello, join, upload answers, pages
requests and digests.

Lives here: msgspec structures, encoded as msgpack arrays (a field may be added at the end; a reader ignores
what it does not know and fills in what is missing). Not here: changes, pages and receipts
(`sync/core/protocol.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

Id = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Digest = Annotated[bytes, msgspec.Meta(max_length=32)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Name = Annotated[str, msgspec.Meta(max_length=80)]
Anchor = Annotated[bytes, msgspec.Meta(max_length=16)]
Lane = Annotated[int, msgspec.Meta(ge=0, le=32_767)]
Message = TypeVar("Message", bound="Body")

FIRST_PROTOCOL = LAST_PROTOCOL = 1


class Body(msgspec.Struct, array_like=True, omit_defaults=True, kw_only=False):
    """A message body."""

    def pack(self) -> bytes:
        return msgspec.msgpack.encode(self)


def unpack(kind: type[Message], body: bytes) -> Message:
    """Strictly decode a body; raises `msgspec.DecodeError` (or its subclass `ValidationError`)."""
    return msgspec.msgpack.decode(body, type=kind)


class HelloRequest(Body):
    """A clinic says who it is and how far it is. `token` is the one central gave last; `follows` the replica
    that this one replaces after a restore; `batch` the first changes it has to send, where nothing speaks
    against it.
    """

    protocol: int
    nonce: Anchor
    token: Name
    head_seq: Count
    head_digest: Digest
    acked_seq: Count
    cursors: dict[Name, tuple[Count, Anchor]]
    numbers_left: int = 0
    backlog: int = 0
    software: Name = ""
    clock_ms: int = 0
    follows: tuple[Id, Count, Digest] | None = None
    known_names: Count = 0
    batch: Annotated[bytes, msgspec.Meta(max_length=2 << 20)] = b""


class Standing(Body):
    """One save that central keeps aside, of this replica or of one before it."""

    save_id: Id
    seq_from: Count
    seq_to: Count
    state: Name
    code: Name
    sentence: Annotated[str, msgspec.Meta(max_length=2000)]
    replica: Annotated[bytes, msgspec.Meta(max_length=16)] = b""


class HelloAnswer(Body):
    """Central's word. After a restore, `tails` say what central expects next of the replicas before. `nonce`
    echoes the clinic's, `run_nonce` signs the rest of the run; `gates` are the bounds of the run,
    those of `lane`.
    """

    protocols: tuple[int, int]
    nonce: Anchor
    run_nonce: Name
    now_ms: int
    now_stamp: int
    central_replica: Id
    timeline: Id
    token: Name
    expected_seq: Count
    expected_digest: Digest
    gates: dict[Name, tuple[Count, Count, Anchor]]
    receipts: list[bytes] = []
    asides: list[Standing] = []
    fenced: Name = ""
    unknown_anchors: list[Name] = []
    revocation_version: Count = 0
    names: dict[Id, Name] = {}
    more_asides: bool = False
    tails: dict[Id, tuple[Count, Digest]] = {}
    lane: Lane = 0


class UploadAnswer(Body):
    """The receipts that cover a batch."""

    receipts: list[bytes]


class GatesRequest(Body):
    """Where do the gates of a lane stand?"""

    lane: Lane = 0


class GatesAnswer(Body):
    """Every table's gate in that lane: position, time of the last change in ms, anchor."""

    gates: dict[Name, tuple[Count, Count, Anchor]]
    lane: Lane = 0


class PagesRequest(Body):
    """The next page after these cursors, up to these bounds (table → position, anchor), of one lane."""

    cursors: dict[Name, Count]
    bounds: dict[Name, tuple[Count, Anchor]]
    most_bytes: Annotated[int, msgspec.Meta(ge=1_000, le=2_000_000)] = 200_000
    level: Annotated[int, msgspec.Meta(ge=1, le=19)] = 9
    lane: Lane = 0


class PagesAnswer(Body):
    """One page: the packed records, where each cursor may move, and whether there is more."""

    page: bytes
    moved: dict[Name, tuple[Count, Anchor]]
    more: bool
    count: Count


class DigestQuestion(Body):
    """One table: how far the clinic has downloaded, which ids it does not vouch for (unsent, aside), and its
    digest over the others.
    """

    table: Name
    position: Count
    ignored: list[Id]
    buckets: bool = False
    listed: dict[int, list[tuple[Id, Digest]]] = {}


class DigestRequest(Body):
    """Compare these tables. `followed`: what was followed later has not been back-filled yet."""

    tables: list[DigestQuestion]
    followed: Count = 0


class DigestFinding(Body):
    """Central's view of one table. `moved` are ids past the clinic's position; `wrong` are records that
    differ, as they are at central.
    """

    table: Name
    root: Digest
    moved: list[Id] = []
    buckets: list[Digest] = []
    page: bytes = b""
    extra: list[Id] = []


class DigestAnswer(Body):
    """Findings, table by table."""

    tables: list[DigestFinding]


class JoinRequest(Body):
    """A new clinic server asks to join. `proof` = HMAC-SHA256 over the other fields with the key that follows
    from the one-time code.
    """

    code_id: Digest
    node_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    replica: Id
    pepper: Annotated[bytes, msgspec.Meta(max_length=64)]
    software: Name
    proof: Digest


class JoinAnswer(Body):
    """Central's answer: who the node is now and what it pins. `content` is a `Welcome`; `proof` is its HMAC
    with the code's key.
    """

    content: bytes
    proof: Digest


class Welcome(Body):
    """What a node pins at enrolment, and what it needs to work at once without central."""

    node: Id
    name: Name
    facilities: list[Name]
    central_replica: Id
    timeline: Id
    key_id: Name
    receipt_key: bytes
    ca_pem: bytes
    extras: dict[Name, Any] = {}
