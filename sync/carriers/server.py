"""Central's side of the node-to-node doors, whatever carried the request.

Lives here: `answer(wire)` – authenticate, find the door, render refusals as RFC 9457 – and `endpoint`, by
which a room above adds its own door (numbers, sign-offs). Not here: what the doors do (`sync/hello.py`,
`sync/intake.py`, `sync/feed/pages.py`), Django (`sync/views.py`). Read next: `docs/sync-protocol.md`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from sync.alarms import note
from sync.carriers.signing import REPLY_HEADER, BadSignature, Wire, sign_reply, verify
from sync.core.protocol import MalformedBatch
from sync.credentials import came_from, promote, used
from sync.intake import Fork, Gap
from sync.ledger.models import Replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import PROBLEM_JSON, Problem
from sync.vault.keys import node_key

MSGPACK: Final = "application/vnd.posta+msgpack"
MAX_BODY: Final = 4 << 20
PROVEN_INSIDE: Final = frozenset({"hello", "changes", "tail"})
NONCE_LIFE_MS: Final = 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes
    content_type: str = MSGPACK
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated node, its replica (None where the door is hello and the replica is new), the seqs it
    announced, and the beginning of the digest of the change before them, if it told.
    """

    node: EnrolledNode
    replica_uuid: UUID
    replica: Replica | None
    seqs: tuple[int, int]
    nonce: str
    after: str = ""

    @property
    def live(self) -> Replica:
        if self.replica is None:
            raise refusal("unknown-replica", "Say hello first.", 409)
        return self.replica


Door = Callable[[Caller, bytes], bytes]
_doors: dict[str, Door] = {}
_open_doors: dict[str, Callable[[Wire], bytes]] = {}


def endpoint(name: str) -> Callable[[Door], Door]:
    """Register a door at `/sync/v1/<name>` for authenticated nodes: (caller, body) → body."""

    def register(door: Door) -> Door:
        _doors[name] = door
        return door

    return register


def open_endpoint(name: str) -> Callable[[Callable[[Wire], bytes]], Callable[[Wire], bytes]]:
    """Register a door that authenticates by itself (`join`)."""

    def register(door: Callable[[Wire], bytes]) -> Callable[[Wire], bytes]:
        _open_doors[name] = door
        return door

    return register


def refusal(code: str, title: str, status: int, **extra: Any) -> Problem:
    """A refusal between nodes: for programs first, so it is not translated."""
    return Problem(code, title, status=status, extra=extra)


def answer(wire: Wire) -> Reply:
    """Answer one request. Never raises for what the other side sent."""
    try:
        body = _open_the_door(wire)
        return Reply(200, body, headers=_signed(wire, body))
    except Problem as problem:
        return _refused(problem)
    except MalformedBatch as malformed:
        return _refused(refusal("malformed", str(malformed), 400, reason=malformed.code))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return _refused(refusal("malformed", f"The body cannot be read: {error}", 400, reason="bad-body"))
    except Gap as gap:
        expected = {"expected_seq": gap.expected_seq, "expected_digest": gap.expected_digest.hex()}
        return _refused(refusal("gap", "Earlier changes are missing.", 409, **expected))
    except Fork as fork:
        return _refused(refusal("fork", "This change came before with other content.", 409, seq=fork.seq))


def _signed(wire: Wire, body: bytes) -> dict[str, str]:
    """Central signs what it answers, so that whoever has broken TLS can still feed a clinic nothing. Hello,
    receipts and the welcome carry a proof of their own.
    """
    name = _door_of(wire)
    if name in PROVEN_INSIDE or name in _open_doors:
        return {}
    return {REPLY_HEADER: sign_reply(wire, body, node_key())}


def _door_of(wire: Wire) -> str:
    return wire.url.rstrip("/").rsplit("/", 1)[-1]


def _open_the_door(wire: Wire) -> bytes:
    name = _door_of(wire)
    if not current_node().is_central:
        raise refusal("not-central", "This node is not central.", 404)
    if wire.method != "POST":
        raise refusal("method-not-allowed", "Nodes talk with POST.", 405)
    if len(wire.body) > MAX_BODY:
        raise refusal("too-large", f"A request holds at most {MAX_BODY} bytes.", 413)
    if name in _open_doors:
        return _open_doors[name](wire)
    door = _doors.get(name)
    if door is None:
        raise refusal("not-found", "There is no such door.", 404)
    return door(authenticate(wire, hello=name == "hello"), wire.body)


def _refused(problem: Problem) -> Reply:
    return Reply(problem.status, msgspec.json.encode(problem.document()), PROBLEM_JSON)


def authenticate(wire: Wire, *, hello: bool) -> Caller:
    """Who is calling: an enrolled, unrevoked node with its pinned key, its live replica, and a nonce that
    central gave.
    """
    try:
        node_uuid, replica_uuid = UUID(wire.headers["posta-node"]), UUID(wire.headers["posta-replica"])
        first, last, after = [*wire.headers["posta-seq"].split("-", 2), ""][:3]
        seqs = int(first), int(last)
    except (KeyError, ValueError):
        raise refusal("bad-signature", "The request does not name its sender.", 401) from None
    node = EnrolledNode.objects.filter(uuid=node_uuid, joined_at__isnull=False).first()
    if node is None:
        raise refusal("bad-signature", "The request is not signed by a known node.", 401)
    nonce = _verified_nonce(wire, node)
    if node.revoked_at is not None:
        note("revoked-node", "A node that was revoked asked again, with its true key.", node.uuid)
        raise refusal("revoked", "This node may no longer sync.", 403)
    replica = Replica.objects.filter(uuid=replica_uuid).first()
    if replica is not None and replica.node_uuid != node_uuid:
        note("foreign-replica", "A request came in the name of another node's replica.", node_uuid)
        raise refusal("bad-signature", "The replica is not this node's.", 401)
    came_from(node, wire.address)
    if not hello:
        token = _check_nonce(nonce, node_uuid, replica_uuid, replica)
        if replica is not None and replica.standing != Replica.Standing.LIVE:
            raise refusal("fenced", "Another copy of this node's database is the live one.", 409)
        if replica is not None:
            used(node, replica, token)
    return Caller(node, replica_uuid, replica, seqs, nonce, after)


def _verified_nonce(wire: Wire, node: EnrolledNode) -> str:
    try:
        return _verified(wire, node)
    except BadSignature as error:
        SecurityEvent.objects.create(
            at=current_node().wall(), code="bad-signature", node_uuid=node.uuid, sentence=str(error)[:300]
        )
        code = "future-dated" if "future" in str(error) else "bad-signature"
        raise refusal(code, f"The signature does not hold: {error}", 401) from error


def _verified(wire: Wire, node: EnrolledNode) -> str:
    """By the pinned key; or by the one that it is to be replaced with, whose first use ends the old one."""
    try:
        return verify(wire, bytes(node.public_key))
    except BadSignature:
        if not node.next_key:
            raise
        nonce = verify(wire, bytes(node.next_key))
    promote(node)
    return nonce


def make_nonce(node: UUID, replica: UUID, token: str) -> str:
    """A nonce to sign with until the next hello but one: central's time and a MAC, so that nothing has to be
    kept for it. It dies with the token it came with, so a copy of the laptop that hello would fence cannot
    write with a nonce that it has inherited.
    """
    at = f"{current_node().wall():x}"
    return f"{at}.{_nonce_mac(at, node, replica, token)}"


def _nonce_mac(at: str, node: UUID, replica: UUID, token: str) -> str:
    key = hashlib.blake2b(node_key().private_bytes_raw(), person=b"posta-nonce").digest()
    said = at.encode() + node.bytes + replica.bytes + token.encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:20]


def _check_nonce(nonce: str, node: UUID, replica: UUID, known: Replica | None) -> str:
    """Answers the token that the nonce was given with."""
    at, _, mac = nonce.partition(".")
    try:
        age = current_node().wall() - int(at, 16)
    except ValueError:
        age = NONCE_LIFE_MS + 1
    tokens = {known.token, known.token_before} - {""} if known else set()
    ours = [token for token in tokens if hmac.compare_digest(mac, _nonce_mac(at, node, replica, token))]
    if not ours or not -60_000 <= age <= NONCE_LIFE_MS:
        raise refusal("stale-nonce", "Say hello again.", 401)
    return ours[0]
