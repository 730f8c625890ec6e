"""What every page about visits does the same way.

Lives here: where a person works, finding a visit or an event that they may see, and a form that follows its
rules (`ruled_form`, `live_answer`). Not here: the pages (`views.py`), how a refusal becomes a page
(`deploy/middleware.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.forms.controls import SearchControl
from clinic.forms.ruled import follow
from clinic.forms.stage_form import StageForm, Suggestions, build_form
from clinic.forms.views import PERSON_PREFIX
from clinic.programs.definition import StageDefinition
from clinic.programs.document import ValueType
from clinic.visits.attached import show_files
from clinic.visits.models import StageEvent, Visit
from clinic.visits.ruling import Entering, Ruled, effects_for
from clinic.visits.selectors import facility_of
from registry.people.selectors import today
from registry.people.views import shown_patient
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.policy import Authority
from sync.problems import Problem


def place_of_work(who: Authority) -> Facility:
    """Where this person's visits take place; a refusal where nothing says so."""
    found = facility_of(who)
    if found is None:
        raise Problem(
            "no-facility",
            _("Nothing says at which facility you work."),
            detail=_("Ask the programme office to give you a role at one."),
            status=409,
        )
    return found


def shown_visit(request: HttpRequest, visit_id: UUID) -> Visit:
    """The visit, if whoever asks may see its patient."""
    visit: Visit | None = Visit.objects.living().filter(pk=visit_id).first()
    if visit is None:
        raise Http404
    visit.patient = shown_patient(request, visit.patient_id)
    return visit


def shown_event(request: HttpRequest, event_id: UUID) -> StageEvent:
    """The event, if whoever asks may see its patient."""
    event: StageEvent | None = StageEvent.objects.living().filter(pk=event_id).first()
    if event is None:
        raise Http404
    event.patient = shown_patient(request, event.patient_id)
    return event


def ruled_form(
    asked: Ruled, posted: Mapping[str, Any] | None, values: Mapping[str, Any], *, saving: bool = False
) -> StageForm:
    """The form of a stage, or of what an enrollment asks, as its rules want it. `values` are recorded."""
    of_person = isinstance(asked, Entering)
    form = build_form(
        asked.stage,
        posted,
        values,
        PERSON_PREFIX if of_person else None,
        today=today(),
        suggestions=_suggestions(asked.stage),
    )
    for element in asked.stage.elements:
        control = form.fields[element.key].widget
        if isinstance(control, SearchControl) and element.options:
            control.address = reverse("options", args=[asked.version_id, element.key])
            control.address += "?person" if of_person else ""
    show_files(form, asked.patient.pk, asked.staff_id)
    if asked.concerned():
        form.live = bool(form.fields)
        follow(form, lambda answers: effects_for(asked, answers), saving=saving)
    return form


def _suggestions(stage: StageDefinition) -> Suggestions:
    kinds = {element.value_type for element in stage.elements}
    places = Facility.objects.living() if ValueType.ORGANISATION_UNIT in kinds else []
    people = StaffMember.objects.living().filter(active=True) if ValueType.USERNAME in kinds else []
    return Suggestions(
        places=[(str(place.pk), place.name) for place in places],
        people=[(member.username, str(member)) for member in people],
    )


def live_answer(request: HttpRequest, form: StageForm) -> HttpResponse:
    """Only the questions that look different from how the page shows them."""
    shown = dict(part.split(":", 1) for part in request.POST.get("rules", "").split() if ":" in part)
    now = form.signatures
    changed = [form[key] for key in form.fields if shown.get(key) != now.get(key)]
    return render(request, "forms/_live.html", {"form": form, "changed": changed})
