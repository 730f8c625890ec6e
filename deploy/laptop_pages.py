"""The coordinator's pages about the laptop itself: is it fit, put it away, switch it off.

Lives here: those views. They are for whoever opens and closes the clinic day, with a full log-in, at a
clinic. Not here: what is looked at (`deploy/fitness`), what is put away (`deploy/closing.py`).
"""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.visits.pages import place_of_work
from clinic.visits.policy import check_manage_day
from deploy.closing import may_switch_off, put_away, slip, switch_off, unfinished
from deploy.fitness.finding import State
from deploy.fitness.looking import is_fit, look
from registry.answers import answering
from registry.places.models import Facility
from registry.staff.full_login import needs_full_login
from registry.staff.policy import Authority, Role
from registry.staff.selectors import authority_in
from sync.node import current_node
from sync.problems import Problem

log = logging.getLogger(__name__)


def may_look_after_laptop(who: Authority) -> bool:
    """For the navigation."""
    return who.holds({Role.COORDINATOR})


def _place(request: HttpRequest) -> Facility:
    """Where whoever asks opens and closes the day. Central has no such pages."""
    if current_node().is_central:
        raise Problem("only-clinic", _("This page is for a clinic's laptop."), status=404)
    who = authority_in(request)
    facility = place_of_work(who)
    with answering():
        check_manage_day(who, [facility.pk])
    return facility


@require_safe
@login_required
@needs_full_login
def laptop_check(request: HttpRequest) -> HttpResponse:
    """Every line of `manage.py check_node`, what needs somebody first."""
    _place(request)
    found = look()
    order = list(reversed(State))
    context = {
        "fit": is_fit(found),
        "attention": any(one.state is State.WARNING for one in found),
        "found": sorted(found, key=lambda one: order.index(one.state)),
    }
    return render(request, "laptop/check.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@needs_full_login
def laptop_close(request: HttpRequest) -> HttpResponse:
    """What is not finished; then a backup, and the slip."""
    facility = _place(request)
    if request.method == "POST":
        put_away()
        return redirect("laptop-slip")
    return render(request, "laptop/close.html", {"left": unfinished(facility)})


@require_safe
@login_required
@needs_full_login
def laptop_slip(request: HttpRequest) -> HttpResponse:
    """What is safe, for paper."""
    _place(request)
    return render(request, "laptop/slip.html", {"slip": slip(), "may_switch_off": may_switch_off()})


@require_POST
@login_required
@needs_full_login
def laptop_off(request: HttpRequest) -> HttpResponse:
    """The last page of the day."""
    _place(request)
    switch_off()
    log.info("the laptop is being switched off")
    return render(request, "laptop/off.html")


urlpatterns = [
    path("laptop/", laptop_check, name="laptop-check"),
    path("laptop/close/", laptop_close, name="laptop-close"),
    path("laptop/slip/", laptop_slip, name="laptop-slip"),
    path("laptop/off/", laptop_off, name="laptop-off"),
]
