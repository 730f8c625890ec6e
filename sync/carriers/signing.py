"""RFC 9421 signatures on requests between nodes, Ed25519, with the covered components pinned.

Lives here: `Wire` (a request as it is signed), `sign` and `verify`; `sign_reply` and `is_reply` for answers.
Covered are method, path, content digest, node, replica and seq range; the server's nonce is a signature
parameter, so freshness does not depend on anybody's clock: `created` is taken from central's time as hello
gave it, and its age is not judged.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature as InvalidSignatureBytes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException, InvalidSignature

from sync.node import current_node

COMPONENTS: Final = ("@method", "@path", "content-digest", "posta-node", "posta-replica", "posta-seq")
LABEL: Final = "p"
AHEAD_MS: Final = 5_000
REPLY_HEADER: Final = "posta-signature"


class BadSignature(Exception):
    """The request is not signed as it must be by the node that it names."""


@dataclass(slots=True)
class Wire:
    """A request between nodes. `url` is absolute; only its path is signed. `address`: where it came from."""

    method: str
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    address: str = ""


class _Keys(HTTPSignatureKeyResolver):
    def __init__(
        self, private: Ed25519PrivateKey | None = None, public: Ed25519PublicKey | None = None
    ) -> None:
        self._private, self._public = private, public

    def resolve_private_key(self, key_id: str) -> Any:
        return self._private

    def resolve_public_key(self, key_id: str) -> Any:
        return self._public


def sign(
    wire: Wire,
    key: Ed25519PrivateKey,
    *,
    node: UUID,
    replica: UUID,
    nonce: str,
    created_ms: int,
    seqs: tuple[int, int] = (0, 0),
    after: str = "",
) -> None:
    """Add the headers that name the sender and sign the request in place. `after` is the beginning of the
    digest of the change that a batch follows.
    """
    wire.headers["posta-node"] = node.hex
    wire.headers["posta-replica"] = replica.hex
    wire.headers["posta-seq"] = f"{seqs[0]}-{seqs[1]}" + (f"-{after}" if after else "")
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(private=key))
    signer.sign(
        wire,
        key_id="n",
        created=datetime.fromtimestamp(created_ms / 1000, tz=UTC),
        nonce=nonce,
        label=LABEL,
        include_alg=False,
        covered_component_ids=COMPONENTS,
        body=wire.body,
    )


def sign_reply(wire: Wire, body: bytes, key: Ed25519PrivateKey) -> str:
    """Central's word that this body answers that request; the value of `REPLY_HEADER`."""
    return urlsafe_b64encode(key.sign(_reply_base(wire, body))).decode()


def is_reply(wire: Wire, body: bytes, told: str, keys: Iterable[Ed25519PublicKey]) -> bool:
    """Whether one of these keys signed this body as the answer to that request."""
    try:
        signature = urlsafe_b64decode(told)
    except ValueError:
        return False
    for key in keys:
        with suppress(InvalidSignatureBytes):
            key.verify(signature, _reply_base(wire, body))
            return True
    return False


def _reply_base(wire: Wire, body: bytes) -> bytes:
    """The request is named by its own signature, which covers the nonce and what was asked."""
    asked = {name.lower(): value for name, value in wire.headers.items()}.get("signature", "")
    return b"posta reply 1\0" + sha256(asked.encode()).digest() + sha256(body).digest()


class _Verifier(HTTPMessageVerifier):
    """Judges `created` by the node's clock, which is the one that hello told."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        created = sig_input.params.get("created")
        if type(created) is not int or "expires" in sig_input.params:
            raise InvalidSignature("The signature is not dated as nodes date theirs.")
        if created * 1000 > current_node().wall() + AHEAD_MS:
            raise InvalidSignature("The signature is dated in the future.")


def verify(wire: Wire, public_key: bytes) -> str:
    """Check the signature and the content digest; answers the nonce. Raises `BadSignature`."""
    verifier = _Verifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=_Keys(public=Ed25519PublicKey.from_public_bytes(public_key)),
    )
    try:
        results = verifier.verify(wire, max_age=None, require_components=COMPONENTS, body=wire.body)
    except (HTTPMessageSignaturesException, ValueError, KeyError) as error:
        raise BadSignature(str(error)) from error
    return str(results[0].parameters.get("nonce", ""))
