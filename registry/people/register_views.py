"""Registering somebody, and what the form asks the laptop meanwhile.

Lives here: the page (likely matches are shown with their reasons while one types, and never block; from a
mother's page her child is registered) and its two fragments, villages by name and who it may be already.
Not here: search (`views.py`), the questions (`forms.py`), what may be said (`policy.py`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry.answers import answering
from registry.drafts import UnfinishedForm, continued, finished, offered
from registry.numbers.codes import check_number
from registry.panels import panels
from registry.people.birth import birth_date_from_age
from registry.people.family_services import register_child
from registry.people.forms import IdentifierRows, PersonForm, add_problem
from registry.people.links import after_registration
from registry.people.models import Patient
from registry.people.search import Found, likely_duplicates
from registry.people.selectors import home_facility, person, today, visible_patients
from registry.people.services import Registered
from registry.people.services import register as register_patient
from registry.people.spelling import digits_of
from registry.people.views import (
    SEARCHED,
    as_left,
    posted_save_id,
    registrar,
    remember_village,
    shown_results,
    villages_lately,
)
from registry.people.villages import uuid_in
from registry.staff.policy import Authority
from registry.staff.selectors import author_of
from sync.ledger.selectors import was_saved
from sync.problems import Problem


def _guess(q: str) -> dict[str, str]:
    """What a search that found nobody says about the person."""
    if check_number(q).kind != "other" or "|" in q:
        return {}
    if len(digits_of(q)) >= 4:
        return {"phone": q} if not any(character.isalpha() for character in q) else {}
    given, _space, family = q.partition(" ")
    return {"given_name": given, "family_name": family.strip()}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def register(request: HttpRequest) -> HttpResponse:
    """Register somebody; whoever may be them already is shown first."""
    who = registrar(request)
    mother = mother_named(request.POST or request.GET, who)
    if request.method != "POST":
        known = _from_mother(mother) if mother else _guess(request.session.get(SEARCHED, ""))
        form = PersonForm(initial=known, lately=villages_lately(request))
        return _register_page(request, form, IdentifierRows(None), [], mother)
    begun = continued(request)
    if begun is not None:
        mother = mother_named(begun.posted, who)
        form, rows = as_left(PersonForm(begun.posted), IdentifierRows(begun.posted))
        return _register_page(request, form, rows, [], mother, begun)
    form = PersonForm(request.POST, lately=villages_lately(request))
    rows = IdentifierRows(request.POST)
    if not (form.is_valid() and rows.formset.is_valid()):
        return _register_page(request, form, rows, [], mother)
    try:
        # Whoever this very save has registered already is no likely match of themselves.
        decided = "is_new" in request.POST or was_saved(posted_save_id(request.POST))
        likely = [] if decided else likely_now(form, rows, who, mother)
        if {str(one.patient.pk) for one in likely} - set(request.POST.getlist("shown")):
            return _register_page(request, form, rows, likely, mother)
        done = _save_new(request, form, rows, who, mother)
    except Problem as problem:
        add_problem(form, problem)
        return _register_page(request, form, rows, [], mother)
    finished(request)
    for sentence in after_registration(request, done.patient):
        messages.warning(request, sentence)
    messages.success(request, _("Registered: %(code)s") % {"code": done.number or done.provisional_code})
    remember_village(request, done.patient.village_id)
    return redirect("patient", done.patient.pk)


def _save_new(
    request: HttpRequest, form: PersonForm, rows: IdentifierRows, who: Authority, mother: Patient | None
) -> Registered:
    said: dict[str, Any] = {
        "by": author_of(request),
        "identifiers": rows.to_add(),
        "facility": home_facility(who),
        "save_id": posted_save_id(request.POST),
        **form.answers(),
    }
    return register_child(mother=mother, **said) if mother else register_patient(**said)


def mother_named(said: QueryDict, who: Authority) -> Patient | None:
    """Whose child is being registered, if the page was reached from a mother's."""
    named = uuid_in(said.get("mother", ""))
    return visible_patients(who).filter(pk=named).first() if named else None


def _from_mother(mother: Patient) -> dict[str, Any]:
    return {
        "family_name": mother.family_name,
        "phone": mother.phone,
        "village": str(mother.village_id or ""),
        "age_unit": "months",
    }


def likely_now(form: PersonForm, rows: IdentifierRows, who: Authority, mother: Patient | None) -> list[Found]:
    """Who may be the person of this form, from as much as is filled in and right."""
    said = form.cleaned_data
    birth, age = said.get("birth_date"), said.get("age_years")
    if birth is None and age is not None:
        with answering():
            birth = birth_date_from_age(age, today(), said["age_unit"])
    return likely_duplicates(
        given_name=said.get("given_name", ""),
        family_name=said.get("family_name", ""),
        sex=said.get("sex") or "unknown",
        birth_date=birth,
        phone=said.get("phone", ""),
        village_id=uuid_in(said.get("village") or ""),
        identifiers=rows.to_add() if rows.formset.is_valid() else [],
        mother=mother.pk if mother else None,
        who=who,
    )


def _register_page(
    request: HttpRequest,
    form: PersonForm,
    rows: IdentifierRows,
    likely: list[Found],
    mother: Patient | None,
    begun: UnfinishedForm | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "identifiers": rows.formset,
        "likely": shown_results(request, likely),
        "mother": person(mother) if mother else None,
        "back_url": reverse("patient", args=[mother.pk]) if mother else reverse("find"),
        "save_id": begun.save_id if begun else "",
        "draft": None if form.is_bound else offered(request),
        "photos": panels("register.photo", request, begun.posted if begun else request.POST),
    }
    came_back = form.is_bound and begun is None and not likely
    return render(request, "people/register.html", context, status=422 if came_back else 200)


@require_safe
@login_required
def village_choices(request: HttpRequest) -> HttpResponse:
    """The villages whose names are like what was typed, and the one that is chosen."""
    registrar(request)
    form = PersonForm(initial={"village": request.GET.get("village", "")}, lately=villages_lately(request))
    typed = request.GET.get("village_name", "").strip()
    if typed:
        form.offer_like(typed)
    return render(request, "people/_villages.html", {"form": form})


@require_POST
@login_required
def likely_so_far(request: HttpRequest) -> HttpResponse:
    """Who may be the person of a half-filled form. Never an error: nobody has asked to save yet."""
    who = registrar(request)
    form, rows = PersonForm(request.POST), IdentifierRows(request.POST)
    form.is_valid()
    try:
        found = likely_now(form, rows, who, mother_named(request.POST, who))
    except Problem:
        found = []
    return render(request, "people/_likely.html", {"likely": shown_results(request, found)})
