"""The keys of a node, in `POSTA_DATA/keys`, outside the database and its backups.

Lives here: this node's signing key (made on the laptop, never leaves it) and the next one, what a clinic has
pinned of central, and central's own receipt key and timeline. Not here: the data key that opens the database
(`datakey.py`), TLS certificates (`deploy/certificates.py`), how a key is changed (`sync/rotation.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sync.core.changes import new_save_id
from sync.node import Node, current_node

KEY: Final = "node.key"
NEXT_KEY: Final = "node.key.next"
KEYS_BEFORE: Final = "node.keys.before"


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a clinic knows of central since it joined, and who it is itself."""

    url: str
    node: str
    node_name: str
    facilities: list[str]
    central_replica: str
    timeline: str
    key_id: str
    receipt_key: str
    ca_file: str = ""


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner only, durable before it returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _kept(name: str, make: bytes, node: Node) -> bytes:
    path = node.path("keys", name)
    if not path.exists():
        write_private(path, make)
    return path.read_bytes()


def node_key() -> Ed25519PrivateKey:
    """This node's own key; made at the first use, read again when another process has changed it."""
    node = current_node()
    path = node.path("keys", KEY)
    if not path.exists():
        write_private(path, Ed25519PrivateKey.generate().private_bytes_raw())
    stat = path.stat()
    seen = (stat.st_ino, stat.st_mtime_ns)
    if node.kept.get("node_key_seen") != seen:
        node.kept["node_key"] = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        node.kept["node_key_seen"] = seen
    key: Ed25519PrivateKey = node.kept["node_key"]
    return key


def next_key() -> Ed25519PrivateKey:
    """The key that this node changes to: on the disk before central hears of it, the same until taken."""
    fresh = Ed25519PrivateKey.generate().private_bytes_raw()
    return Ed25519PrivateKey.from_private_bytes(_kept(NEXT_KEY, fresh, current_node()))


def take_next_key() -> None:
    """The next key becomes this node's own, in one step on the disk. Of the one before only the public half
    stays: it verifies the backups that were made with it.
    """
    node = current_node()
    before = node.path("keys", KEYS_BEFORE)
    lines = before.read_text().splitlines() if before.exists() else []
    write_private(before, "\n".join([*lines, public_bytes(node_key()).hex(), ""]).encode())
    node.path("keys", NEXT_KEY).replace(node.path("keys", KEY))
    _sync_folder(node.path("keys"))


def own_public_keys() -> set[bytes]:
    """The public halves of this node's key and of those it had before."""
    before = current_node().path("keys", KEYS_BEFORE)
    lines = before.read_text().splitlines() if before.exists() else []
    return {public_bytes(node_key()), *map(bytes.fromhex, lines)}


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id_of(public: bytes) -> str:
    """Eight bytes of the key's hash, as hex: enough to choose among a handful of keys."""
    return hashlib.sha256(public).hexdigest()[:16]


def timeline() -> UUID:
    """Central's timeline, a UUIDv7: a later one is greater; a new one begins when central itself is put
    back.
    """
    node = current_node()
    return UUID(bytes=_kept("timeline", new_save_id(node.wall(), node.rng).bytes, node))


def pepper() -> bytes:
    """The secret that makes this node's password verifiers useless elsewhere. Never in the database, never in
    a backup.
    """
    return _kept("pepper", secrets.token_bytes(32), current_node())


def files_secret() -> bytes:
    """The secret that files are encrypted with on a node without a data key: central on PostgreSQL."""
    return _kept("files.key", secrets.token_bytes(32), current_node())


def pinned() -> Pinned | None:
    """What this clinic has pinned of central; None before it joined."""
    node = current_node()
    if "pinned" not in node.kept:
        path = node.path("keys", "central.json")
        if not path.exists():
            return None
        node.kept["pinned"] = Pinned(**json.loads(path.read_text()))
        node.kept["central_replica"] = UUID(node.kept["pinned"].central_replica)
        node.name = node.kept["pinned"].node_name
    found: Pinned = node.kept["pinned"]
    return found


def pin(known: Pinned) -> None:
    """Pin central. From here on only its key is believed."""
    node = current_node()
    write_private(node.path("keys", "central.json"), json.dumps(asdict(known), indent=1).encode())
    node.kept.pop("pinned", None)
    pinned()


def receipt_keys() -> dict[str, Ed25519PublicKey]:
    """The keys whose receipts this node believes, by key id."""
    if current_node().is_central:
        public = public_bytes(node_key())
        return {key_id_of(public): Ed25519PublicKey.from_public_bytes(public)}
    known = pinned()
    if known is None:
        return {}
    return {known.key_id: Ed25519PublicKey.from_public_bytes(bytes.fromhex(known.receipt_key))}
