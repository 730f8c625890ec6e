"""What django-allauth may do here: log people in and out, and nothing that needs a network.

Lives here: the account adapter. Nobody signs up (central adds staff), nothing is mailed. Whatever back-end
answers, guessing is slowed here. A log-in at a clinic is noted for central to sign off, begins a shift, and
brings the person's own language; allauth's page of log-ins ends them as ours does. Not here: who the person
is (`backends.py`), how long one waits (`limits.py`), our page (`session_views.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from registry.staff import limits
from registry.staff.backends import plain_username
from registry.staff.by_code import let_in_by_code
from registry.staff.credentials import expired_just_now
from registry.staff.devices import device_of
from registry.staff.languages import language_of, speak
from registry.staff.log_in_words import SENTENCES, reason_of
from registry.staff.models import Account, StaffMember
from registry.staff.second_factor import note_missing
from registry.staff.services import set_password
from registry.staff.sessions import note_sign_in
from registry.staff.shifts import begin_shift, browser_of, end_shifts, give_browser, is_familiar, way_back
from registry.staff.waiting import wait_error
from registry.tablets.selectors import tablet_of
from sync.ledger.recording import Author
from sync.node import current_node


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without e-mail and without sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Nobody here has an address."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The page itself shows who is logged in; a notice on top of it would only be in the way."""

    def clean_password(self, password: str, user: AbstractBaseUser | None = None) -> str:
        """A new password. A clinic has copies of passwords only, so it takes none."""
        if not current_node().is_central:
            raise ValidationError(_("Passwords are changed at central. Ask the programme office."))
        cleaned: str = super().clean_password(password, user=user)
        return cleaned

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Charged before the password is looked at, and taken back when it fits."""
        attempt = _charged(request, plain_username(str(credentials.get("username") or "")))
        expired_just_now()
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        expired = user is None and expired_just_now()
        if user is not None or expired:
            limits.succeeded(attempt)
        return let_in_by_code(request, credentials) if expired else user

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Why somebody is not let in, in words that tell a stranger nothing."""
        if code == "username_password_mismatch":
            reason = reason_of(self.request)
            return ValidationError(SENTENCES[reason], code=reason)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """The other sessions of the person end; this one goes on."""
        if not isinstance(user, Account):
            raise TypeError("only members of staff have passwords")
        member = StaffMember.objects.get(pk=user.staff_id)
        set_password(by=Author(member.pk, "central"), staff=member, password=password)
        user.refresh_from_db(fields=["stamp"])

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if isinstance(user, Account):
            if not (current_node().is_central or user.seen_by_central):
                note_sign_in(user.staff_id, device_of(request))
            begin_shift(request, user)
            record_authentication(request, user, method="password", reauthenticated=True)
            back_to = reverse("mfa_activate_totp") if note_missing(request, user) else way_back(request, user)
            if back_to:
                response = HttpResponseRedirect(back_to)
            give_browser(request, response)
            speak(response, language_of(user))
        return response


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    """Whoever ends their other log-ins ends the PINs there as well."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        ended = list(sessions)
        super().end_sessions(ended)
        end_shifts({row.user.staff_id for row in ended})


def _charged(request: HttpRequest, name: str) -> limits.Attempt:
    """One attempt at this name from this tablet, or how long to wait. Unknown names wait as long."""
    browser = browser_of(request) if is_familiar(request, name) else ""
    tablet = tablet_of(request)
    device = str(tablet.pk) if tablet is not None else str(request.META.get("REMOTE_ADDR", ""))
    try:
        return limits.begin(name, device=device, browser=browser)
    except limits.TooManyGuesses as many:
        raise wait_error(many) from None
