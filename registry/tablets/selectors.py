"""Which tablet asks.

Lives here: `tablet_of`, the one question that other rooms have, and what the middleware and the list need
beside it. A cookie is compared by its digest. Not here: what an unknown device is told (`gate.py`).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from registry.tablets.models import Offer, Tablet
from registry.tablets.policy import OFFERED_FOR, WRONG_TRIES, Standing, standing_of
from sync.node import current_node

COOKIE: Final = f"__Host-posta_tablet_{settings.POSTA_PORT}"
_SEEN: Final = "_posta_tablet"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A cookie of ours, and what it is worth."""

    tablet: Tablet
    standing: Standing
    digest: bytes


def cookie_digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def tablet_of(request: HttpRequest) -> Tablet | None:
    """The enrolled, unrevoked tablet that this request has proved to be."""
    seen = sighting_of(request)
    return seen.tablet if seen is not None and seen.standing is Standing.PROVED else None


def sighting_of(request: HttpRequest) -> Sighting | None:
    """The tablet whose cookie came along, revoked ones and stale proofs included; read once per request."""
    if not hasattr(request, _SEEN):
        setattr(request, _SEEN, _look(request.COOKIES.get(COOKIE, "")))
    found: Sighting | None = getattr(request, _SEEN)
    return found


def _look(cookie: str) -> Sighting | None:
    key_id, _dot, secret = cookie.partition(".")
    if not secret:
        return None
    tablet = Tablet.objects.filter(key_id=key_id[:43]).first()
    digest = cookie_digest(secret)
    proof = tablet.proof(digest) if tablet is not None else None
    if tablet is None or proof is None:
        return None
    return Sighting(tablet, standing_of(proof, current_node().now()), digest)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def all_tablets() -> list[Tablet]:
    """Every tablet that ever was, the living ones first."""
    return sorted(Tablet.objects.all(), key=lambda one: one.revoked_at is not None)


def labels_in_use() -> list[str]:
    return list(Tablet.objects.filter(revoked_at=None).values_list("label", flat=True))


def open_offers() -> list[Offer]:
    """Codes that still let somebody in."""
    now = current_node().now()
    fresh = Offer.objects.filter(tablet=None, wrong_tries__lt=WRONG_TRIES)
    return list(fresh.filter(offered_at__gt=now - OFFERED_FOR, offered_at__lte=now + OFFERED_FOR))
