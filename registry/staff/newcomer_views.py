"""Pages about somebody new at a clinic: the coordinator lets them in, the office decides.

Lives here: the form under *Team* at a clinic, and at central the list of requests with *Confirm* and
*Refuse*. Not here: what these do (`replacement.py`), who is waiting (`newcomers.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry.places.models import Facility
from registry.staff.full_login import needs_full_login
from registry.staff.models import StaffMember, StaffRequest
from registry.staff.newcomers import waiting
from registry.staff.office import changer
from registry.staff.office_forms import NewcomerForm, UsernameForm, add_problem
from registry.staff.policy import Role, can_let_in
from registry.staff.replacement import asked_at, confirm, let_in, refuse
from registry.staff.selectors import author_of, authority_in, authority_of, staff_names
from sync.asking import save_id_of
from sync.node import current_node
from sync.problems import Problem
from sync.tasks import ask_for_run
from sync.vault.keys import pinned


def places_to_let_in(request: HttpRequest) -> list[Facility]:
    """The places of this laptop that the asker coordinates."""
    known, who = pinned(), authority_in(request)
    if current_node().is_central or known is None:
        return []
    served = Facility.objects.living().filter(pk__in=known.facilities).order_by("name")
    return [one for one in served if can_let_in(who, [one.pk])]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@needs_full_login
@sensitive_post_parameters("password")
def add(request: HttpRequest) -> HttpResponse:
    """Somebody new works here at once, until the office decides."""
    places = places_to_let_in(request)
    if not places:
        raise PermissionDenied
    form = NewcomerForm(request.POST if request.method == "POST" else None, places=places)
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        place = next(one for one in places if str(one.pk) == said.pop("facility"))
        try:
            made = let_in(by=author_of(request), facility=place, save_id=save_id_of(request), **said)
        except Problem as problem:
            add_problem(form, problem)
        else:
            ask_for_run("newcomer")
            messages.success(request, _("%(name)s can log in here now.") % {"name": str(made)})
            return redirect("team")
    return render(request, "staff/newcomer.html", {"form": form}, status=422 if form.errors else 200)


# --- central ---------------------------------------------------------------------------------------------


@require_safe
@login_required
def requests_list(request: HttpRequest) -> HttpResponse:
    """Who waits for the office."""
    changer(request)
    return _list_page(request)


def _list_page(
    request: HttpRequest, wrong: StaffRequest | None = None, form: UsernameForm | None = None
) -> HttpResponse:
    rows = list(waiting().select_related("facility"))
    names = staff_names(row.made_by for row in rows)
    shown = [_shown(row, names, form if wrong is not None and row.pk == wrong.pk else None) for row in rows]
    return render(request, "staff/requests.html", {"requests": shown}, status=422 if form else 200)


def _shown(row: StaffRequest, names: dict[UUID, str], form: UsernameForm | None) -> dict[str, Any]:
    by = authority_of(row.made_by)
    return {
        "id": row.pk,
        "name": str(row),
        "role": row.get_role_display(),
        "place": row.facility.name,
        "at": asked_at(row),
        "by": names.get(row.made_by, "") if row.made_by else "",
        "by_coordinator": by.holds({Role.COORDINATOR}, [row.facility_id]),
        "form": form or UsernameForm({"username": row.username}, auto_id=f"id_{row.pk}_%s"),
        "taken": StaffMember.objects.filter(username=row.username).exists(),
    }


@require_POST
@login_required
def decide(request: HttpRequest, request_id: UUID, act: str) -> HttpResponse:
    """The office's answer."""
    changer(request)
    if act not in ("confirm", "refuse"):
        raise PermissionDenied
    asked = get_object_or_404(waiting().select_related("facility"), pk=request_id)
    if act == "refuse":
        refuse(by=author_of(request), asked=asked)
        messages.success(request, _("Refused. They are logged out at the clinic's next sync."))
        return redirect("staff-requests")
    form = UsernameForm(request.POST, auto_id=f"id_{asked.pk}_%s")
    if form.is_valid():
        try:
            made = confirm(by=author_of(request), asked=asked, username=form.cleaned_data["username"])
        except Problem as problem:
            add_problem(form, problem)
        else:
            messages.success(request, _("Confirmed: %(name)s") % {"name": str(made)})
            return redirect("staff-member", made.pk)
    return _list_page(request, asked, form)
