"""The keys of a node, in `POSTA_DATA/keys`, outside the database and its backups.

Lives here: this node's signing key (made on the laptop, never leaves it) and the next one, its pepper, what a
clinic has pinned of central, and central's own receipt key and timeline. Signing keys and pepper lie sealed
where a passphrase opens the node; `seal_secrets` seals what an older program wrote in clear. What is no
secret lies in clear: public keys, what was pinned, the timeline. Not here: the seal (`atrest.py`), the data
key that opens the database (`datakey.py`), TLS certificates (`deploy/certificates.py`), how a key is changed
(`sync/rotation.py`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sync.core.changes import new_save_id
from sync.marks import Marks
from sync.node import current_node
from sync.vault.atrest import is_sealed, kept, opened, sealed
from sync.vault.datakey import is_wrapped
from sync.vault.durable import alone, sync_folder, write_once, write_private

KEY: Final = "node.key"
NEXT_KEY: Final = "node.key.next"
PEPPER: Final = "pepper"
FILES_KEY: Final = "files.key"
SECRET_BYTES: Final = 32
# The next key becomes the key by its name alone, so the two have one purpose.
_SIGNING, _PEPPERING, _FILES = b"signing key", b"pepper", b"key of files"
_SECRETS: Final = {KEY: _SIGNING, NEXT_KEY: _SIGNING, PEPPER: _PEPPERING, FILES_KEY: _FILES}
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


def _own(name: str, make: Callable[[], bytes], purpose: bytes = b"") -> bytes:
    """What this node made for itself at the first question; sealed on its disk where it has a purpose."""
    path = current_node().path("keys", name)
    if not path.exists():
        fresh = make()
        write_once(path, kept(path.parent, purpose, fresh) if purpose else fresh)
    content = path.read_bytes()
    return opened(purpose, content) if purpose else content


def _fresh_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def node_key() -> Ed25519PrivateKey:
    """This node's own key; made at the first use, read again when another process has changed it."""
    node = current_node()
    path = node.path("keys", KEY)
    if not path.exists():
        _own(KEY, _fresh_key, _SIGNING)
    stat = path.stat()
    seen = (stat.st_ino, stat.st_mtime_ns)
    if node.kept.get("node_key_seen") != seen:
        node.kept["node_key"] = Ed25519PrivateKey.from_private_bytes(_own(KEY, _fresh_key, _SIGNING))
        node.kept["node_key_seen"] = seen
    key: Ed25519PrivateKey = node.kept["node_key"]
    return key


def next_key() -> Ed25519PrivateKey:
    """The key that this node changes to: on the disk before central hears of it, the same until taken."""
    return Ed25519PrivateKey.from_private_bytes(_own(NEXT_KEY, _fresh_key, _SIGNING))


def take_next_key() -> None:
    """The next key becomes this node's own, in one step on the disk. Of the one before only the public half
    stays: it verifies the backups that were made with it.
    """
    node = current_node()
    before = node.path("keys", KEYS_BEFORE)
    lines = before.read_text().splitlines() if before.exists() else []
    write_private(before, "\n".join([*lines, public_bytes(node_key()).hex(), ""]).encode())
    with alone(node.path("keys")):
        node.path("keys", NEXT_KEY).replace(node.path("keys", KEY))
        sync_folder(node.path("keys"))


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
    return UUID(bytes=_own("timeline", lambda: new_save_id(node.wall(), node.rng).bytes))


def pepper() -> bytes:
    """The secret that makes this node's password verifiers useless elsewhere. Never in the database, never in
    a backup.
    """
    return _own(PEPPER, _fresh_secret, _PEPPERING)


def files_secret() -> bytes:
    """The secret that files are encrypted with on a node without a data key: central on PostgreSQL."""
    return _own(FILES_KEY, _fresh_secret, _FILES)


def _fresh_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


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


# --- at rest ---------------------------------------------------------------------------------------------


def lying_open(data_dir: Path) -> list[str]:
    """Secrets that lie in clear though a passphrase opens this node. It is asked without the data key."""
    keys = data_dir / "keys"
    if not is_wrapped(keys):
        return []
    marks = Marks(data_dir / "marks")
    found = [path.name for path in _secret_files(keys) if not is_sealed(path.read_bytes())]
    found += ["marks"] if marks.lies_open() else []
    marks.close()
    return found


def _secret_files(keys: Path) -> list[Path]:
    """Each secret, and what a power cut left of one while it was written in clear."""
    cut = {path for name in _SECRETS for path in keys.glob(f".{name}.*")}
    left = [path for path in sorted(cut) if path.stat().st_size == SECRET_BYTES]
    return [*(keys / name for name in _SECRETS if (keys / name).exists()), *left]


def seal_secrets() -> None:
    """Seal what was written in clear before this node had a passphrase, or by an older program.

    Each secret is replaced in one step, so whenever the power goes the one or the other is there and opens.
    """
    node = current_node()
    keys = node.path("keys")
    if not is_wrapped(keys):
        return
    with alone(keys):
        for path in _secret_files(keys):
            content = path.read_bytes()
            if is_sealed(content):
                continue
            if path.name in _SECRETS:
                write_private(path, sealed(_SECRETS[path.name], content))
            else:
                path.unlink()
        sync_folder(keys)
    node.marks.seal()
