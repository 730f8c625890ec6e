"""That a tablet holds the key it says: our challenge, signed by it.

Lives here: making and checking a challenge and a signature (ECDSA, P-256, SHA-256, as WebCrypto writes it).
What is signed names the address that the tablet sees, so that nobody in between passes it on. The
tablet's half is `static/tablet/identity.js`. Not here: what a proof brings (`services.py`).
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.core import signing
from django.http import HttpRequest

from sync.node import current_node

PURPOSE: Final = "posta tablet key 1"
ANSWERED_WITHIN: Final = timedelta(minutes=2)
_SALT: Final = "registry.tablets.challenge"
_POINT: Final = 65
_HALF: Final = 32


def new_challenge() -> str:
    """Something to sign, once and soon. Only this laptop makes it, and only this laptop takes it back."""
    return signing.dumps([secrets.token_urlsafe(16), current_node().wall()], salt=_SALT)


def is_fresh(challenge: str) -> bool:
    """Whether we asked this, within the last two minutes."""
    try:
        _nonce, asked = signing.loads(challenge, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    return abs(current_node().wall() - int(asked)) <= ANSWERED_WITHIN.total_seconds() * 1000


def origin_of(request: HttpRequest) -> str:
    """The address as the tablet sees it."""
    return f"{request.scheme}://{request.get_host().lower()}"


def key_id_of(public: bytes) -> str:
    """A public key's short name, which the tablet works out as well."""
    return urlsafe_b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def point_in(text: str) -> bytes | None:
    """An uncompressed point of the curve from base64; None for anything else."""
    try:
        point = b64decode(text, validate=True)
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        return None
    return point if len(point) == _POINT else None


def is_signed(public: bytes, signature: str, *, challenge: str, origin: str) -> bool:
    """Whether the holder of the key signed this challenge for this address."""
    said = "\n".join((PURPOSE, origin, challenge, key_id_of(public))).encode()
    try:
        raw = b64decode(signature, validate=True)
        if len(raw) != 2 * _HALF:
            return False
        halves = (int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:]))
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
        key.verify(encode_dss_signature(*halves), said, ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True
