"""Before any page: whoever has no role opens nothing; and from "say why first" to the page that asks.

Lives here: `OnlyWithARole`, so that a page which forgets to ask is shut to those who have none, and `AskWhy`,
which sends a page to the question and back. What a form posted before is not repeated: nobody fills in a form
of a record that they have not opened. Programs are answered where they asked (`registry/staff/api.py`,
`sync/problems.py`). Not here: the question (`views.py`), which role opens what (each room's `policy.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from registry.access.desk import ReasonNeeded
from registry.staff.models import Account
from registry.staff.policy import can_see_patients
from registry.staff.selectors import authority_in

# About oneself, the way out, and what needs no log-in at all.
OWN_PAGES: Final = frozenset(
    """blocked-report draft-discard draft-keep full-login guide guide-page guide-picture jsi18n kept me my-pin
    my-sessions-end node-door set_language switch switch-person touched without-laptop""".split()
)
OWN_ROOMS: Final = ("account_", "mfa_", "usersessions_", "tablet-")


class OnlyWithARole:
    """An account whose roles have ended, or have not begun, reaches its own pages only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        name = (match.url_name or "") if match else ""
        if name in OWN_PAGES or name.startswith(OWN_ROOMS) or request.path.startswith("/api/"):
            return
        if isinstance(request.user, Account) and not can_see_patients(authority_in(request)):
            raise PermissionDenied


class AskWhy:
    """Stands behind everything that makes a page of a refusal, so that it is asked first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ReasonNeeded) or request.path.startswith("/api/"):
            return None
        address = reverse("patient-reason", args=[error.patient_id])
        fragment = bool(getattr(request, "htmx", False))
        if request.method in ("GET", "HEAD") and not fragment:
            address += "?" + urlencode({"next": request.get_full_path()})
        if fragment:
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return redirect(address)
