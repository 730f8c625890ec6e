"""Care that goes on, for programs: one enrollment with its schedule, decisions about it, the working lists.

Lives here: the calls under `enrollments/{id}/` and `worklists/`, with their shapes. A write takes
`Idempotency-Key`. Not here: enrolling and filling in (`api.py`), rules (`care_policy.py`, `schedule.py`).
Read next: `tests/clinic/visits/test_care_api.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.programs.selectors import program_named
from clinic.visits import following
from clinic.visits.api import (
    enrollment_shape,
    page_asked,
    place_named,
    said_in,
    unknown,
    visible_row,
    who_asks,
    writer,
)
from clinic.visits.care_shapes import slot_name
from clinic.visits.models import CareStep, Enrollment
from clinic.visits.planning import Followed, followed
from clinic.visits.schedule import CareKind, SlotState, state_on
from clinic.visits.selectors import facility_of
from clinic.visits.serializers import FACILITY_HELP, OUTCOMES, EnrollmentSerializer
from clinic.visits.worklists import Line, ListName, worklist
from registry.people.api import KEY_HEADER, save_id_of
from registry.people.selectors import today
from registry.people.serializers import StrictSerializer, WriterSerializer
from registry.staff.models import StaffMember
from registry.staff.selectors import author_of
from sync.node import current_node
from sync.problems import Problem


class SlotSerializer(serializers.Serializer[Any]):
    """One expected coming."""

    stage = serializers.CharField()
    occurrence = serializers.IntegerField()
    name = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    state = serializers.ChoiceField(choices=[state.value for state in SlotState])
    event = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField()


class CareSerializer(EnrollmentSerializer):
    """An enrollment with its schedule."""

    schedule = SlotSerializer(many=True)
    assigned_to = WriterSerializer(allow_null=True)


class CorrectEnrollmentSerializer(StrictSerializer):
    """`PATCH enrollments/{id}/`."""

    version = serializers.CharField(max_length=4000)
    enrolled_on = serializers.DateField(required=False)
    incident_on = serializers.DateField(required=False, allow_null=True)
    values = serializers.DictField(
        required=False, help_text="Answers about the person by the questions' codes; null takes one back."
    )


class CorrectedEnrollmentSerializer(CareSerializer):
    outcome = serializers.ChoiceField(choices=OUTCOMES)


class DecisionSerializer(StrictSerializer):
    """`POST enrollments/{id}/steps/`."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in CareKind])
    stage = serializers.CharField(max_length=100, required=False)
    occurrence = serializers.IntegerField(required=False, min_value=1, max_value=200)
    on = serializers.DateField(required=False)
    reason = serializers.CharField(max_length=300, required=False)
    staff = serializers.CharField(
        max_length=150, required=False, allow_null=True, help_text="A user name; null takes it back."
    )
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class WorklistLineSerializer(serializers.Serializer[Any]):
    """One line of a working list."""

    patient = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.CharField(allow_null=True)
    phone = serializers.CharField()
    village = serializers.CharField()
    enrollment = serializers.UUIDField(allow_null=True)
    program = serializers.CharField()
    stage = serializers.CharField()
    due_on = serializers.DateField()
    state = serializers.CharField()
    reason = serializers.CharField()


class WorklistSerializer(serializers.Serializer[Any]):
    """One page of a working list; `next` is the number of the following page."""

    lines = WorklistLineSerializer(many=True)
    page = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)


def care_shape(one: Followed) -> dict[str, Any]:
    """An enrollment and its schedule as the API tells them."""
    on = today()
    return enrollment_shape(one.enrollment) | {
        "schedule": [
            {
                "stage": slot.stage,
                "occurrence": slot.occurrence,
                "name": slot_name(one.program.stage(slot.stage), slot),
                "due_on": slot.due_on,
                "state": state_on(slot, on).value,
                "event": slot.event.event if slot.event else None,
                "reason": slot.skipped.reason if slot.skipped else "",
            }
            for slot in one.slots()
        ],
        "assigned_to": writer(one.assigned_to) if one.assigned_to else None,
    }


def _care_of(request: Request, enrollment_id: UUID) -> Followed:
    row = visible_row(request, Enrollment, enrollment_id)
    for one in followed([row.patient_id]):
        if row.pk in {one.enrollment.pk, *(twin.pk for twin in one.twins)}:
            one.enrollment.patient = row.patient
            return one
    raise Problem("program-missing", _("This program has not arrived here yet."), status=409)


class OneEnrollment(APIView):
    """`enrollments/{id}/`."""

    @extend_schema(operation_id="read_enrollment", responses=CareSerializer)
    def get(self, request: Request, enrollment_id: UUID) -> Response:
        return Response(CareSerializer(care_shape(_care_of(request, enrollment_id))).data)

    @extend_schema(
        operation_id="correct_enrollment",
        parameters=[KEY_HEADER],
        request=CorrectEnrollmentSerializer,
        responses=CorrectedEnrollmentSerializer,
    )
    def patch(self, request: Request, enrollment_id: UUID) -> Response:
        row = visible_row(request, Enrollment, enrollment_id)
        said = said_in(CorrectEnrollmentSerializer(data=request.data))
        seen, values = said.pop("version"), said.pop("values", {})
        outcome = following.edit_enrollment(
            by=author_of(request._request),
            enrollment=row,
            changes=said,
            values=values,
            seen=seen,
            save_id=save_id_of(request),
        )
        answer = care_shape(_care_of(request, enrollment_id)) | {"outcome": outcome}
        return Response(CorrectedEnrollmentSerializer(answer).data)


class EnrollmentSteps(APIView):
    """`enrollments/{id}/steps/`."""

    @extend_schema(
        operation_id="decide_on_enrollment",
        parameters=[KEY_HEADER],
        request=DecisionSerializer,
        responses={201: CareSerializer},
    )
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """One decision: a stage moved or skipped, the enrollment ended, a follow-up, who is in charge."""
        row = visible_row(request, Enrollment, enrollment_id)
        _decide(request, row, said_in(DecisionSerializer(data=request.data)))
        return Response(CareSerializer(care_shape(_care_of(request, enrollment_id))).data, status=201)


def _decide(request: Request, row: Enrollment, said: dict[str, Any]) -> CareStep:
    kind = CareKind(said["kind"])
    common: dict[str, Any] = {
        "by": author_of(request._request),
        "enrollment": row,
        "facility": place_named(request, said.get("facility")),
        "save_id": save_id_of(request),
    }
    of_stage = {"stage": said.get("stage", ""), "occurrence": said.get("occurrence", 1)}
    reason = {"reason": said.get("reason", "")}
    if kind in (CareKind.COMPLETED, CareKind.CANCELLED):
        return following.end_enrollment(cancelled=kind is CareKind.CANCELLED, **reason, **common)
    if kind is CareKind.REOPENED:
        return following.reopen_enrollment(**reason, **common)
    if kind is CareKind.MOVED:
        return following.plan_stage(on=_needed_day(said), **of_stage, **common)
    if kind is CareKind.SKIPPED:
        return following.skip_stage(**of_stage, **reason, **common)
    if kind is CareKind.WANTED:
        return following.want_stage(**of_stage, **common)
    if kind is CareKind.FOLLOW_UP:
        return following.ask_follow_up(on=_needed_day(said), **reason, **common)
    if kind is CareKind.FOLLOWED_UP:
        return following.settle_follow_up(patient=row.patient, **common)
    return following.assign(staff=_staff_named(said.get("staff")), **common)


def _needed_day(said: dict[str, Any]) -> Any:
    if said.get("on") is None:
        sentence = _("Choose a day.")
        raise Problem("missing-date", sentence, fields={"on": sentence})
    return said["on"]


def _staff_named(username: str | None) -> StaffMember | None:
    if not username:
        return None
    found: StaffMember | None = StaffMember.objects.living().filter(username=username).first()
    if found is None:
        raise unknown("staff")
    return found


class Worklists(APIView):
    """`worklists/`."""

    @extend_schema(
        operation_id="read_worklist",
        parameters=[
            OpenApiParameter("list", str, enum=[name.value for name in ListName]),
            OpenApiParameter("program", str, description="A program's uid or code."),
            OpenApiParameter("page", int),
        ],
        responses=WorklistSerializer,
    )
    def get(self, request: Request) -> Response:
        """Who is due this week, overdue, to be followed up, or mine."""
        who, asked = who_asks(request), request.query_params.get("list", ListName.DUE)
        if asked not in set(ListName):
            raise unknown("list")
        program = request.query_params.get("program", "")
        named = program_named(program) if program else None
        if program and named is None:
            raise unknown("program")
        page = worklist(
            name=ListName(asked),
            who=who,
            facility=None if current_node().is_central else facility_of(who),
            program_id=named.pk if named else None,
            page=page_asked(request),
        )
        answer = {
            "lines": [_line(line) for line in page.lines],
            "page": page.number,
            "next": page.following,
        }
        return Response(WorklistSerializer(answer).data)


def _line(line: Line) -> dict[str, Any]:
    return {
        "patient": line.person.id,
        "name": line.person.name,
        "number": line.person.number,
        "phone": line.person.phone,
        "village": line.person.village,
        "enrollment": line.item.enrollment_id,
        "program": line.program,
        "stage": line.stage,
        "due_on": line.item.due_on,
        "state": line.state.value,
        "reason": line.item.reason,
    }
