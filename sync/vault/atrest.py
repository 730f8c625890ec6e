"""Secrets beside the database, as they lie on a disk that somebody may carry off.

Lives here: `sealed`, `opened` and `kept`. On a node whose data key a passphrase opens, a secret lies under a
key that follows from the data key (HKDF, one label for each purpose), in AES-256-GCM: without the passphrase
it opens no more than the database does. A node whose database has no key of ours (PostgreSQL) has nothing to
seal with: its secrets lie in clear, and its disk is its server's to encrypt. What was written in clear before
there was a passphrase is read all the same until `keys.py::seal_secrets` has been there. Not here: which
secrets there are (`keys.py`, `sync/marks.py`).
See docs/adr/0033-secrets-at-rest.md.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.problems import Problem
from sync.vault.datakey import data_key, is_wrapped

MAGIC: Final = b"POSTAR1\0"
_LABEL: Final = b"posta at rest 1 "
_NONCE: Final = 12


def is_sealed(content: bytes) -> bool:
    return content.startswith(MAGIC)


def kept(keys: Path, purpose: bytes, secret: bytes) -> bytes:
    """A secret as the node of this directory of keys keeps it on its disk."""
    return sealed(purpose, secret) if is_wrapped(keys) else secret


def sealed(purpose: bytes, secret: bytes) -> bytes:
    """A secret that only the data key opens, and only for this purpose."""
    nonce = secrets.token_bytes(_NONCE)
    return MAGIC + nonce + _cipher(purpose).encrypt(nonce, secret, purpose)


def opened(purpose: bytes, content: bytes) -> bytes:
    """The secret. Raises a `Problem` where the node is locked, and where another data key sealed it."""
    if not is_sealed(content):
        return content
    nonce, closed = content[len(MAGIC) :][:_NONCE], content[len(MAGIC) + _NONCE :]
    try:
        return _cipher(purpose).decrypt(nonce, closed, purpose)
    except (InvalidTag, ValueError):
        raise Problem(
            "wrong-data-key",
            f"This node's data key does not open its {purpose.decode()}.",
            detail="Its keys were replaced, or a file is damaged. Nothing was changed.",
            status=503,
        ) from None


def _cipher(purpose: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, _LABEL + purpose).derive(data_key()))
