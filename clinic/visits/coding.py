"""Finding a diagnosis: the short list under the question, and the same for programs.

Lives here: `usual_codes` (what this clinic writes most), the fragment that the form fetches while somebody
types, and `GET icd10/`. Not here: the search itself (`clinic/programs/icd10.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.programs.icd10 import Coded, coded, find, is_code
from clinic.programs.selectors import current_versions, definition_of
from clinic.visits.models import StageEvent
from clinic.visits.selectors import facility_of
from registry.places.models import Facility
from registry.staff.selectors import authority_in

SHOWN: Final = 8
LOOKED_AT: Final = 300
ALWAYS_COMMON: Final = ("J06.9", "A09.9", "I10", "E11.9", "R50.9", "M54.5", "Z00.0", "Z34.9")
_NAME: Final = re.compile(r"[\w-]{1,80}", re.ASCII)


def _coded_questions() -> tuple[set[str], set[str]]:
    """The stages that ask for a code, and the keys of those answers."""
    stages, keys = set(), set()
    for version in current_versions():
        for stage in definition_of(version.pk).stages:
            asked = {element.key for element in stage.elements if element.option_source}
            keys |= asked
            stages |= {stage.uid} if asked else set()
    return stages, keys


def usual_codes(facility: Facility | None, limit: int = SHOWN) -> list[str]:
    """What this clinic wrote most among its latest events, then what is common everywhere."""
    stages, keys = _coded_questions()
    counted: Counter[str] = Counter()
    if stages and facility is not None:
        events = StageEvent.objects.living().filter(facility=facility, stage__in=stages)
        for values in events.order_by("-made_stamp").values_list("values", flat=True)[:LOOKED_AT]:
            counted.update(code for key in keys if isinstance(code := values.get(key), str) and is_code(code))
    often = [code for code, _times in counted.most_common(limit)]
    return list(dict.fromkeys([*often, *ALWAYS_COMMON]))[:limit]


def suggested(query: str, facility: Facility | None) -> list[Coded]:
    """What a query means here; what this clinic often writes comes first."""
    language, usual = get_language(), usual_codes(facility)
    if not query.strip():
        return [coded(code, language) for code in usual]
    rank = {code: place for place, code in enumerate(usual)}
    found = find(query, language, limit=4 * SHOWN)
    return sorted(found, key=lambda one: rank.get(one.code, len(rank)))[:SHOWN]


@require_safe
@login_required
def fragment(request: HttpRequest) -> HttpResponse:
    """The short list under a question, as big buttons."""
    field, target = request.GET.get("field", "q"), request.GET.get("id", "")
    query = request.GET.get(field, request.GET.get("q", ""))[:200]
    context = {
        "found": suggested(query, facility_of(authority_in(request))),
        "query": query.strip(),
        "target": target if _NAME.fullmatch(target) else "",
    }
    return render(request, "visits/_codes.html", context)


class CodedSerializer(serializers.Serializer[Any]):
    """A code of ICD-10."""

    code = serializers.CharField()
    words = serializers.CharField()


class SearchCodes(APIView):
    """`icd10/`."""

    @extend_schema(
        operation_id="search_icd10",
        parameters=[OpenApiParameter("q", str, description="A code or words; empty for what is usual here.")],
        responses=CodedSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Codes by code or words, the likeliest first."""
        facility = facility_of(authority_in(request._request))
        found = suggested(str(request.query_params.get("q", ""))[:200], facility)
        return Response(CodedSerializer(found, many=True).data)
