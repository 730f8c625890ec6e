"""What every page about visits does the same way.

Lives here: where a person works, and finding a visit or an event that they may see. Not here: the pages
(`views.py`), how a refusal becomes a page (`deploy/middleware.py`).
"""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from clinic.visits.models import StageEvent, Visit
from clinic.visits.selectors import facility_of
from registry.people.views import shown_patient
from registry.places.models import Facility
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
