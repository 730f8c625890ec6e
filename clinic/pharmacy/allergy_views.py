"""The page of a person's allergies.

Lives here: what stands, one more, and what was found to be none. Not here: the alert of the banner
(`panels.py`), what is warned of (`cautions.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clinic.pharmacy import policy, shapes, wording
from clinic.pharmacy.forms import AllergyForm, add_problem
from clinic.pharmacy.models import Allergy
from clinic.pharmacy.prescribing import note_allergy, refute_allergy
from clinic.pharmacy.search import medicines_in_use, search_medicines
from clinic.pharmacy.selectors import allergies_of, refuted_allergies_of
from clinic.pharmacy.views import of_patient
from clinic.visits.pages import place_of_work
from clinic.visits.shapes import alerts_of
from registry.answers import answering
from registry.drafts import UnfinishedForm, continued, finished, offered
from registry.people.models import Patient
from registry.people.selectors import person
from registry.people.views import posted_save_id, shown_patient
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def allergies(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """What somebody must not be given: what stands, one more, and what was found to be none."""
    patient = shown_patient(request, patient_id)
    if request.method == "POST":
        with answering():
            policy.check_note_allergy(authority_in(request))
    begun = continued(request) if request.method == "POST" else None
    form = AllergyForm((begun.posted if begun else request.POST) or None)
    if begun:
        form.errors.clear()  # nobody has tapped Save: nothing is wrong yet
    elif request.method == "POST" and form.is_valid():
        try:
            _note(request, patient, form.cleaned_data)
        except Problem as problem:
            add_problem(form, problem)
        else:
            finished(request)
            messages.success(request, _("Written down. Everybody who opens this patient sees it."))
            return redirect("patient-allergies", patient.pk)
    return _page(request, patient, form, begun)


def _page(
    request: HttpRequest,
    patient: Patient,
    form: AllergyForm,
    begun: UnfinishedForm | None = None,
    **refused: Any,
) -> HttpResponse:
    """`refused`: the allergy that was not said to be none, what was typed, and why not."""
    who = authority_in(request)
    context = {
        "person": person(patient),
        "alerts": alerts_of(patient),
        "standing": shapes.allergies(allergies_of(patient)),
        "refuted": [shapes.refutation(one) for one in refuted_allergies_of(patient)],
        "form": form,
        "substances": sorted({one.name for one in medicines_in_use()}),
        "may": {"note": policy.can_note_allergy(who), "refute": policy.can_refute_allergy(who)},
        "refused": refused,
        "save_id": begun.save_id if begun else "",
        "draft": None if request.method == "POST" else offered(request),
    }
    status = 422 if form.errors or refused else 200
    return render(request, "pharmacy/allergies.html", context, status=status)


def _note(request: HttpRequest, patient: Patient, said: dict[str, Any]) -> None:
    """A group by its chip; something else by its name, with the code that our list has for it."""
    substance, atc = said["substance"].strip(), ""
    if substance:
        atc = next((one.atc for one in search_medicines(substance) if one.name == substance), "")
    elif said["group"]:
        substance, atc = wording.group_name(said["group"]), said["group"]
    note_allergy(
        by=author_of(request),
        patient=patient,
        facility=place_of_work(authority_in(request)),
        substance=substance,
        atc=atc,
        reaction=said["reaction"],
        severity=said["severity"],
        save_id=posted_save_id(request.POST),
    )


@require_POST
@login_required
def refute(request: HttpRequest, allergy_id: UUID) -> HttpResponse:
    """It is no allergy after all."""
    allergy: Allergy = of_patient(request, Allergy, allergy_id)
    reason = request.POST.get("reason", "")
    try:
        refute_allergy(
            by=author_of(request),
            allergy=allergy,
            facility=place_of_work(authority_in(request)),
            reason=reason,
            save_id=posted_save_id(request.POST),
        )
    except Problem as problem:
        if "reason" not in problem.fields:
            raise
        about: dict[str, Any] = {"id": allergy.pk, "reason": reason, "error": problem.fields["reason"]}
        return _page(request, allergy.patient, AllergyForm(), **about)
    messages.success(request, _("Written down: this is no allergy."))
    return redirect("patient-allergies", allergy.patient_id)
