"""Pages about who somebody is: find, change, history.

Lives here: the one search box; a change posts what the form had shown, so that only answers somebody
touched are written. Not here: registering (`register_views.py`), families (`family_views.py`), cards
(`card_views.py`), the patient's own page with visits (`clinic/visits`), what may be said (`policy.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from registry.drafts import UnfinishedForm, continued, finished, offered
from registry.panels import panels
from registry.people.forms import IdentifierRows, PersonForm, add_problem
from registry.people.history import Told, field_label, told
from registry.people.links import open_visits_of
from registry.people.models import Patient
from registry.people.opening import met, opened
from registry.people.search import Answer, Found, search
from registry.people.selectors import (
    identifiers_of,
    masked,
    person,
    persons,
)
from registry.people.services import update_patient
from registry.people.villages import LATELY
from registry.staff.policy import Authority, can_register, can_see_patients
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem
from sync.review.models import Conflict

VILLAGES = "villages"  # in the session
SEARCHED = "searched"  # in the session: a name must not stand in an address
EXACT = frozenset({"number", "provisional-code", "identifier"})


def posted_save_id(posted: QueryDict) -> UUID | None:
    """The save id that the form carried; a form without one is a save of its own."""
    try:
        return UUID(posted.get("save_id", ""))
    except ValueError:
        return None


def shown_patient(request: HttpRequest, patient_id: UUID) -> Patient:
    """The patient, if whoever asks may see them; otherwise the page for nobody. It is an opening of their
    record, and written down as one.
    """
    found = opened(request, patient_id)
    if found is None:
        raise Http404
    return found


def villages_lately(request: HttpRequest) -> list[UUID]:
    """The villages of the people whom this tablet registered last."""
    return [UUID(text) for text in request.session.get(VILLAGES, [])]


def remember_village(request: HttpRequest, village_id: UUID | None) -> None:
    if village_id is not None:
        before = request.session.get(VILLAGES, [])
        request.session[VILLAGES] = list(dict.fromkeys([str(village_id), *before]))[:LATELY]


def registrar(request: HttpRequest) -> Authority:
    """Who asks, if they register people."""
    who = authority_in(request)
    if not can_register(who):
        raise PermissionDenied
    return who


def seeing(request: HttpRequest) -> Authority:
    """Who asks, if they see patients."""
    who = authority_in(request)
    if not can_see_patients(who):
        raise PermissionDenied
    return who


def shown_results(request: HttpRequest, found: list[Found]) -> list[dict[str, Any]]:
    """Who was found, as lists print them; somebody of another place by their initials."""
    people = persons([one.patient for one in found])
    visits = open_visits_of([one.patient.pk for one in found])
    met(request, [one.patient.pk for one in found if one.outside])
    return [
        {
            "person": masked(shape) if one.outside else shape,
            "reasons": one.reason_words,
            "open_visit": None if one.outside else visits.get(shape.id),
            "outside": one.outside,
        }
        for one, shape in zip(found, people, strict=True)
    ]


@require_safe
@login_required
def find(request: HttpRequest) -> HttpResponse:
    """Find somebody by whatever is at hand. A scanned card opens its patient at once."""
    who = seeing(request)
    q = request.GET.get("q", "").strip()
    answer = search(q, who=who) if q else None
    fragment = bool(getattr(request, "htmx", False))
    if answer and _is_a_card(answer, q):
        met(request, [one.patient.pk for one in answer.found if one.outside])
        return _straight_to(answer.found[0].patient, fragment)
    if request.session.get(SEARCHED, "") != q:
        request.session[SEARCHED] = q
    context = {
        "q": q,
        "results": None if answer is None else shown_results(request, answer.found),
        "more": bool(answer and answer.more),
        "number_problem": _number_problem(answer),
        "may_register": can_register(who),
    }
    if context["number_problem"] and not fragment:
        messages.warning(request, str(context["number_problem"]))
    answer_page = render(request, "people/_results.html" if fragment else "people/find.html", context)
    answer_page.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return answer_page


def _is_a_card(answer: Answer, q: str) -> bool:
    """Whether the text can only mean this one person: a number whose check character fits, or a scanned
    `system|value`.
    """
    exact = (answer.number is not None and answer.number.ok) or "|" in q
    return exact and len(answer.found) == 1 and bool(EXACT & set(answer.found[0].reasons))


def _straight_to(patient: Patient, fragment: bool) -> HttpResponse:
    if not fragment:
        return redirect("patient", patient.pk)
    return HttpResponse(status=204, headers={"HX-Redirect": reverse("patient", args=[patient.pk])})


def forget_search(request: HttpRequest) -> None:
    """Somebody was chosen: what was searched for says nothing about the next person."""
    request.session.pop(SEARCHED, None)


def _number_problem(answer: Answer | None) -> str:
    if answer is None or answer.number is None or answer.number.ok or answer.found:
        return ""
    return _("%(number)s: the check character does not fit. Look at the card again.") % {
        "number": answer.number.value
    }


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Change somebody's details. Only answers that differ from what the form had shown are written."""
    registrar(request)
    patient = shown_patient(request, patient_id)
    carried = identifiers_of(patient)
    if request.method != "POST":
        form = PersonForm(initial=_known(patient), editing=True, lately=villages_lately(request))
        return _edit_page(request, patient, form, IdentifierRows(None, carried), patient.version)
    begun = continued(request)
    if begun is not None:
        form, rows = as_left(PersonForm(begun.posted, editing=True), IdentifierRows(begun.posted, carried))
        return _edit_page(request, patient, form, rows, begun.version, begun)
    form = PersonForm(request.POST, editing=True, lately=villages_lately(request))
    rows = IdentifierRows(request.POST, carried)
    version = request.POST.get("version", "")
    if not (form.is_valid() and rows.formset.is_valid()):
        return _edit_page(request, patient, form, rows, version)
    try:
        outcome = update_patient(
            by=author_of(request),
            patient=patient,
            changes=form.touched(),
            add=rows.to_add(),
            remove=rows.to_remove(),
            seen=version,
            save_id=posted_save_id(request.POST),
        )
    except Problem as problem:
        add_problem(form, problem)
        return _edit_page(request, patient, form, rows, version)
    finished(request)
    if outcome == "conflicted":
        messages.warning(request, _("Saved. Somebody else wrote something different: both are kept."))
    return redirect("patient", patient.pk)


def as_left(form: PersonForm, rows: IdentifierRows) -> tuple[PersonForm, IdentifierRows]:
    """What somebody began, as they left it: nobody has asked to save it yet, so nothing is wrong with it."""
    for one in (form, *rows.formset):
        one.errors.clear()
    return form, rows


def _known(patient: Patient) -> dict[str, Any]:
    born = patient.birth_date
    return {
        "given_name": patient.given_name,
        "family_name": patient.family_name,
        "sex": patient.sex,
        "birth_day": born and born.day,
        "birth_month": born and born.month,
        "birth_year": born and born.year,
        "birth_date_estimated": patient.birth_date_estimated,
        "village": str(patient.village_id or ""),
        "phone": patient.phone,
    }


def _edit_page(
    request: HttpRequest,
    patient: Patient,
    form: PersonForm,
    rows: IdentifierRows,
    version: str,
    begun: UnfinishedForm | None = None,
) -> HttpResponse:
    context = {
        "person": person(patient),
        "form": form,
        "identifiers": rows.formset,
        "version": version,
        "save_id": begun.save_id if begun else "",
        "draft": None if form.is_bound else offered(request),
        "photos": panels("patient.photo", request, patient),
    }
    came_back = form.is_bound and begun is None
    return render(request, "people/edit.html", context, status=422 if came_back else 200)


@require_safe
@login_required
def history(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Every value that was ever written, who wrote it, and where it has been received."""
    patient = shown_patient(request, patient_id)
    decide = _decisions(patient)
    fields: dict[tuple[str, str], dict[str, Any]] = {}
    for one in told(patient):
        name = one.entry.field
        field = fields.setdefault(
            (one.record, name), {"name": name, "label": field_label(one.record, name), "entries": []}
        )
        field["entries"].append(_entry(one))
        field["contested"] = one.record == "patient" and name in decide
        field["decide_url"] = decide.get(name, "") if one.record == "patient" else ""
    context = {"person": person(patient), "fields": list(fields.values())}
    return render(request, "people/history.html", context)


def _entry(one: Told) -> dict[str, Any]:
    entry = one.entry
    return {
        "text": one.text,
        "at": entry.at,
        "by": one.by,
        "device": entry.device,
        "node_name": entry.node_name,
        "received_at": entry.received_at,
        "at_central": entry.at_central,
        "shown": entry.shown,
        "clock_corrected": entry.corrected,
    }


def _decisions(patient: Patient) -> dict[str, str]:
    """For each contested field the page where a person decides."""
    rows = Conflict.objects.filter(table="patients", record_id=patient.pk)
    return {row.field: _address("review-conflict", row.pk) for row in rows}


def _address(name: str, key: int) -> str:
    try:
        return reverse(name, args=[key])
    except NoReverseMatch:
        return ""
