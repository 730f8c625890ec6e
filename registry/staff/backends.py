"""Who the person at the log-in page is.

Lives here: `CentralBackend` (role central: asks the central credential) and `CachedBackend` (role clinic:
asks the verifier that central made for this node). Both are listed, and between them `OnlineBackend`
(`online.py`), which asks central while the link is up and whose word is final; only those of the node's role
answer. An unknown name costs the same work as a wrong password. Not here: what keeps guessing slow
(`limits.py`).
Read next: `online.py`; `services.py` (where rosters come from).
"""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from registry.staff.credentials import password_fits
from registry.staff.models import Account
from registry.staff.policy import NO_ONE
from registry.staff.revocations import is_shut_out
from sync.node import Role, current_node


def plain_username(text: str) -> str:
    """The one way a username is kept and looked up."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


class StaffBackend(ModelBackend):
    """What both have in common; Django's groups and permissions stay as they are."""

    role: ClassVar[Role]

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: object,
    ) -> Account | None:
        if current_node().role != self.role or not username or password is None:
            return None
        account = Account.objects.filter(username=plain_username(username)[:40]).first()
        fits = password_fits(account.staff_id if account else NO_ONE, password)
        return account if account is not None and fits and self.user_can_authenticate(account) else None

    def get_user(self, user_id: int) -> Account | None:
        account = Account.objects.filter(pk=user_id).first()
        return account if account is not None and self.user_can_authenticate(account) else None


class CentralBackend(StaffBackend):
    """At central: the password against central's own hash."""

    role = "central"


class CachedBackend(StaffBackend):
    """At a clinic: the password against this node's verifier, with no network at all. Whoever is on the kept
    list of revocations is not let in, whichever verifier a database brought back.
    """

    role = "clinic"

    def user_can_authenticate(self, user: Account | AnonymousUser | None) -> bool:
        may = super().user_can_authenticate(user)
        return may and not (isinstance(user, Account) and is_shut_out(user.staff_id))
