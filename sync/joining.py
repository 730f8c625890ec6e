"""The one conversation that nobody has signed for yet: what follows from a joining code.

Lives here: the code itself (how it looks, how it may be typed), the keys, proofs and seals that both
sides derive from it, and the single request that is sent without trusting TLS. Not here: what the two
sides tell each other (`sync/enrolment.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from typing import Final

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.translation import gettext_lazy as _

from sync.carriers.http import CONNECT_SECONDS, LinkBroke
from sync.carriers.server import MSGPACK, Reply
from sync.carriers.signing import Wire
from sync.exchanges import JoinRequest
from sync.node import current_node
from sync.problems import Problem

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that reads like something else
GROUPS, GROUP_LETTERS = 4, 4  # 16 letters of 5 bits: 80 bits
NONCE_BYTES: Final = 12
PATIENCE_S: Final = 60.0
_LOOKALIKES: Final = str.maketrans("OIL", "011")


def mint_code() -> str:
    """A fresh code, in groups."""
    rng = current_node().rng
    return _grouped("".join(rng.choice(LETTERS) for _ in range(GROUPS * GROUP_LETTERS)))


def plain_code(typed: str) -> str:
    """A code as it was shown, however it was typed. Raises a `Problem` where no code looks like this."""
    letters = "".join(typed.upper().split()).replace("-", "").translate(_LOOKALIKES)
    if len(letters) != GROUPS * GROUP_LETTERS or set(letters) - set(LETTERS):
        raise Problem(
            "bad-code",
            _("This is not a joining code."),
            detail=_("A code has four groups of four letters and digits; read it again from central's page."),
        )
    return _grouped(letters)


def _grouped(letters: str) -> str:
    return "-".join(letters[at : at + GROUP_LETTERS] for at in range(0, len(letters), GROUP_LETTERS))


def code_key(code: str) -> bytes:
    """The key that both sides prove and seal with; all that central keeps."""
    return hashlib.sha256(b"posta-join" + code.encode()).digest()


def code_id(code: str) -> bytes:
    """What names a code without giving it away."""
    return hashlib.sha256(b"posta-join-id" + code.encode()).digest()[:8]


def proof_of(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def request_proof(key: bytes, ask: JoinRequest) -> bytes:
    """Proof over everything that a request says."""
    return proof_of(key, ask.node_key + ask.replica + ask.pepper + ask.software.encode())


def seal(key: bytes, purpose: bytes, content: bytes) -> bytes:
    """Hide content from whoever sits between two sides that do not know each other's certificates yet."""
    nonce = current_node().rng.randbytes(NONCE_BYTES)
    return nonce + _sealing(key, purpose).encrypt(nonce, content, purpose)


def unseal(key: bytes, purpose: bytes, sealed: bytes) -> bytes:
    """The content; raises `InvalidTag` for what the code's holder did not seal."""
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag
    return _sealing(key, purpose).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)


def _sealing(key: bytes, purpose: bytes) -> AESGCM:
    return AESGCM(proof_of(key, b"posta-join-seal " + purpose))


def send_unpinned(wire: Wire) -> Reply:
    """Send a request to a server whose certificate is not known yet; only what the code proves may be
    believed.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    patience = httpx.Timeout(PATIENCE_S, connect=CONNECT_SECONDS)
    try:
        with httpx.Client(http2=True, verify=context, trust_env=False, timeout=patience) as client:
            response = client.post(
                wire.url, content=wire.body, headers={**wire.headers, "content-type": MSGPACK}
            )
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise LinkBroke(f"{type(error).__name__}: {error}") from error
    return Reply(response.status_code, response.content, response.headers.get("content-type", ""))
