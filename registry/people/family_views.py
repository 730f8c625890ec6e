"""A patient's family: who belongs to whom, and one tap to get there.

Lives here: the panel on the patient's page and the page where somebody is linked or taken away. Not here:
what may be tied (`kin.py`), writing (`family_services.py`), registering a child (`register_views.py`).
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from registry.panels import Panel
from registry.people.family import household_of, relatives_of, suggestions_for
from registry.people.family_services import join_household, leave_household, relate, unrelate
from registry.people.kin import YOUNGEST_MOTHER
from registry.people.models import HouseholdMember, Patient, Relation
from registry.people.policy import age_in_years
from registry.people.search import search
from registry.people.selectors import person, today
from registry.people.views import posted_save_id, registrar, shown_patient, shown_results
from registry.people.villages import uuid_in
from registry.staff.policy import can_register
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem

HOUSEHOLD: Final = "household"
TIES: Final = (
    *((kind.value, kind.label) for kind in Relation.Kind),
    (HOUSEHOLD, gettext_lazy("Same household")),
)


def family_panel(request: HttpRequest, patient: Patient) -> Panel:
    """Family and household on the patient's page."""
    who = authority_in(request)
    relatives, home = relatives_of(patient, who), household_of(patient, who)
    named = {one.other for one in relatives}
    context = {
        "id": patient.pk,
        "relatives": relatives,
        "household": [
            one for one in (home.members if home else []) if not one.is_self and one.person.id not in named
        ],
        "may_change": can_register(who),
        "may_be_mother": can_register(who) and may_be_mother(patient),
    }
    return Panel("people/_family.html", context)


def may_be_mother(patient: Patient) -> bool:
    """Whether "register a child" makes sense on this page."""
    if patient.sex == Patient.Sex.MALE:
        return False
    return patient.birth_date is None or age_in_years(patient.birth_date, today()) >= YOUNGEST_MOTHER


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def family(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Link somebody: say what they are, find them, tap them."""
    who = registrar(request)
    patient = shown_patient(request, patient_id)
    if request.method == "POST":
        problem = _link(request, patient)
        if problem is None:
            return redirect("patient", patient.pk)
        return _family_page(request, patient, problem)
    if getattr(request, "htmx", False):
        q = request.GET.get("q", "").strip()
        found = [one for one in search(q, who=who).found if one.patient.pk != patient.pk] if q else []
        return render(request, "people/_to_link.html", {"results": shown_results(request, found), "q": q})
    return _family_page(request, patient, None)


def _link(request: HttpRequest, patient: Patient) -> Problem | None:
    other_id, kind = uuid_in(request.POST.get("other", "")), request.POST.get("kind", "")
    if other_id is None:
        raise Http404
    said: dict[str, Any] = {
        "by": author_of(request),
        "patient": patient,
        "other": shown_patient(request, other_id),
        "save_id": posted_save_id(request.POST),
    }
    try:
        if kind == HOUSEHOLD:
            join_household(**said, role=request.POST.get("role") or "other")
        else:
            relate(**said, kind=kind)
    except Problem as problem:
        return problem
    messages.success(request, _("The two are linked."))
    return None


def _family_page(request: HttpRequest, patient: Patient, problem: Problem | None) -> HttpResponse:
    who, q = authority_in(request), request.POST.get("q", request.GET.get("q", "")).strip()
    found = [one for one in search(q, who=who).found if one.patient.pk != patient.pk] if q else []
    sentences = " ".join(dict.fromkeys(map(str, problem.fields.values()))) if problem else ""
    context = {
        "person": person(patient),
        "ties": TIES,
        "roles": HouseholdMember.Role.choices,
        "chosen": request.POST.get("kind", ""),
        "relatives": relatives_of(patient, who),
        "household": household_of(patient, who),
        "suggestions": suggestions_for(patient, who),
        "q": q,
        "results": shown_results(request, found),
        "sentence": sentences or (problem.title if problem else ""),
    }
    return render(request, "people/family.html", context, status=422 if problem else 200)


@require_POST
@login_required
def unlink(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Take a tie or a membership away; the people stay."""
    registrar(request)
    patient = shown_patient(request, patient_id)
    save_id, named = posted_save_id(request.POST), uuid_in(request.POST.get("relation", ""))
    if named is None:
        leave_household(by=author_of(request), patient=patient, save_id=save_id)
    else:
        row = Relation.objects.filter(pk=named, patient=patient).first()
        if row is None:
            raise Http404
        unrelate(by=author_of(request), relation=row, save_id=save_id)
    messages.success(request, _("No longer linked."))
    return redirect("patient-family", patient.pk)
