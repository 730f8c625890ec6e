"""The access log for programs.

Lives here: `GET openings/`. Not here: what may be read (`selectors.py`).
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.access.models import Opening, Reason
from registry.access.policy import check_read_log
from registry.access.selectors import Asked, Line, log_page
from registry.answers import answering
from registry.people.serializers import WriterSerializer
from registry.staff.selectors import authority_in


class OpeningsQuerySerializer(serializers.Serializer[Any]):
    patient = serializers.UUIDField(required=False)
    staff = serializers.UUIDField(required=False)
    facility = serializers.UUIDField(required=False)
    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)
    outside = serializers.BooleanField(required=False, help_text="Only patients of other places.")
    page = serializers.IntegerField(required=False, min_value=1, max_value=10_000)


class OpeningSerializer(serializers.Serializer[Any]):
    """One look at a record. `patient` is null for a list, whose name is in `note`."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = WriterSerializer()
    device = serializers.CharField()
    facility = serializers.UUIDField(allow_null=True)
    patient = serializers.UUIDField(allow_null=True)
    what = serializers.ChoiceField(choices=Opening.What.choices)
    reason = serializers.ChoiceField(choices=Reason.choices, allow_null=True)
    note = serializers.CharField()


class OpeningsSerializer(serializers.Serializer[Any]):
    """Newest first, 50 at a time."""

    openings = OpeningSerializer(many=True)
    next = serializers.IntegerField(allow_null=True)


class Openings(APIView):
    """`openings/`."""

    @extend_schema(
        operation_id="list_openings", parameters=[OpeningsQuerySerializer], responses=OpeningsSerializer
    )
    def get(self, request: Request) -> Response:
        """Who opened which record."""
        who = authority_in(request._request)
        with answering():
            check_read_log(who)
        shape = OpeningsQuerySerializer(data=request.query_params.dict())
        shape.is_valid(raise_exception=True)
        said = shape.validated_data
        asked = Asked(
            patient_id=said.get("patient"),
            staff_id=said.get("staff"),
            facility_id=said.get("facility"),
            first=said.get("first"),
            last=said.get("last"),
            outside=said.get("outside", False),
        )
        page = log_page(who, asked, said.get("page", 1))
        told = {"openings": [_told(line) for line in page.lines], "next": page.following}
        return Response(OpeningsSerializer(told).data)


def _told(line: Line) -> dict[str, Any]:
    row = line.row
    return {
        "id": row.pk,
        "at": line.at,
        "by": {"id": row.made_by, "name": line.who},
        "device": line.device,
        "facility": row.facility_id,
        "patient": row.patient,
        "what": row.what,
        "reason": row.reason or None,
        "note": line.note,
    }
