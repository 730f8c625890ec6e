"""Passwords and what is kept instead of them.

Lives here, pure: central's Argon2id hash of a password, and the verifier for one node that central makes
*from that hash*, without the plain password. With A = Argon2id(password, salt), a node gets V =
HMAC-SHA256(the node's pepper, A): it can check a typed password, but neither its database nor a backup of it
gives A away, and another node's pepper does not fit. Not here: rows and settings (`credentials.py`), the
log-in itself (`backends.py`).
Read next: `credentials.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from argon2.low_level import Type, hash_secret_raw

SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32
PEPPER_BYTES: Final = 32
LONGEST_PASSWORD: Final = 1024
_CONTEXT: Final = b"posta node verifier 1\0"

# One hashing takes 64 MiB and a core; a laptop that serves a clinic does no more than two at a time.
_at_once = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id parameters; memory in KiB."""

    time: int = 3
    memory: int = 65536
    parallelism: int = 1


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """Central's own: never leaves central."""

    salt: bytes
    cost: Cost
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeVerifier:
    """What one node may hold. Useless without that node's pepper."""

    salt: bytes
    cost: Cost
    digest: bytes = field(repr=False)


def _argon2(password: str, salt: bytes, cost: Cost) -> bytes:
    # The same password typed on two keyboards may differ in composition, never in its NFKC form.
    secret = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")[:LONGEST_PASSWORD]
    with _at_once:
        return hash_secret_raw(secret, salt, cost.time, cost.memory, cost.parallelism, DIGEST_BYTES, Type.ID)


def hash_password(password: str, cost: Cost, salt: bytes | None = None) -> PasswordHash:
    """Central's hash of a password under a fresh salt."""
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD // 2:
        raise ValueError("the password is too long")
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return PasswordHash(salt, cost, _argon2(password, salt, cost))


def verify_password(password: str, kept: PasswordHash) -> bool:
    """Central's check, in constant time."""
    return hmac.compare_digest(_argon2(password, kept.salt, kept.cost), kept.digest)


def new_pepper() -> bytes:
    """A node's secret, kept outside its database and its backups."""
    return secrets.token_bytes(PEPPER_BYTES)


def _peppered(digest: bytes, pepper: bytes) -> bytes:
    if len(pepper) != PEPPER_BYTES:
        raise ValueError("a pepper is 32 bytes")
    return hmac.new(pepper, _CONTEXT + digest, hashlib.sha256).digest()


def node_verifier(kept: PasswordHash, pepper: bytes) -> NodeVerifier:
    """Made by central for one node, without the plain password."""
    return NodeVerifier(kept.salt, kept.cost, _peppered(kept.digest, pepper))


def check_node_verifier(password: str, kept: NodeVerifier, pepper: bytes) -> bool:
    """The clinic's check, in constant time."""
    digest = _argon2(password, kept.salt, kept.cost)
    return hmac.compare_digest(_peppered(digest, pepper), kept.digest)


def spend_as_much(password: str, cost: Cost) -> None:
    """Do the work of a check for a name that does not exist, so that the answer takes as long."""
    _argon2(password, bytes(SALT_BYTES), cost)
