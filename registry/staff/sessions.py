"""Tokens for programs and notes of log-ins.

Lives here: issuing and revoking bearer tokens (only their SHA-256 is kept), whether a request says by itself
who it is, noting a log-in that central has not seen, and how long such notes are kept. Not here: what central
says of it (`signoffs.py`), passwords (`services.py`), reading a token from a request (`api.py`).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from registry.staff.credentials import lent
from registry.staff.models import Account, ApiToken, Credential, SignIn, StaffMember
from registry.staff.newcomers import is_waiting
from registry.staff.selectors import grants_of
from sync.node import current_node
from sync.problems import Problem

PREFIX: Final = "posta_"
_NOTE_USE_EVERY: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=180)
KEPT_LONGER: Final = timedelta(days=730)  # what somebody may still be asked about


def names_itself(request: HttpRequest) -> bool:
    """Whether a request says who it is in its header. Then nobody's cookie counts in the API, and a header
    that is no token opens nothing: what looks at the log-in and what looks for a token ask this one question.
    """
    return "Authorization" in request.headers


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(account: Account) -> str:
    """A new bearer token. It is shown once: nothing here can show it again."""
    if is_waiting(account.staff_id):
        raise Problem("not-yet", _("The programme office has not confirmed this person yet."), status=409)
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        digest=digest_of(token), staff_id=account.staff_id, created_at=current_node().now()
    )
    return token


def revoke_tokens(staff_id: UUID) -> int:
    """End every token of a person; answers how many there were."""
    return ApiToken.objects.filter(staff_id=staff_id).delete()[0]


def account_of_token(token: str) -> Account | None:
    """The account a token speaks for; None for an unknown token or a closed account."""
    found = ApiToken.objects.filter(digest=digest_of(token)).first()
    if found is None:
        return None
    now = current_node().now()
    if found.used_at is None or abs(now - found.used_at) > _NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(used_at=now)
    return Account.objects.filter(staff_id=found.staff_id, is_active=True).first()


def note_sign_in(staff_id: UUID, device: str) -> SignIn:
    """A log-in without central, to be signed off by it."""
    kept = Credential.objects.filter(staff_id=staff_id, kind=Credential.Kind.NODE).first()
    known = StaffMember.objects.filter(pk=staff_id).exists()
    return SignIn.objects.create(
        staff_id=staff_id,
        at=current_node().now(),
        device=device,
        password_number=kept.password_number if kept else 0,
        lent_on=kept.lent_on if kept and lent(staff_id) else "",
        grants=grants_of([staff_id]).get(staff_id, []) if known else None,
    )


def forget_old_sign_ins(node_uuid: UUID | None = None) -> int:
    """What central has signed off long ago: of this laptop, or at central of one node. What was not simply
    fine is kept longer; what waits is kept.
    """
    now = current_node().now()
    rows = SignIn.objects.filter(node_uuid=node_uuid)
    dull = rows.filter(outcome__in=(SignIn.Outcome.FINE, SignIn.Outcome.ROLE_CHANGED), lent_on="")
    gone = dull.filter(signed_off__lt=now - KEPT).delete()[0]
    return gone + rows.filter(signed_off__lt=now - KEPT_LONGER).delete()[0]
