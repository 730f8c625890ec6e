"""Pages about the person who works here: log in, my account.

Lives here: allauth's log-in page with tiles of the staff (at a clinic; central does not list its staff to
strangers), and the page of one's own account. To switch person is to log out: the log-in page comes next. Not
here: choosing a station (`clinic/board`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.i18n import set_language

from registry.staff.by_code import call_of
from registry.staff.credentials import days_left
from registry.staff.languages import choose_language
from registry.staff.models import StaffMember
from registry.staff.online import link_is_up
from registry.staff.pins import has_pin
from registry.staff.selectors import (
    account_of,
    author_of,
    authority_in,
    facilities_named,
    people_on_duty,
    roles_of,
)
from registry.staff.session_views import sessions_context
from registry.staff.shifts import browser_of, shifts_here
from registry.tablets.gate import for_strangers
from sync.node import current_node

MOST_TILES = 24


class LogIn(LoginView):  # type: ignore[misc]
    """The log-in page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A tablet on which somebody has a shift PIN shows who is here; a name leads back to this page."""
        named = {"who", "other"} & request.GET.keys() or request.GET.get(REDIRECT_FIELD_NAME, "/") != "/"
        if not named and _pins_here(request):
            return redirect("switch")
        answer: HttpResponse = super().get(request, *args, **kwargs)
        return answer

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        return initial | {"login": self.request.GET.get("who", "")}

    def get_form(self, form_class: Any = None) -> Any:
        """Nobody has an address to mail a new password to: who forgot theirs asks the programme office."""
        form = super().get_form(form_class)
        form.fields["password"].help_text = ""
        for field in form.fields.values():
            field.widget.attrs.pop("placeholder", None)
        return form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["call"] = call_of(self.request)
        context["offline"] = not current_node().is_central and not link_is_up()
        if not current_node().is_central and "other" not in self.request.GET:
            people = people_on_duty()
            context["people"] = people if len(people) <= MOST_TILES else []
            context["pin_is_over"] = "pin" in self.request.GET
            context["pins_here"] = _pins_here(self.request)
        return context


def _pins_here(request: HttpRequest) -> bool:
    """Whether somebody may come in by PIN in this browser."""
    return any(has_pin(shift) for shift in shifts_here(browser_of(request)).values())


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
    }
    context |= sessions_context(request, account)
    return render(request, "staff/me.html", context)


@for_strangers
def choose(request: HttpRequest) -> HttpResponse:
    """Another language: for this tablet at once, and for the person who is logged in from now on."""
    answer: HttpResponse = set_language(request)
    account, wanted = account_of(request), request.POST.get("language", "")
    if account is not None and wanted in dict(settings.LANGUAGES):
        choose_language(by=author_of(request), account=account, language=wanted)
    return answer
