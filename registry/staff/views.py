"""Pages about the person who works here: log in, my account.

Lives here: allauth's log-in page with tiles of the staff (at a clinic; central does not list its staff to
strangers), and the page of one's own account. To switch person is to log out: the log-in page comes next. Not
here: choosing a station (`clinic/board`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.views import LoginView
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.i18n import set_language

from registry.staff.credentials import days_left
from registry.staff.languages import choose_language
from registry.staff.models import Account, StaffMember
from registry.staff.selectors import (
    account_of,
    author_of,
    authority_in,
    facilities_named,
    people_on_duty,
    roles_of,
)
from sync.node import current_node

MOST_TILES = 24
# Browsers name those before them as well, so the order matters.
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


class LogIn(LoginView):  # type: ignore[misc]
    """The log-in page."""

    def get_form(self, form_class: Any = None) -> Any:
        """Nobody has an address to mail a new password to: who forgot theirs asks the programme office."""
        form = super().get_form(form_class)
        form.fields["password"].help_text = ""
        for field in form.fields.values():
            field.widget.attrs.pop("placeholder", None)
        return form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if not current_node().is_central and "other" not in self.request.GET:
            people = people_on_duty()
            context["people"] = people if len(people) <= MOST_TILES else []
        return context


@login_required
def me(request: HttpRequest) -> HttpResponse:
    """My account: who I am here, how long I may work offline, where I am logged in."""
    account = account_of(request)
    if account is None:
        raise PermissionDenied
    member = StaffMember.objects.filter(pk=account.staff_id).first()
    left = days_left(account.staff_id)
    context = {
        "staff": {
            "name": str(member or account),
            "username": account.username,
            "role": roles_of(account.staff_id),
            "facilities": facilities_named(authority_in(request)),
        },
        "offline_until": None if left is None else current_node().now() + timedelta(days=left),
        "sessions": _sessions(request, account),
    }
    return render(request, "staff/me.html", context)


def choose(request: HttpRequest) -> HttpResponse:
    """Another language: for this tablet at once, and for the person who is logged in from now on."""
    answer: HttpResponse = set_language(request)
    account, wanted = account_of(request), request.POST.get("language", "")
    if account is not None and wanted in dict(settings.LANGUAGES):
        choose_language(by=author_of(request), account=account, language=wanted)
    return answer


def _browser(user_agent: str) -> str:
    """A browser as people call it; the first that fits."""
    known = (name for mark, name in BROWSERS if mark in user_agent)
    on = (name for mark, name in SYSTEMS if mark in user_agent)
    return _("%(browser)s on %(system)s") % {
        "browser": next(known, _("a browser")),
        "system": next(on, _("a device")),
    }


def _sessions(request: HttpRequest, account: Account) -> list[dict[str, Any]]:
    rows = UserSession.objects.filter(user=account).order_by("-created_at")
    return [
        {
            "id": row.pk,
            "device": _browser(row.user_agent),
            "since": row.created_at,
            "this": row.session_key == request.session.session_key,
        }
        for row in rows
    ]
