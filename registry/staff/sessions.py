"""Tokens for programs and notes of log-ins.

Lives here: issuing and revoking bearer tokens (only their SHA-256 is kept) and noting an offline log-in,
which central signs off at the next contact. Not here: passwords (`services.py`), reading a token from a
request (`api.py`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

from registry.staff.models import Account, ApiToken, SignIn
from sync.node import current_node

PREFIX: Final = "posta_"
_NOTE_USE_EVERY: Final = timedelta(hours=1)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(account: Account) -> str:
    """A new bearer token. It is shown once: nothing here can show it again."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(digest=_digest(token), staff_id=account.staff_id, created_at=current_node().now())
    return token


def revoke_tokens(staff_id: UUID) -> int:
    """End every token of a person; answers how many there were."""
    return ApiToken.objects.filter(staff_id=staff_id).delete()[0]


def account_of_token(token: str) -> Account | None:
    """The account a token speaks for; None for an unknown token or a closed account."""
    found = ApiToken.objects.filter(digest=_digest(token)).first()
    if found is None:
        return None
    now = current_node().now()
    if found.used_at is None or abs(now - found.used_at) > _NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(used_at=now)
    return Account.objects.filter(staff_id=found.staff_id, is_active=True).first()


def note_sign_in(staff_id: UUID, device: str) -> SignIn:
    """A log-in without central, to be signed off by it."""
    return SignIn.objects.create(staff_id=staff_id, at=current_node().now(), device=device)


def sign_ins_to_sign_off() -> list[SignIn]:
    """What central has not heard of, oldest first."""
    return list(SignIn.objects.filter(signed_off=None).order_by("at", "id"))


def sign_off(ids: Collection[int]) -> None:
    """Central has answered for these log-ins."""
    SignIn.objects.filter(pk__in=list(ids)).update(signed_off=current_node().now())
