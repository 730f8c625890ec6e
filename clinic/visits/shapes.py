"""The shapes that the visit's and the patient's pages print.

Lives here: the contexts of `visits/visit.html` and `people/patient.html`, from what the selectors read. Not
here: requests and saves (`views.py`), the words (`timeline.py`, `wording.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.programs.selectors import definition_of
from clinic.visits import selectors
from clinic.visits.links import contested_about
from clinic.visits.models import Enrollment, Visit
from clinic.visits.policy import Station, VisitState, can_enrol, can_move, can_open, next_station
from clinic.visits.selectors import Task, enrollments_of, open_visit_of, programs_to_enrol, tasks_of
from clinic.visits.timeline import ToldEvent, ToldVisit, stage_behind, tell, timeline, told_in
from clinic.visits.wording import station_name
from registry.panels import alerts_about, panels
from registry.people.models import Patient
from registry.people.selectors import identifiers_of, person
from registry.people.systems import system_label
from registry.places.models import Facility
from registry.staff.policy import Authority, can_record, can_register
from registry.staff.selectors import staff_names

_STATES = {
    Enrollment.Status.ACTIVE: "waiting",
    Enrollment.Status.COMPLETED: "done",
    Enrollment.Status.CANCELLED: "done",
}


def alerts_of(patient: Patient) -> list[dict[str, str]]:
    """What must be seen before anything else."""
    own = [{"text": _("Deceased"), "state": "danger"}] if patient.deceased else []
    return own + [{"text": alert.text, "state": alert.state} for alert in alerts_about(patient)]


def panels_on(request: HttpRequest, page: Literal["patient", "visit"], subject: Any) -> dict[str, Any]:
    """What the other rooms put on the page of a patient or of a visit."""
    return {"panels": {side: panels(f"{page}.{side}", request, subject) for side in ("main", "side")}}  # type: ignore[arg-type]  # two literals make a third


def visit_context(visit: Visit, who: Authority) -> dict[str, Any]:
    """One visit: where it stands, what to fill in, what is written, where to send the patient."""
    now, here = selectors.standing(visit), [visit.facility_id]
    waiting = selectors.waiting_by_station(selectors.present_at(visit.facility).values())
    following, stages = next_station(now.station), _stages(visit, who)
    return {
        "visit": visit_shape(visit),
        "person": person(visit.patient),
        "alerts": alerts_of(visit.patient),
        "stages": [stage for stage in stages if not stage["beside"]],
        "other_forms": [stage for stage in stages if stage["beside"] and stage["url"] and now.is_open],
        "recorded": [_record(told) for told in told_in(visit)],
        "stations": [
            {"id": station.value, "name": station_name(station), "waiting": waiting.get(station, 0)}
            for station in Station
        ],
        "next_station": following and {"id": following.value, "name": station_name(following)},
        "may_close": now.is_open and can_move(who, here),
        "mine": now.state is VisitState.WITH_SOMEONE and now.claimed_by == who.staff_id,
    }


def visit_shape(visit: Visit) -> dict[str, Any]:
    """A visit as the templates name its parts."""
    now = selectors.standing(visit)
    names = staff_names([now.claimed_by])
    return {
        "id": visit.pk,
        "category": str(visit.get_category_display()),
        "opened_at": visit.opened_at,
        "closed_at": now.closed_at,
        "station": station_name(now.station),
        "since": now.since,
        "claimed_by": names.get(now.claimed_by) if now.claimed_by else None,
        "is_open": now.is_open,
        "version": visit.version,
    }


def _stages(visit: Visit, who: Authority) -> list[dict[str, Any]]:
    """What there is to fill in, the station's own first; what nobody is asked for is `beside`."""
    here = selectors.standing(visit).station
    tasks = sorted(tasks_of(visit), key=lambda task: task.stage.station != here)
    told = {one.event.pk: one for one in tell([task.event for task in tasks if task.event])}
    return [_stage(visit, task, told.get(task.event.pk) if task.event else None, who) for task in tasks]


def _stage(visit: Visit, task: Task, told: ToldEvent | None, who: Authority) -> dict[str, Any]:
    may = can_record(who, task.stage.station, None if told else [visit.facility_id])
    name = str(task.stage.name)
    return {
        "id": task.stage.uid,
        "name": _("%(stage)s, once more") % {"stage": name} if task.again else name,
        "state": _task_state(told),
        "at": told.at if told else None,
        "by": told.by if told else "",
        "event_id": told.event.pk if told else None,
        "repeatable": task.stage.repeatable,
        "beside": task.waits_beside,
        "url": reverse("visit-stage", args=[visit.pk, told.event.pk if told else task.stage.uid])
        if may
        else "",
    }


def _task_state(told: ToldEvent | None) -> str:
    if told is None:
        return "waiting"
    complete = told.event.status == told.event.Status.COMPLETED
    return "done" if complete and not any(answer.contested for answer in told.answers) else "needs-you"


def _record(told: ToldEvent, url: str = "") -> dict[str, Any]:
    return {
        "id": told.event.pk,
        "stage": told.stage,
        "at": told.at,
        "by": told.by,
        "place": told.place,
        "url": url,
        "history_url": reverse("event-history", args=[told.event.pk]),
        "values": [(answer.label, answer.text, answer.url) for answer in told.answers],
        "received": {"device": told.event.made_on, "where": told.received.value},
    }


def patient_context(patient: Patient, who: Authority, facility: Facility | None) -> dict[str, Any]:
    """One patient: who they are, what happened, what can be begun."""
    here = [facility.pk] if facility else []
    present = open_visit_of(patient, facility)
    past = timeline(patient)
    may_enrol, due = can_enrol(who, here), selectors.next_days(patient)
    return {
        "person": person(patient),
        "birth_text": birth_text(patient.birth_date, patient.birth_date_estimated),
        "alerts": alerts_of(patient),
        "identifiers": [
            {"system": system_label(row.system), "value": row.value} for row in identifiers_of(patient)
        ],
        "contested": contested_about(patient),
        "open_visit": visit_shape(present) if present else None,
        "categories": Visit.Category.choices,
        "timeline": [_told_visit(told, who) for told in past.visits],
        "apart": [_record(told, _edit_url(told, None, who)) for told in past.apart],
        "enrollments": [_enrollment(row, due) for row in enrollments_of(patient)],
        "programs": [
            {"id": version.program_id, "name": str(definition_of(version.pk).name)}
            for version in (programs_to_enrol(patient) if may_enrol else [])
        ],
        "may": {"edit": can_register(who), "open_visit": can_open(who, here), "enroll": may_enrol},
    }


def birth_text(birth_date: date | None, estimated: bool) -> str:
    """The birth date; of an estimate only the year is worth saying."""
    if birth_date is None:
        return ""
    if estimated:
        return _("about %(year)s") % {"year": birth_date.year}
    return date_format(birth_date, "DATE_FORMAT")


def _told_visit(told: ToldVisit, who: Authority) -> dict[str, Any]:
    return {
        "id": told.visit.pk,
        "opened_at": told.visit.opened_at,
        "category": str(told.visit.get_category_display()),
        "place": told.place,
        "is_open": told.standing.is_open,
        "received": {"device": told.visit.made_on, "where": told.received.value},
        "events": [_record(one, _edit_url(one, told.visit.pk, who)) for one in told.events],
    }


def _edit_url(told: ToldEvent, visit_id: UUID | None, who: Authority) -> str:
    """Where to correct it, for those who may; for others every value it ever had."""
    stage = stage_behind(told.event)
    if visit_id and stage and can_record(who, stage.station):
        return reverse("visit-stage", args=[visit_id, told.event.pk])
    return reverse("event-history", args=[told.event.pk])


def _enrollment(row: Enrollment, due: Mapping[UUID, date]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "program": str(definition_of(row.program_version_id).name),
        "since": row.enrolled_on,
        "state": _STATES.get(Enrollment.Status(row.status), "waiting"),
        "state_word": str(row.get_status_display()),
        "due": due.get(row.pk),
        "url": reverse("enrollment", args=[row.pk]),
    }
