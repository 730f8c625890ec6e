"""Pages of a visit and the patient's own page.

Lives here: the patient, the visit and its hand-overs, filling in a stage, an event's history. Every writing
form carries a save id (a double tap is the same save) and, where it edits a record, the version it showed.
Not here: who waits where (`clinic/board`), the contexts (`shapes.py`).
Read next: `tests/clinic/visits/test_pages.py`.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.visits.history import told_fields
from clinic.visits.live_parts import patient_note
from clinic.visits.models import Visit
from clinic.visits.moves import make_move
from clinic.visits.moving import claim_visit, close_visit, send_visit
from clinic.visits.pages import place_of_work, shown_event, shown_visit
from clinic.visits.selectors import facility_of
from clinic.visits.services import open_visit
from clinic.visits.shapes import panels_on, patient_context, visit_context
from clinic.visits.stage_page import StagePage
from clinic.visits.wording import station_name
from registry.panels import panels
from registry.people.selectors import person
from registry.people.views import forget_search, posted_save_id, shown_patient
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem


@require_safe
@login_required
def patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """One patient: banner, open visit, everything that was recorded."""
    who = authority_in(request)
    forget_search(request)
    shown = shown_patient(request, patient_id)
    context = patient_context(shown, who, facility_of(who)) | panels_on(request, "patient", shown)
    return render(request, "people/patient.html", context | {"live": patient_note(request, shown)})


@require_POST
@login_required
def start(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Start a visit. Who is on one already stays on it."""
    opened = open_visit(
        by=author_of(request),
        patient=shown_patient(request, patient_id),
        facility=place_of_work(authority_in(request)),
        category=request.POST.get("category", Visit.Category.GENERAL),
        save_id=posted_save_id(request.POST),
    )
    if opened.number:
        messages.success(request, _("The number for the card: %(number)s") % {"number": opened.number})
    if opened.created:
        messages.success(request, _("The visit has begun. Saved on the clinic laptop."))
    else:
        messages.warning(request, _("This patient was on a visit already."))
    return redirect("visit", opened.visit.pk)


@require_safe
@login_required
def visit(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """One visit."""
    shown = shown_visit(request, visit_id)
    context = visit_context(shown, authority_in(request)) | panels_on(request, "visit", shown)
    return render(request, "visits/visit.html", context | {"notes": panels("visit.end", request, shown)})


@require_POST
@login_required
def send(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """On to another station."""
    now = send_visit(
        by=author_of(request),
        visit=shown_visit(request, visit_id),
        station=request.POST.get("station", ""),
        save_id=posted_save_id(request.POST),
    )
    messages.success(request, _("Sent to: %(station)s") % {"station": station_name(now.station)})
    return redirect("queue")


@require_POST
@login_required
def claim(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """I take this patient. Whoever was a moment slower reads who has them, on the visit."""
    try:
        claim_visit(
            by=author_of(request),
            visit=shown_visit(request, visit_id),
            save_id=posted_save_id(request.POST),
        )
    except Problem as problem:
        if problem.status != 409:
            raise
        messages.warning(request, problem.title)
    return redirect("visit", visit_id)


@require_POST
@login_required
def move(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """Everything else that can happen to somebody in a queue. What a colleague made impossible meanwhile is
    said on the page that comes next.
    """
    try:
        said = make_move(
            by=author_of(request),
            visit=shown_visit(request, visit_id),
            what=request.POST.get("do", ""),
            to=request.POST.get("to", ""),
            save_id=posted_save_id(request.POST),
        )
    except Problem as problem:
        if problem.status != 409:
            raise
        messages.warning(request, problem.title)
    else:
        messages.success(request, said)
    return redirect("queue") if request.POST.get("back") == "queue" else redirect("visit", visit_id)


@require_POST
@login_required
def close(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """The patient goes home."""
    close_visit(
        by=author_of(request),
        visit=shown_visit(request, visit_id),
        save_id=posted_save_id(request.POST),
    )
    messages.success(request, _("The visit is closed. Saved on the clinic laptop."))
    return redirect("queue")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def stage(request: HttpRequest, visit_id: UUID, stage_id: str) -> HttpResponse:
    """Fill in a stage, or correct what was filled in."""
    asked = StagePage(request, shown_visit(request, visit_id), stage_id)
    if request.method == "POST" and "live" in request.GET:
        return asked.live()
    return asked.save() if request.method == "POST" else asked.show()


@require_safe
@login_required
def event_history(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Every answer that was ever written, who wrote it, and where it has been received."""
    event = shown_event(request, event_id)
    context = {"person": person(event.patient), "fields": told_fields(event)}
    return render(request, "people/history.html", context)
