"""Credentials as this node keeps them: rows, settings and the pepper.

Lives here: the cost of hashing from `POSTA_ARGON2`, and the one question "does this password fit this person
here?". Not here: the mathematics (`verifiers.py`), the pepper's file (`sync/vault/keys.py`), the log-in
(`backends.py`).
Read next: `backends.py`.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from registry.staff.models import Credential
from registry.staff.verifiers import (
    Cost,
    NodeVerifier,
    PasswordHash,
    check_node_verifier,
    spend_as_much,
    verify_password,
)
from sync.core.clock import millis_of
from sync.node import current_node
from sync.vault.keys import pepper

LIFETIME: Final = timedelta(days=30)
WARN_AT_DAYS: Final = (7, 3, 1)
_expired: ContextVar[bool] = ContextVar("posta_expired", default=False)


def hashing_cost() -> Cost:
    """What a new hash costs: `POSTA_ARGON2 = (time, memory in KiB, parallelism)`, 64 MiB unless a test
    says otherwise.
    """
    return Cost(*getattr(settings, "POSTA_ARGON2", (3, 65536, 1)))


def password_fits(staff_id: UUID, password: str) -> bool:
    """Check a password against what this node holds of a person, in the same time whether it holds
    anything or not. One that fits and has expired does not count; `expired_just_now` says so.
    """
    kind = Credential.Kind.CENTRAL if current_node().is_central else Credential.Kind.NODE
    kept = Credential.objects.filter(staff_id=staff_id, kind=kind).first()
    if kept is None:
        spend_as_much(password, hashing_cost())
        return False
    fits = _fits(kept, password)
    _expired.set(fits and _is_over(kept))
    return fits and not _is_over(kept)


def _fits(kept: Credential, password: str) -> bool:
    if kept.kind == Credential.Kind.CENTRAL:
        return verify_password(password, PasswordHash(bytes(kept.salt), kept.cost, bytes(kept.verifier)))
    verifier = NodeVerifier(bytes(kept.salt), kept.cost, bytes(kept.verifier))
    return check_node_verifier(password, verifier, pepper())


def expired_just_now() -> bool:
    """Whether the password that was just refused was right, and only its thirty days were over. Told once."""
    was = _expired.get()
    _expired.set(False)
    return was


def latest_known_time() -> datetime:
    """The wall clock, but never before what was stamped here: setting it back lengthens no credential."""
    node = current_node()
    return datetime.fromtimestamp(max(node.wall(), millis_of(node.clock.floor)) / 1000, tz=UTC)


def _is_over(kept: Credential) -> bool:
    if kept.expires_at is None:
        return False
    return max(kept.expires_at, kept.lent_until or kept.expires_at) <= latest_known_time()


def lent(staff_id: UUID) -> Credential | None:
    """What this laptop keeps of somebody who is let in by a code by telephone only: their days are over."""
    now = latest_known_time()
    rows = Credential.objects.filter(staff_id=staff_id, kind=Credential.Kind.NODE)
    return rows.filter(expires_at__lte=now, lent_until__gt=now).first()


def days_left(staff_id: UUID) -> int | None:
    """Whole days until this person's offline credential ends here; None where it does not end."""
    kept = (
        Credential.objects.filter(staff_id=staff_id).exclude(expires_at=None).order_by("expires_at").first()
    )
    if kept is None or kept.expires_at is None:
        return None
    return max((kept.expires_at - latest_known_time()).days, 0)
