"""The page of what browsers refused on our pages: one line for each rule and page, counted.

Lives here: the list, for coordinators and the programme office. Not here: what is kept of a report
(`registry/tablets/blocking.py`).
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.tablet.policy import check_see_blocked
from registry.answers import answering
from registry.staff.selectors import authority_in
from registry.tablets.models import Blocked


@require_safe
@login_required
def listed(request: HttpRequest) -> HttpResponse:
    """What was refused, the latest first."""
    with answering():
        check_see_blocked(authority_in(request))
    return render(request, "tablet/blocked.html", {"blocked": Blocked.objects.all()})
