"""What django-allauth may do here: log people in and out, and nothing that needs a network.

Lives here: the account adapter. Nobody signs up (central adds staff), nothing is mailed. A log-in at a clinic
is noted for central to sign off, and brings the person's own language. Not here: who the person is
(`backends.py`).
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from registry.staff.devices import device_of
from registry.staff.models import Account, StaffMember
from registry.staff.sessions import note_sign_in
from sync.node import current_node


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without e-mail and without sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Nobody here has an address."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The page itself shows who is logged in; a notice on top of it would only be in the way."""

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if isinstance(user, Account):
            if not current_node().is_central:
                note_sign_in(user.staff_id, device_of(request))
            _speak(response, user)
        return response


def _speak(response: HttpResponse, account: Account) -> None:
    language = StaffMember.objects.filter(pk=account.staff_id).values_list("language", flat=True).first()
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, secure=settings.LANGUAGE_COOKIE_SECURE, samesite="Lax"
        )
