"""What django-allauth may do here: log people in and out, and nothing that needs a network.

Lives here: the account adapter. Nobody signs up (central adds staff), nothing is mailed. A log-in at a clinic
is noted for central to sign off, and brings the person's own language. Not here: who the person is
(`backends.py`).
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from registry.staff.devices import device_of
from registry.staff.languages import language_of, speak
from registry.staff.models import Account, StaffMember
from registry.staff.services import set_password
from registry.staff.sessions import note_sign_in
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
            if not current_node().is_central:
                note_sign_in(user.staff_id, device_of(request))
            speak(response, language_of(user))
        return response
