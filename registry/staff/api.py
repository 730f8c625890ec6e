"""How a program says who it is: `Authorization: Bearer …`.

Lives here: the authentication class for Django REST framework and its line in the OpenAPI document, and the
permission that every call has unless it says otherwise. Not here:
issuing tokens (`sessions.py`), what the person may do (`policy.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from registry.staff.models import Account
from registry.staff.policy import can_see_patients
from registry.staff.selectors import authority_in
from registry.staff.sessions import account_of_token

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads these very classes from the settings


class HasARole(IsAuthenticated):
    """Logged in, and with a role somewhere: what a call forgets to ask is shut to those who have none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and can_see_patients(authority_in(request._request))


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the account that the token was issued to."""

    def authenticate(self, request: Request) -> tuple[Account, str] | None:
        scheme, _space, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        account = account_of_token(token.strip().decode("latin-1"))
        if account is None:
            raise AuthenticationFailed(_("This token is not known here, or has been revoked."))
        return account, "bearer"

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same, for readers of the OpenAPI document."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
