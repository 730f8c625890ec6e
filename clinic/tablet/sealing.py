"""The seal between a tablet and this laptop: HPKE (RFC 9180), which only the laptop opens.

Lives here: the laptop's key pair, what a sealed item is on the wire (`Sealed`), and `opened`, what was
typed. What lies beside the ciphertext in clear (author, tablet, time, ids) is bound into it: changed, it
does not open. The tablet's half is `static/tablet/seal.js`. Not here: whether the author may write
(`policy.py`).
Read next: `docs/adr/0020-sealed-outbox.md`.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from clinic.tablet.models import TabletKey
from clinic.tablet.policy import MOST_FIELDS_BYTES, MOST_SEALED_BYTES
from sync.node import current_node
from sync.vault.keys import key_id_of

SUITE: Final = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
PURPOSE: Final = "posta tablet 1"


class Unreadable(Exception):
    """It does not open: it was changed, or it is no form. `elsewhere`: another laptop's key sealed it."""

    def __init__(self, *, elsewhere: bool = False) -> None:
        super().__init__("elsewhere" if elsewhere else "unreadable")
        self.elsewhere = elsewhere


class Typed(msgspec.Struct, frozen=True):
    """A form as it stood on the page. `number` counts there: a late one cannot pass for a newer one."""

    id: UUID
    number: int
    address: str
    title: str
    fields: str

    def __post_init__(self) -> None:
        if len(self.fields.encode()) > MOST_FIELDS_BYTES or not self.address.startswith("/"):
            raise ValueError("this is no form")


class TypedAndSigned(Typed, frozen=True, rename={"author_pass": "pass"}):
    """The same, with the pass of whoever typed it."""

    author_pass: str = ""


class Sealed(msgspec.Struct, frozen=True):
    """One item as it lies on a tablet."""

    id: UUID
    kind: Literal["save", "draft"]
    author: UUID
    tablet: str
    at: int
    key: str
    sealed: str

    @property
    def sealed_at(self) -> datetime:
        try:
            return datetime.fromtimestamp(self.at / 1000, tz=UTC)
        except (ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(0, tz=UTC)

    def context(self) -> bytes:
        """What is bound to the ciphertext, as the tablet writes it."""
        parts = (PURPOSE, self.kind, str(self.id), str(self.author), self.tablet, str(self.at), self.key)
        return "\n".join(parts).encode()


def present_key() -> TabletKey:
    """The key that tablets seal to now; made at the first use, and remembered by this process."""
    kept = current_node().kept
    if "tablet_key" not in kept:
        kept["tablet_key"] = TabletKey.objects.order_by("-made_at", "-pk").first() or _made()
    key: TabletKey = kept["tablet_key"]
    return key


def change_key() -> TabletKey:
    """A new key from now on. The old ones still open what was sealed to them."""
    current_node().kept.pop("tablet_key", None)
    return _made()


def _made() -> TabletKey:
    pair = generate_private_key(SECP256R1())
    public = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    private = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return TabletKey.objects.create(
        key_id=key_id_of(public), private=private, public=public, made_at=current_node().now()
    )


def public_text(key: TabletKey) -> str:
    """The public half as a page carries it."""
    return urlsafe_b64encode(bytes(key.public)).decode()


def opened(item: Sealed) -> TypedAndSigned:
    """What was typed, and by whose pass."""
    kept = TabletKey.objects.filter(key_id=item.key).first()
    if kept is None:
        raise Unreadable(elsewhere=True)
    pair = load_der_private_key(bytes(kept.private), None)
    if not isinstance(pair, EllipticCurvePrivateKey) or len(item.sealed) > MOST_SEALED_BYTES:
        raise Unreadable
    try:
        plain = SUITE.decrypt(b64decode(item.sealed, validate=True), pair, info=item.context())
        return msgspec.json.decode(plain, type=TypedAndSigned)
    except (InvalidTag, ValueError):
        raise Unreadable from None
