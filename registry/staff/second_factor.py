"""The second step of a log-in: six digits of an app, for whoever could do most harm.

Lives here: who must have it (`must_have`), leading those to it who have not set it up, slow guessing of codes
and keeping the app's secret encrypted. Everything else is django-allauth's. The secret belongs to the node on
which it was set up: central and each clinic laptop have their own, because none of them may wait for another.
A shift PIN never asks for it, and never opens what needs it. Not here: the pages (`templates/mfa`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from typing import Final

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest

from registry.staff import limits
from registry.staff.models import Account, StaffMember, when_staff_change
from registry.staff.policy import Role
from registry.staff.sealing import sealed, unsealed
from registry.staff.selectors import authority_of
from registry.staff.waiting import wait_error
from sync.models import SecurityEvent
from sync.node import current_node

MISSING: Final = "second_factor_missing"
_CONTEXT: Final = b"posta second factor 1"


def must_have(account: Account) -> bool:
    """Whether this person may not work here without it: coordinators, and everybody of the programme office
    at central.
    """
    roles = authority_of(account.staff_id).roles
    wanted = {Role.COORDINATOR, Role.CENTRAL_ADMIN} if current_node().is_central else {Role.COORDINATOR}
    return settings.POSTA_SECOND_FACTOR == "required" and bool(roles & wanted)


def has_it(account: Account) -> bool:
    return bool(is_mfa_enabled(account, [Authenticator.Type.TOTP]))


def forget(account: Account) -> bool:
    """A lost telephone: the second step and its recovery codes are gone; answers whether there was one."""
    return bool(Authenticator.objects.filter(user=account).delete()[0])


def forget_as_told(members: Iterable[StaffMember]) -> None:
    """Central has taken somebody's lost second step away: so does this node, once, and their log-ins end."""
    told = {one.pk: one.steps_forgotten for one in members if one.steps_forgotten}
    for account in Account.objects.filter(staff_id__in=told):
        forget_up_to(account, told[account.staff_id])


when_staff_change.append(forget_as_told)


def forget_up_to(account: Account, count: int) -> None:
    """Central has taken their second step away so often; what has been set up since the last time stays."""
    if account.steps_forgotten >= count:
        return
    forget(account)
    account.steps_forgotten, account.stamp = count, secrets.token_hex(8)
    Account.objects.filter(pk=account.pk).update(steps_forgotten=count, stamp=account.stamp)
    sentence = f"Central took somebody's second step away: a lost telephone. About {account.staff_id}."
    SecurityEvent.objects.create(at=current_node().wall(), code="second-step-forgotten", sentence=sentence)


def note_missing(request: HttpRequest, account: Account) -> bool:
    """After the password: whoever must have it and has not is led to set it up, and nowhere else."""
    missing = must_have(account) and not has_it(account)
    if missing:
        request.session[MISSING] = True
    else:
        request.session.pop(MISSING, None)
    return missing


def is_missing(request: HttpRequest) -> bool:
    """Whether this log-in still waits for it to be set up."""
    if not request.session.get(MISSING):
        return False
    if isinstance(request.user, Account) and has_it(request.user):
        request.session.pop(MISSING, None)
        return False
    return True


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets lie encrypted under this node's pepper: the database alone opens none."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(sealed(text.encode(), _CONTEXT)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        secret = unsealed(base64.b64decode(encrypted_text), _CONTEXT)
        if secret is None:
            raise ValueError("this second step was set up under another pepper")
        return secret.decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        user = authenticator.user
        return not (isinstance(user, Account) and must_have(user))


class _Slow:
    """Codes are guessed as slowly as passwords, by a counter of their own."""

    user: Account

    def clean_code(self) -> str:
        name = self.user.get_username()
        try:
            attempt = limits.begin(name, device="", browser="the app's code")
        except limits.TooManyGuesses as many:
            raise wait_error(many) from None
        code: str = super().clean_code()  # type: ignore[misc]
        limits.succeeded(attempt)
        return code


class CodeForm(_Slow, AuthenticateForm):  # type: ignore[misc]
    """The code at log-in."""


class CodeAgainForm(_Slow, ReauthenticateForm):  # type: ignore[misc]
    """The code before something that matters."""
