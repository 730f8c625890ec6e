"""A tablet's browser that holds a key, as static/tablet/identity.js does it.

Lives here: `Device`, on the clinic's Wi-Fi. Not here: what it may (`test_*.py`).
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.urls import reverse

from registry.tablets.models import Tablet
from registry.tablets.proofs import PURPOSE, key_id_of
from registry.tablets.selectors import COOKIE
from registry.tablets.services import offer
from sync.ledger.recording import Author

WIFI: Final = "192.168.4.20"
HOST: Final = "clinic.local:8000"
PAGE: Final = {"accept": "text/html", "host": HOST}


def on_wifi(address: str = WIFI) -> Client:
    """A browser on the clinic's Wi-Fi that nobody knows."""
    return Client(REMOTE_ADDR=address, headers=PAGE)


@dataclass
class Device:
    """A browser with a key of its own."""

    client: Client = field(default_factory=on_wifi)
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def tablet(self) -> Tablet:
        return Tablet.objects.get(key_id=key_id_of(self.public))

    @property
    def cookie(self) -> str:
        return self.client.cookies[COOKIE].value

    def challenge(self) -> str:
        answer = self.client.get(reverse("tablet-proof"), secure=True)
        return str(answer.json()["challenge"])

    def signed(self, challenge: str, origin: str = f"https://{HOST}") -> dict[str, str]:
        said = "\n".join((PURPOSE, origin, challenge, key_id_of(self.public))).encode()
        halves = decode_dss_signature(self.key.sign(said, ECDSA(SHA256())))
        raw = b"".join(half.to_bytes(32) for half in halves)
        return {
            "challenge": challenge,
            "signature": b64encode(raw).decode(),
            "key_id": key_id_of(self.public),
        }

    def prove(self, **changes: str) -> int:
        return int(self._post("tablet-proof", self.signed(self.challenge()) | changes).status_code)

    def join(self, code: str, label: str = "", **changes: str) -> Any:
        said = self.signed(self.challenge()) | {
            "code": code,
            "label": label,
            "public": b64encode(self.public).decode(),
        }
        return self._post("tablet-join", said | changes)

    def _post(self, url_name: str, said: dict[str, str]) -> Any:
        return self.client.post(
            reverse(url_name), json.dumps(said), content_type="application/json", secure=True
        )

    def page(self, address: str = "/account/login/", **how: Any) -> Any:
        self.client.cookies["django_language"] = "en"  # whatever its people speak
        return self.client.get(address, secure=True, **how)


def enrolled(label: str = "Tablet 3", by: Author | None = None) -> Device:
    """A tablet that a coordinator let in."""
    device = Device()
    assert device.join(offer(by=by or Author(None)).code, label).status_code == 200
    return device
