"""How a program says who it is: `Authorization: Bearer …`.

Lives here: the authentication classes for Django REST framework (a token, or a browser's log-in) and their
lines in the OpenAPI document, and the permission that every call has unless it says otherwise. Not here:
issuing tokens (`sessions.py`), what the person may do (`policy.py`), which log-ins open none of the API
(`watch.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from registry.staff.models import Account
from registry.staff.policy import can_see_patients
from registry.staff.selectors import authority_in
from registry.staff.sessions import account_of_token, digest_of, names_itself

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads these very classes from the settings


class HasARole(IsAuthenticated):
    """Logged in, and with a role somewhere: what a call forgets to ask is shut to those who have none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and can_see_patients(authority_in(request._request))


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the account that the token was issued to, `request.auth` what is kept of it."""

    def authenticate(self, request: Request) -> tuple[Account, bytes] | None:
        scheme, _space, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        said = token.strip().decode("latin-1")
        account = account_of_token(said)
        if account is None:
            raise AuthenticationFailed(_("This token is not known here, or has been revoked."))
        return account, digest_of(said)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class PageAuthentication(SessionAuthentication):
    """The log-in of a browser. `Watch` judges it, and lets by what says in its header who it is: beside such
    a header, whatever stands in it, the log-in counts for nothing.
    """

    def authenticate(self, request: Request) -> tuple[Account, None] | None:
        if names_itself(request._request):
            return None
        found: tuple[Account, None] | None = super().authenticate(request)
        return found


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same, for readers of the OpenAPI document."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class PageScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The cookie of a browser, likewise."""

    target_class = "registry.staff.api.PageAuthentication"
