"""Reports for programs: the numbers of the pages, under stable names.

Lives here: the calls under `reports/`, all of them reads. Days are `from` and `to` (both counted) or a
`period`; places are `facility` or, at central, `area`. Not here: the counting.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.reports.asked import Asked, asked_in
from clinic.reports.followed import followed_in
from clinic.reports.morbidity import Line, morbidity
from clinic.reports.passing import Waits, passing
from clinic.reports.policy import Period
from clinic.reports.register import register
from clinic.reports.used import stock_used
from clinic.visits.api import page_asked, who_asks
from registry.people.opening import listed

PARAMETERS: Final = [
    OpenApiParameter("from", str, description="First day, YYYY-MM-DD."),
    OpenApiParameter("to", str, description="Last day, YYYY-MM-DD, counted as well."),
    OpenApiParameter("period", str, enum=[one.value for one in Period if one is not Period.OWN]),
    OpenApiParameter("facility", str, description="A facility's id or code."),
    OpenApiParameter("area", str, description="An area's id or code, with everything inside it; at central."),
]


class SpanSerializer(serializers.Serializer[Any]):
    """What the answer is about."""

    first = serializers.DateField()
    last = serializers.DateField()
    facilities = serializers.ListField(child=serializers.UUIDField())


class RegisterLineSerializer(serializers.Serializer[Any]):
    """One visit. Of a person whom the caller may not open there is no patient, name, number or village."""

    visit = serializers.UUIDField()
    patient = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField()
    place = serializers.CharField()
    number = serializers.CharField()
    name = serializers.CharField()
    age = serializers.CharField()
    sex = serializers.CharField()
    village = serializers.CharField()
    category = serializers.CharField()
    coming = serializers.CharField()
    diagnosis = serializers.ListField(child=serializers.CharField())
    treatment = serializers.ListField(child=serializers.CharField())
    referred = serializers.ListField(child=serializers.CharField())


class RegisterSerializer(SpanSerializer):
    """`GET reports/register/`. `next` is the number of the next page."""

    lines = RegisterLineSerializer(many=True)
    next = serializers.IntegerField(allow_null=True)


class CountedSerializer(serializers.Serializer[Any]):
    """`key` is a chapter's number or a code; `counts` are the new cases by sex and age group, `again` how
    many came back for it.
    """

    key = serializers.CharField(allow_blank=True)
    new = serializers.IntegerField()
    again = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))


class MorbiditySerializer(SpanSerializer):
    """`GET reports/morbidity/`."""

    chapters = CountedSerializer(many=True)
    codes = CountedSerializer(many=True)
    uncoded = serializers.IntegerField()


class WaitsSerializer(serializers.Serializer[Any]):
    """Minutes from coming to a station until somebody there took the patient."""

    people = serializers.IntegerField()
    median = serializers.IntegerField()
    ninth_decile = serializers.IntegerField()
    longest = serializers.IntegerField()
    an_hour_or_more = serializers.IntegerField()


class VisitsSerializer(SpanSerializer):
    """`GET reports/visits/`. Hours and days are those of the node's own clock."""

    total = serializers.IntegerField()
    closed = serializers.IntegerField()
    hours = serializers.DictField(child=serializers.IntegerField())
    days = serializers.DictField(child=serializers.IntegerField())
    categories = serializers.DictField(child=serializers.IntegerField())
    waits = serializers.DictField(child=WaitsSerializer())
    whole_visit = WaitsSerializer()


class UsedSerializer(serializers.Serializer[Any]):
    """One medicine, in its smallest unit."""

    medicine = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    received = serializers.IntegerField()
    given = serializers.IntegerField()
    lost = serializers.IntegerField()
    other = serializers.IntegerField()
    left = serializers.IntegerField()


class StockUsedSerializer(SpanSerializer):
    """`GET reports/stock/`."""

    medicines = UsedSerializer(many=True)


class FollowedSerializer(serializers.Serializer[Any]):
    """One program; `new` is of the days asked about, everything else as of today."""

    program = serializers.CharField()
    active = serializers.IntegerField()
    new = serializers.IntegerField()
    completed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    due = serializers.IntegerField()
    overdue = serializers.IntegerField()


class ProgramsSerializer(SpanSerializer):
    """`GET reports/programs/`."""

    programs = FollowedSerializer(many=True)


def _asked(request: Request) -> Asked:
    query = request.query_params.dict()
    return asked_in({**query, "period": query.get("period", Period.TODAY) or " "}, who_asks(request))


def _about(asked: Asked) -> dict[str, Any]:
    return {"first": asked.span.first, "last": asked.span.last, "facilities": asked.place_ids}


class Register(APIView):
    """`reports/register/`."""

    @extend_schema(
        operation_id="report_register",
        parameters=[*PARAMETERS, OpenApiParameter("page", int)],
        responses=RegisterSerializer,
    )
    def get(self, request: Request) -> Response:
        """One line for each visit, 250 at a time."""
        asked = _asked(request)
        page = register(asked, who_asks(request), page_asked(request))
        listed(request._request, "register")
        lines = [asdict(line) | ({"patient": None} if line.hidden else {}) for line in page.lines]
        told = _about(asked) | {"lines": lines, "next": page.following}
        return Response(RegisterSerializer(told).data)


def _counted(line: Line) -> dict[str, Any]:
    counts: dict[str, dict[str, int]] = {}
    for (sex, group), number in sorted(line.cells.items()):
        counts.setdefault(sex, {})[group.value] = number
    return {"key": line.key, "new": line.new, "again": line.again, "counts": counts}


class MorbidityReport(APIView):
    """`reports/morbidity/`."""

    @extend_schema(operation_id="report_morbidity", parameters=PARAMETERS, responses=MorbiditySerializer)
    def get(self, request: Request) -> Response:
        """Diagnoses by chapter of ICD-10 and by code, by sex and age."""
        asked = _asked(request)
        found = morbidity(asked)
        told = _about(asked) | {
            "chapters": [_counted(line) for line in found.chapters],
            "codes": [_counted(line) for line in found.codes],
            "uncoded": found.uncoded,
        }
        return Response(MorbiditySerializer(told).data)


def _waits(waits: Waits) -> dict[str, int]:
    return {
        "people": waits.people,
        "median": waits.median,
        "ninth_decile": waits.most,
        "longest": waits.longest,
        "an_hour_or_more": waits.an_hour_or_more,
    }


class Visits(APIView):
    """`reports/visits/`."""

    @extend_schema(operation_id="report_visits", parameters=PARAMETERS, responses=VisitsSerializer)
    def get(self, request: Request) -> Response:
        """How many came when and for what, and how long they waited where."""
        asked = _asked(request)
        found = passing(asked)
        told = _about(asked) | {
            "total": found.total,
            "closed": found.closed,
            "hours": {str(hour): number for hour, number in found.hours.items()},
            "days": {day.isoformat(): number for day, number in found.days.items()},
            "categories": found.categories,
            "waits": {station: _waits(one) for station, one in found.waits.items()},
            "whole_visit": _waits(found.whole),
        }
        return Response(VisitsSerializer(told).data)


class Stock(APIView):
    """`reports/stock/`."""

    @extend_schema(operation_id="report_stock", parameters=PARAMETERS, responses=StockUsedSerializer)
    def get(self, request: Request) -> Response:
        """What each medicine's balance gained and lost."""
        asked = _asked(request)
        medicines = [
            {
                "medicine": one.medicine.pk,
                "code": one.medicine.code,
                "name": str(one.medicine),
                "unit": one.medicine.unit,
                "received": one.received,
                "given": one.given,
                "lost": one.lost,
                "other": one.other,
                "left": one.left,
            }
            for one in stock_used(asked)
        ]
        return Response(StockUsedSerializer(_about(asked) | {"medicines": medicines}).data)


class Programs(APIView):
    """`reports/programs/`."""

    @extend_schema(operation_id="report_programs", parameters=PARAMETERS, responses=ProgramsSerializer)
    def get(self, request: Request) -> Response:
        """How many are followed, due and overdue."""
        asked = _asked(request)
        told = _about(asked) | {"programs": [asdict(one) for one in followed_in(asked)]}
        return Response(ProgramsSerializer(told).data)
