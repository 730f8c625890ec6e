"""Log-ins that open daily work only, whatever their role: on a code by telephone, and not yet confirmed.

Lives here: whether a log-in is one of these (`bound_by`), and what they may open beside daily work: their own
PIN and log-ins. Unlike after a shift PIN, the password opens no more: central must be asked first. Not here:
what daily work is (`full_login.py`), who lets people in like this (`breakglass.py`, `newcomers.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from registry.staff.credentials import lent
from registry.staff.full_login import is_open_by_pin
from registry.staff.models import Account
from registry.staff.selectors import authority_in

ON_CODE: Final = "let_in_by_code"
OWN_PAGES: Final = frozenset({"my-pin", "my-sessions-end"})
BY_CODE: Final = _("You are logged in by a code. This page opens after the next sync.")
PROVISIONAL: Final = _("The programme office has not confirmed you yet. This page opens after that.")


def mark_code(request: HttpRequest, account: Account) -> datetime | None:
    """Note in the session whether it began on a code by telephone, and until when that holds."""
    kept = lent(account.staff_id)
    if kept is None or kept.lent_until is None:
        request.session.pop(ON_CODE, None)
        return None
    request.session[ON_CODE] = True
    return kept.lent_until


def bound_by(request: HttpRequest) -> str:
    """Why this log-in opens no more than daily work; empty where it opens what its role allows."""
    if authority_in(request).provisional:
        return str(PROVISIONAL)
    if not request.session.get(ON_CODE):
        return ""
    if isinstance(request.user, Account) and lent(request.user.staff_id) is None:
        request.session.pop(ON_CODE)  # central has renewed it since
        return ""
    return str(BY_CODE)


def is_within_bounds(url_name: str | None, view: Callable[..., Any]) -> bool:
    """Whether such a log-in may open this address."""
    return (url_name or "") in OWN_PAGES or is_open_by_pin(url_name, view)
