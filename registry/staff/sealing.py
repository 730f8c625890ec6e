"""What lies encrypted in this node's database: the database alone opens none of it.

Lives here: AES-GCM under a key that follows from the node's pepper, which is neither in the database nor in
its backups. `context` says what a secret is for, and keeps one from being read as another. Not here: what is
sealed to another node (`sync/vault/envelope.py`).
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.vault.keys import pepper

_NONCE: Final = 12


def sealed(secret: bytes, context: bytes) -> bytes:
    """Encrypt for this node's own database."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher(context).encrypt(nonce, secret, context)


def unsealed(content: bytes, context: bytes) -> bytes | None:
    """What was sealed here; None where it was not, or where the pepper is another since."""
    try:
        return _cipher(context).decrypt(content[:_NONCE], content[_NONCE:], context)
    except InvalidTag:
        return None


def _cipher(context: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=context).derive(pepper()))
