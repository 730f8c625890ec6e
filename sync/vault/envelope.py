"""What only one node may read: sealed to the key that it signs with.

Lives here: `seal_to` and `opened`. The seal is age's for `ssh-ed25519` keys, so the Ed25519 keys that nodes
have pinned of each other suffice and no second key has to be told. It hides; it does not say who sealed:
what matters is bound in the content, and the request around it is signed. Not here: the keys themselves
(`keys.py`), the seal of a joining code (`sync/joining.py`).
"""

from __future__ import annotations

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sync.vault.keys import node_key


class Unopened(Exception):
    """It was not sealed to this node, or it was changed."""


def seal_to(public_key: Ed25519PublicKey, content: bytes) -> bytes:
    """Hide content from everybody but the holder of this key."""
    line = public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    sealed: bytes = pyrage.encrypt(content, [pyrage.ssh.Recipient.from_str(line)])
    return sealed


def opened(sealed: bytes) -> bytes:
    """What was sealed to this node. Raises `Unopened`."""
    key = node_key().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    try:
        content: bytes = pyrage.decrypt(sealed, [pyrage.ssh.Identity.from_buffer(key)])
    except pyrage.DecryptError:
        raise Unopened from None
    return content
