"""Addresses for tablets: drafts, what was kept without Wi-Fi, the service worker and its pages.

Lives here: keeping and discarding a draft, the list of one's own, taking in sealed items (whoever holds
the tablet: the seal says who wrote them), the pages a tablet shows without the laptop, and a log-out that
was asked for without it. Not here: what becomes of an item (`outbox.py`).
"""

from __future__ import annotations

import msgspec
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from clinic.tablet.desk import drafts_of, posted_draft_id
from clinic.tablet.outbox import Answer, take_in
from clinic.tablet.policy import MOST_ITEMS
from clinic.tablet.sealing import Sealed, Typed
from clinic.tablet.services import drop_draft, keep_draft
from clinic.tablet.worker import worker_script
from registry.drafts import may_keep
from registry.staff.selectors import account_of, author_of
from registry.staff.shifts import leave_open
from registry.tablets.gate import for_leavers, for_strangers
from sync.problems import Problem

WITHOUT_LAPTOP = ("lost", "unsent", "kept", "left")


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """What somebody is typing. Whoever is logged out is told so; the page seals it then."""
    if account_of(request) is None:
        return HttpResponse(status=401)
    try:
        typed = msgspec.json.decode(request.body, type=Typed)
        match = resolve(typed.address)
    except (msgspec.MsgspecError, ValueError, Resolver404):
        return HttpResponse(status=400)
    if not may_keep(match.url_name or ""):
        return HttpResponse(status=400)
    try:
        keep_draft(by=author_of(request), typed=typed)
    except Problem as problem:
        return HttpResponse(status=problem.status)
    return HttpResponse(status=204)


@require_POST
@login_required
def discard(request: HttpRequest) -> HttpResponse:
    """Its author does not want it any more."""
    draft_id = posted_draft_id(request)
    if draft_id is not None:
        drop_draft(by=author_of(request), draft_id=draft_id)
    back = request.POST.get("back", "")
    try:
        resolve(back)
    except Resolver404:
        return redirect("kept")
    return redirect(back)


@require_safe
@login_required
def kept(request: HttpRequest) -> HttpResponse:
    """Everything that the person who asks began and did not finish."""
    return render(request, "tablet/kept.html", {"drafts": drafts_of(request)})


@for_strangers  # a tablet that was sent away still brings what it kept
@csrf_exempt  # what counts is the seal and the pass within it, not who is logged in now
@require_POST
def outbox(request: HttpRequest) -> HttpResponse:
    """Sealed items from a tablet, each with its answer."""
    try:
        items = msgspec.json.decode(request.body, type=list[Sealed])
    except msgspec.MsgspecError:
        return HttpResponse(status=400)
    answers = [_answer(take_in(request, item)) for item in items[:MOST_ITEMS]]
    return JsonResponse({"answers": answers})


def _answer(answer: Answer) -> dict[str, object]:
    return {"id": str(answer.id), "state": answer.state, "conflicted": answer.conflicted}


@for_strangers
@require_safe
def ping(request: HttpRequest) -> HttpResponse:
    """The laptop is there."""
    return HttpResponse(status=204)


@for_leavers
@csrf_exempt  # cookies are strict: no foreign page sends them
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """The log-out that somebody asked for while the Wi-Fi was gone; or the screen locked then, and the shift
    goes on.
    """
    if request.POST.get("why") == "idle":
        leave_open(request)
    else:
        logout(request)
    return HttpResponse(status=204)


@for_strangers
@require_safe
def without_laptop(request: HttpRequest, why: str) -> HttpResponse:
    """A page for the tablet to keep. It is the same for everybody, and names nobody."""
    if why not in WITHOUT_LAPTOP:
        raise Http404
    return HttpResponse(render_to_string("tablet/without_laptop.html", {"why": why, "title": _title(why)}))


def _title(why: str) -> str:
    titles = {
        "lost": _("The clinic laptop does not answer"),
        "unsent": _("This was not saved"),
        "kept": _("Kept on this tablet"),
        "left": _("You are logged out"),
    }
    return titles[why]


@for_strangers
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, for the whole site."""
    return HttpResponse(
        worker_script(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"},
    )
