"""Pages of referrals.

Lives here: writing one on a visit, its page and its printed letter, the lists of who is expected and who was
sent, and the steps. Not here: what they print (`shapes.py`), writing (`services.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.referrals.models import Referral
from clinic.referrals.policy import can_refer, can_see_list
from clinic.referrals.selectors import ToldReferral, destinations, expected_at, referral_of, sent_from
from clinic.referrals.services import answer, cancel, receive, refer
from clinic.referrals.shapes import listed, page_context, summary_of
from clinic.visits.pages import place_of_work, shown_visit
from clinic.visits.selectors import facility_of
from clinic.visits.shapes import alerts_of, visit_shape
from registry.drafts import continued, finished, offered
from registry.people.policy import without_turns
from registry.people.selectors import person
from registry.people.views import posted_save_id, shown_patient
from registry.places.models import Facility
from registry.places.selectors import facilities_of
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem

ELSEWHERE = "elsewhere"


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def write(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """Write a referral for the patient of a visit."""
    visit = shown_visit(request, visit_id)
    if not can_refer(authority_in(request), [visit.facility_id]):
        raise PermissionDenied
    problem: Problem | None = None
    begun = continued(request) if request.method == "POST" else None
    if request.method == "POST" and begun is None:
        try:
            made = refer(
                by=author_of(request),
                patient=visit.patient,
                facility=visit.facility,
                to_facility=_destination(request.POST.get("to_facility", "")),
                to_place=request.POST.get("to_place", ""),
                kind=request.POST.get("kind", Referral.Kind.REFERRAL),
                urgent="urgent" in request.POST,
                reason=request.POST.get("reason", ""),
                summary=request.POST.get("summary", ""),
                visit=visit,
                save_id=posted_save_id(request.POST),
            )
        except Problem as refused:
            if not refused.fields:
                raise
            problem = refused
        else:
            finished(request)
            messages.success(request, _("The referral is written. Saved on the clinic laptop."))
            return redirect("referral", made.pk)
    typed = begun.posted if begun else request.POST
    posted: dict[str, Any] = typed.dict() if request.method == "POST" else {"summary": summary_of(visit)}
    context = {
        "visit": visit_shape(visit),
        "person": person(visit.patient),
        "alerts": alerts_of(visit.patient),
        "destinations": destinations(visit.facility),
        "kinds": Referral.Kind.choices,
        "posted": {"kind": Referral.Kind.REFERRAL} | posted | _readable(posted),
        "errors": problem.fields if problem else {},
        "problems": _beside(problem),
        "save_id": begun.save_id if begun else "",
        "draft": None if request.method == "POST" else offered(request),
    }
    return render(request, "referrals/write.html", context, status=422 if problem else 200)


def _readable(posted: dict[str, Any]) -> dict[str, str]:
    """The place without what turns it round, to be looked at before it is saved again."""
    return {"to_place": without_turns(posted.get("to_place", ""))}


def _destination(text: str) -> Facility | None:
    try:
        return next(iter(facilities_of([UUID(text)])), None)
    except ValueError:
        return None


@require_safe
@login_required
def lists(request: HttpRequest) -> HttpResponse:
    """Who is expected here, and who was sent from here."""
    who = authority_in(request)
    if not can_see_list(who):
        raise PermissionDenied
    here = place_of_work(who)
    context = {"expected": listed(expected_at(here)), "sent": listed(sent_from(here)), "place": here.name}
    return render(request, "referrals/lists.html", context)


@require_safe
@login_required
def one(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """One referral."""
    return _page(request, _shown(request, referral_id), None)


def _page(request: HttpRequest, told: ToldReferral, problem: Problem | None) -> HttpResponse:
    """With a problem it shows again what was typed."""
    who = authority_in(request)
    here = facility_of(who)
    context = page_context(told, who, here.pk if here else None) | {
        "alerts": alerts_of(told.row.patient),
        "note": request.POST.get("note", ""),
        "errors": problem.fields if problem else {},
        "problems": _beside(problem),
    }
    return render(request, "referrals/referral.html", context, status=422 if problem else 200)


def _beside(problem: Problem | None) -> list[dict[str, str]]:
    """For the summary at the top: each with the control that it leads to."""
    fields = problem.fields if problem else {}
    return [{"target": name, "message": str(text)} for name, text in fields.items()]


@require_safe
@login_required
def letter(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The letter, to print."""
    told = _shown(request, referral_id)
    return render(request, "referrals/letter.html", page_context(told, authority_in(request), None))


@require_POST
@login_required
def step(request: HttpRequest, referral_id: UUID, deed: str) -> HttpResponse:
    """Received, answered, or not needed after all."""
    told = _shown(request, referral_id)
    by, save_id = author_of(request), posted_save_id(request.POST)
    here = place_of_work(authority_in(request))
    if deed in ("receive", "answer") and told.row.to_facility_id != here.pk:
        raise Http404
    try:
        if deed == "receive":
            receive(by=by, referral=told.row, at=here, save_id=save_id)
        elif deed == "answer":
            note = request.POST.get("note", "")
            answer(by=by, referral=told.row, at=here, note=note, save_id=save_id)
        else:
            cancel(by=by, referral=told.row, save_id=save_id)
    except Problem as refused:
        if refused.fields:
            return _page(request, _shown(request, referral_id), refused)
        if refused.status != 409:
            raise
        messages.error(request, str(refused.title))
    else:
        messages.success(request, _("Saved on the clinic laptop."))
    return redirect("referral", referral_id)


def _shown(request: HttpRequest, referral_id: UUID) -> ToldReferral:
    """The referral, if whoever asks may see its patient."""
    told = referral_of(referral_id)
    if told is None:
        raise Http404
    shown_patient(request, told.row.patient_id)
    return told
