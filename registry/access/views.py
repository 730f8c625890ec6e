"""Pages of the access log: the question before another place's record, and the log itself.

Lives here: the requests. Not here: the door (`desk.py`), what may be read (`selectors.py`), writing
(`services.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from registry.access.desk import door_of
from registry.access.forms import LogForm, ReasonForm
from registry.access.policy import Answer, check_read_log
from registry.access.selectors import log_page, opened_lately
from registry.access.services import give_reason
from registry.access.unwritten import waiting
from registry.answers import answering
from registry.panels import Panel
from registry.people.models import Patient
from registry.people.selectors import belongs_to, masked, persons, reachable_patients
from registry.places.selectors import facilities_of
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def reason(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Why this record of another place is opened. Until that is said, the page shows no name."""
    who, by = authority_in(request), author_of(request)
    patient = reachable_patients(who).filter(pk=patient_id).first()
    if patient is None:
        raise Http404
    answer = Answer.OPEN if belongs_to(who, patient) else door_of(by.staff_id, patient.pk)[0]
    if answer is Answer.NOBODY:
        raise Http404
    if answer is Answer.OPEN:
        return redirect(_onward(request, patient))
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            give_reason(by=by, patient_id=patient.pk, reason=said["reason"], note=said["note"])
        except Problem as problem:
            for name, sentence in problem.fields.items():
                form.add_error(name, sentence)
        else:
            return redirect(_onward(request, patient))
    return _reason_page(request, patient, form)


def _reason_page(request: HttpRequest, patient: Patient, form: ReasonForm) -> HttpResponse:
    home = next(iter(facilities_of([patient.registered_at_id] if patient.registered_at_id else [])), None)
    context = {
        "someone": masked(persons([patient])[0]),
        "place": home.name if home else "",
        "form": form,
        "next": _onward(request, patient),
    }
    return render(request, "access/reason.html", context, status=422 if form.errors else 200)


def _onward(request: HttpRequest, patient: Patient) -> str:
    """The page of ours that was asked for; the patient's own where none was."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return wanted if ours else reverse("patient", args=[patient.pk])


@require_safe
@login_required
def log(request: HttpRequest) -> HttpResponse:
    """Who opened which record: by patient, colleague, place and days."""
    who = authority_in(request)
    with answering():
        check_read_log(who)
    form = LogForm(who, request.GET)
    asked = form.asked()
    try:
        number = int(request.GET.get("page", "1"))
    except ValueError:
        number = 1
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "page": log_page(who, asked, number),
        "about": _about(request, asked.patient_id),
        "query": query.urlencode(),
        "unwritten": {"number": kept} if (kept := waiting()) else None,
    }
    return render(request, "access/log.html", context, status=400 if form.errors else 200)


def _about(request: HttpRequest, patient_id: UUID | None) -> Any:
    """The patient whose openings are listed."""
    if patient_id is None:
        return None
    who = authority_in(request)
    patient = reachable_patients(who).filter(pk=patient_id).first()
    if patient is None:
        return None
    shape = persons([patient])[0]
    return shape if belongs_to(who, patient) else masked(shape)


def opened_panel(request: HttpRequest, patient: Patient) -> Panel | None:
    """Who opened this record, on the patient's page, for those who read the log."""
    who = authority_in(request)
    try:
        with answering():
            check_read_log(who)
    except Problem:
        return None
    return Panel("access/_opened.html", {"id": patient.pk, "lines": opened_lately(who, patient)})


def unwritten_panel(request: HttpRequest, _nothing: Any) -> Panel | None:
    """Looks that are kept beside the database: somebody must be told."""
    number = waiting()
    return Panel("access/_unwritten.html", {"number": number}) if number else None
