"""Visits, enrollments and events for programs.

Lives here: the calls under `visits/`, `enrollments/`, `events/` and a patient's timeline. A write takes
`Idempotency-Key` (the save id); an edit takes the `version` it edited, and a stale one is merged, never
refused. Not here: shapes (`serializers.py`), rules (`policy.py`, `answers.py`), the board (`clinic/board`).
Read next: `tests/clinic/visits/test_api.py`.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, definition_of, program_named
from clinic.visits import serializers as shapes
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.policy import FIRST_STATION, Standing
from clinic.visits.selectors import enrollments_of, facility_of, standing
from clinic.visits.services import edit_event, enrol, open_visit, record_event
from clinic.visits.timeline import ToldEvent, tell, timeline
from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.people.models import Patient
from registry.people.opening import opened
from registry.places.models import Facility
from registry.places.selectors import facility_named
from registry.staff.policy import Authority
from registry.staff.selectors import author_of, authority_in, staff_names
from sync.problems import Problem
from sync.records import SyncedModel

Row = TypeVar("Row", bound=SyncedModel)


def who_asks(request: Request) -> Authority:
    return authority_in(request._request)


def said_in(shape: Any) -> dict[str, Any]:
    """The body, its kinds and lengths checked."""
    shape.is_valid(raise_exception=True)
    said: dict[str, Any] = dict(shape.validated_data)
    return said


def page_asked(request: Request) -> int:
    """The page of a list that an address asks for."""
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= len(text) < 6 and int(text)):
        sentence = _("There is no such page.")
        raise Problem("bad-page", sentence, fields={"page": sentence})
    return int(text)


def unknown(name: str) -> Problem:
    """A body names something that is not here, or not for whoever asks."""
    sentence = _("There is no such record here.")
    return Problem(f"unknown-{name}", sentence, status=404, fields={name: sentence})


def place_named(request: Request, text: str | None) -> Facility:
    """The facility that a body names, else where the person works."""
    found = facility_named(text) if text else facility_of(who_asks(request))
    if found is None:
        raise unknown("facility")
    return found


def _patient_named(request: Request, patient_id: UUID) -> Patient:
    found = opened(request._request, patient_id)
    if found is None:
        raise unknown("patient")
    return found


def _of_patient(model: type[Row], name: str, patient: Patient, row_id: UUID | None) -> Row | None:
    """What a body names beside the patient: one of theirs."""
    if row_id is None:
        return None
    found: Row | None = model.objects.living().filter(pk=row_id, patient=patient).first()
    if found is None:
        raise unknown(name)
    return found


def _program_named(name: str) -> ProgramVersion:
    program = program_named(name)
    version = current_version(program.pk) if program else None
    if version is None:
        raise unknown("program")
    return version


def visible_row(request: Request, model: type[Row], row_id: UUID) -> Row:
    """A record of a patient whom whoever asks may see."""
    found: Any = model.objects.living().filter(pk=row_id).first()
    if found is None:
        raise Problem("not-found", _("There is no such record here."), status=404)
    found.patient = visible_patient(request, found.patient_id)
    row: Row = found
    return row


def as_made(row: SyncedModel) -> str:
    """The version that the save itself made. A repeated answer must not claim to have seen a later edit."""
    first = copy.copy(row)
    first.versions = None
    return first.version


def writer(staff_id: UUID | None) -> dict[str, Any]:
    return {"id": staff_id, "name": staff_names([staff_id]).get(staff_id, "") if staff_id else ""}


def visit_shape(visit: Visit, now: Standing | None = None) -> dict[str, Any]:
    """A visit as the API tells it."""
    now = now or standing(visit)
    return {
        "id": visit.pk,
        "patient": visit.patient_id,
        "facility": visit.facility_id,
        "category": visit.category,
        "opened_at": visit.opened_at,
        "state": now.state.value,
        "station": now.station,
        "since": now.since,
        "arrived_at": now.arrived_at,
        "claimed_by": writer(now.claimed_by) if now.claimed_by else None,
        "also_claimed": [writer(one) for one in now.also_claimed],
        "waits_for": writer(now.waits_for) if now.waits_for else None,
        "priority": now.priority,
        "skips": now.skips,
        "closed_at": now.closed_at,
        "version": visit.version,
    }


def enrollment_shape(row: Enrollment) -> dict[str, Any]:
    """An enrollment as the API tells it."""
    return {
        "id": row.pk,
        "patient": row.patient_id,
        "program": definition_of(row.program_version_id).uid,
        "program_version": row.program_version_id,
        "facility": row.facility_id,
        "enrolled_on": row.enrolled_on,
        "incident_on": row.incident_on,
        "status": row.status,
        "values": row.values,
        "version": row.version,
    }


def event_shape(told: ToldEvent) -> dict[str, Any]:
    """An event as the API tells it."""
    event = told.event
    return {
        "id": event.pk,
        "patient": event.patient_id,
        "visit": event.visit_id,
        "enrollment": event.enrollment_id,
        "program": told.program_uid,
        "program_version": event.program_version_id,
        "stage": event.stage,
        "stage_name": told.stage,
        "facility": event.facility_id,
        "occurred_at": event.occurred_at,
        "status": event.status,
        "values": event.values,
        "answers": told.answers,
        "contested": [f"values.{answer.key}" for answer in told.answers if answer.contested],
        "by": {"id": event.made_by, "name": told.by},
        "version": event.version,
    }


class Visits(APIView):
    """`visits/`."""

    @extend_schema(
        operation_id="open_visit",
        parameters=[KEY_HEADER],
        request=shapes.OpenVisitSerializer,
        responses={201: shapes.VisitSerializer, 200: shapes.VisitSerializer},
    )
    def post(self, request: Request) -> Response:
        """Start a visit. A patient who is on one here stays on it: then the answer is that visit, with
        200.
        """
        said = said_in(shapes.OpenVisitSerializer(data=request.data))
        opened = open_visit(
            by=author_of(request._request),
            patient=_patient_named(request, said["patient"]),
            facility=place_named(request, said.get("facility")),
            category=said.get("category", Visit.Category.GENERAL),
            station=said.get("station", FIRST_STATION),
            save_id=save_id_of(request),
        )
        answer = shapes.VisitSerializer(visit_shape(opened.visit)).data
        return Response(answer, status=201 if opened.created else 200)


class OneVisit(APIView):
    """`visits/{id}/`."""

    @extend_schema(operation_id="read_visit", responses=shapes.VisitSerializer)
    def get(self, request: Request, visit_id: UUID) -> Response:
        return Response(shapes.VisitSerializer(visit_shape(visible_row(request, Visit, visit_id))).data)


class Enrollments(APIView):
    """`enrollments/`."""

    @extend_schema(
        operation_id="enroll",
        parameters=[KEY_HEADER],
        request=shapes.EnrollSerializer,
        responses={201: shapes.EnrollmentSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.EnrollSerializer(data=request.data))
        row = enrol(
            by=author_of(request._request),
            patient=_patient_named(request, said["patient"]),
            program_version=_program_named(said["program"]),
            facility=place_named(request, said.get("facility")),
            enrolled_on=said.get("enrolled_on"),
            incident_on=said.get("incident_on"),
            values=said.get("values", {}),
            save_id=save_id_of(request),
        )
        answer = enrollment_shape(row) | {"version": as_made(row)}
        return Response(shapes.EnrollmentSerializer(answer).data, status=201)


class Events(APIView):
    """`events/`."""

    @extend_schema(
        operation_id="record_event",
        parameters=[KEY_HEADER],
        request=shapes.RecordSerializer,
        responses={201: shapes.EventSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.RecordSerializer(data=request.data))
        patient = _patient_named(request, said["patient"])
        event = record_event(
            by=author_of(request._request),
            patient=patient,
            facility=place_named(request, said.get("facility")),
            program_version=_program_named(said["program"]),
            stage=said["stage"],
            values=said.get("values", {}),
            visit=_of_patient(Visit, "visit", patient, said.get("visit")),
            enrollment=_of_patient(Enrollment, "enrollment", patient, said.get("enrollment")),
            occurred_at=said.get("occurred_at"),
            status=said.get("status", ""),
            save_id=save_id_of(request),
        )
        answer = event_shape(tell([event])[0]) | {"version": as_made(event)}
        return Response(shapes.EventSerializer(answer).data, status=201)


class OneEvent(APIView):
    """`events/{id}/`."""

    @extend_schema(operation_id="read_event", responses=shapes.EventSerializer)
    def get(self, request: Request, event_id: UUID) -> Response:
        told = tell([visible_row(request, StageEvent, event_id)])[0]
        return Response(shapes.EventSerializer(event_shape(told)).data)

    @extend_schema(
        operation_id="correct_event",
        parameters=[KEY_HEADER],
        request=shapes.CorrectSerializer,
        responses=shapes.CorrectedSerializer,
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        event = visible_row(request, StageEvent, event_id)
        said = said_in(shapes.CorrectSerializer(data=request.data))
        outcome = edit_event(
            by=author_of(request._request),
            event=event,
            changes=said.get("values", {}),
            occurred_at=said.get("occurred_at"),
            status=said.get("status", ""),
            seen=said["version"],
            save_id=save_id_of(request),
        )
        told = tell([StageEvent.objects.get(pk=event.pk)])[0]
        return Response(shapes.CorrectedSerializer(event_shape(told) | {"outcome": outcome}).data)


class PatientTimeline(APIView):
    """`patients/{id}/timeline/`."""

    @extend_schema(operation_id="patient_timeline", responses=shapes.TimelineSerializer)
    def get(self, request: Request, patient_id: UUID) -> Response:
        patient = visible_patient(request, patient_id)
        past = timeline(patient)
        answer = {
            "visits": [
                visit_shape(told.visit, told.standing) | {"events": [event_shape(one) for one in told.events]}
                for told in past.visits
            ],
            "events": [event_shape(told) for told in past.apart],
            "enrollments": [enrollment_shape(row) for row in enrollments_of(patient)],
        }
        return Response(shapes.TimelineSerializer(answer).data)
