"""People for programs: register, find, read, change, and the history of every field.

Lives here: the calls under `patients/`. A write takes `Idempotency-Key` (the save id), a change the `version`
it edited; a stale version is merged, never refused. Not here: shapes (`serializers.py`), rules (`policy.py`),
writing (`services.py`).
Read next: `tests/registry/people/test_api.py`.
"""

from __future__ import annotations

import copy
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.answers import answering
from registry.people import serializers as shapes
from registry.people.history import Told, told
from registry.people.models import Patient
from registry.people.opening import met, opened
from registry.people.policy import age_in_years
from registry.people.search import Answer, search
from registry.people.selectors import home_facility, identifiers_of, masked, person, persons, today
from registry.people.services import register, update_patient
from registry.places.models import Area
from registry.places.selectors import area_by_code, facility_named
from registry.staff.policy import check_see_patients
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem
from sync.review.models import Conflict

KEY_HEADER = OpenApiParameter(
    "Idempotency-Key", UUID, OpenApiParameter.HEADER, description="The save id: a repeat changes nothing."
)

REASON = "Posta-Reason"
REASONS = ["emergency", "referred", "moved", "other"]
REASON_HEADERS = [
    OpenApiParameter(
        REASON,
        str,
        OpenApiParameter.HEADER,
        enum=REASONS,
        description="Why another place's record is opened; every address of one patient takes it.",
    ),
    OpenApiParameter(
        "Posta-Reason-Note",
        str,
        OpenApiParameter.HEADER,
        description="A few words, percent-encoded UTF-8; needed for `other`.",
    ),
]


def save_id_of(request: Request) -> UUID | None:
    """The save id that a program sent; None where it sent none, and then a repeat is a second save."""
    text = request.headers.get("Idempotency-Key")
    if not text:
        return None
    try:
        return UUID(text.strip().strip('"'))
    except ValueError:
        raise Problem("bad-idempotency-key", _("An Idempotency-Key is a UUID.")) from None


def visible_patient(request: HttpRequest | Request, patient_id: UUID) -> Patient:
    """The patient, if whoever asks may see them; the answer for others is the one for nobody. It is an
    opening of their record, and written down as one.
    """
    if request.headers.get(REASON, REASONS[0]) not in REASONS:
        raise Problem("unknown-reason", _("There is no such reason."), extra={"reasons": REASONS})
    found = opened(request._request if isinstance(request, Request) else request, patient_id)
    if found is None:
        raise NotFound
    return found


def _who(request: HttpRequest | Request) -> Any:
    return authority_in(request._request if isinstance(request, Request) else request)


def _checked(shape: Any, request: Request) -> dict[str, Any]:
    shape.is_valid(raise_exception=True)
    said: dict[str, Any] = dict(shape.validated_data)
    if "village" in said:
        said["village"] = _village(said["village"])
    return said


def _village(text: str | None) -> UUID | None:
    if not text:
        return None
    area = area_by_code(text) or _area_by_id(text)
    if area is None:
        raise Problem("unknown-village", _("There is no such village."), fields={"village": _("Unknown.")})
    return area.pk


def _area_by_id(text: str) -> Area | None:
    try:
        return Area.objects.living().filter(pk=UUID(text)).first()
    except ValueError:
        return None


class Patients(APIView):
    """`patients/`."""

    @extend_schema(
        operation_id="find_patients",
        parameters=[
            OpenApiParameter("q", str, required=True, description="Name, phone, number or `system|value`.")
        ],
        responses=shapes.FoundSerializer,
    )
    def get(self, request: Request) -> Response:
        with answering():
            check_see_patients(_who(request))
        text = request.query_params.get("q", "").strip()
        if not text:
            raise Problem("query-missing", _("Say what to look for."), fields={"q": _("Missing.")})
        answer = search(text, who=_who(request))
        met(request._request, [one.patient.pk for one in answer.found if one.outside])
        return Response(shapes.FoundSerializer(_found(answer)).data)

    @extend_schema(
        operation_id="register_patient",
        parameters=[KEY_HEADER],
        request=shapes.RegisterSerializer,
        responses={201: shapes.RegisteredSerializer},
    )
    def post(self, request: Request) -> Response:
        said = _checked(shapes.RegisterSerializer(data=request.data), request)
        pairs = [(pair["system"], pair["value"]) for pair in said.pop("identifiers", [])]
        place = said.pop("facility", None)
        facility = facility_named(place) if place else home_facility(_who(request))
        if place and facility is None:
            raise Problem(
                "unknown-facility", _("There is no such facility."), fields={"facility": _("Unknown.")}
            )
        done = register(
            by=author_of(request._request),
            identifiers=pairs,
            facility=facility,
            save_id=save_id_of(request),
            **said,
        )
        answer = {
            "id": done.patient.pk,
            "number": done.number,
            "provisional_code": done.provisional_code,
            "version": _first_version(done.patient),
        }
        return Response(shapes.RegisteredSerializer(answer).data, status=201)


def _first_version(patient: Patient) -> str:
    """What the registrar saw: their own save. A repeated answer must not claim to have seen a later edit."""
    as_made = copy.copy(patient)
    as_made.versions = None
    return as_made.version


class OnePatient(APIView):
    """`patients/{id}/`."""

    @extend_schema(operation_id="read_patient", parameters=REASON_HEADERS, responses=shapes.PatientSerializer)
    def get(self, request: Request, patient_id: UUID) -> Response:
        return Response(shapes.PatientSerializer(_shown(visible_patient(request, patient_id))).data)

    @extend_schema(
        operation_id="change_patient",
        parameters=[KEY_HEADER],
        request=shapes.ChangeSerializer,
        responses=shapes.ChangedSerializer,
    )
    def patch(self, request: Request, patient_id: UUID) -> Response:
        patient = visible_patient(request, patient_id)
        said = _checked(shapes.ChangeSerializer(data=request.data), request)
        seen = said.pop("version")
        outcome = update_patient(
            by=author_of(request._request),
            patient=patient,
            changes=said,
            seen=seen,
            save_id=save_id_of(request),
        )
        shown = _shown(visible_patient(request, patient_id)) | {"outcome": outcome}
        return Response(shapes.ChangedSerializer(shown).data)


class PatientHistory(APIView):
    """`patients/{id}/history/`."""

    @extend_schema(operation_id="patient_history", responses=shapes.HistorySerializer(many=True))
    def get(self, request: Request, patient_id: UUID) -> Response:
        entries = [_entry(one) for one in told(visible_patient(request, patient_id))]
        return Response(shapes.HistorySerializer(entries, many=True).data)


def _shown(patient: Patient) -> dict[str, Any]:
    carried = identifiers_of(patient)
    shape = person(patient)
    contested = Conflict.objects.filter(table="patients", record_id=patient.pk).order_by("field")
    columns = {column.attname: getattr(patient, column.attname) for column in Patient._meta.concrete_fields}
    return columns | {
        "age_years": None if patient.birth_date is None else age_in_years(patient.birth_date, today()),
        "village": patient.village_id,
        "village_name": shape.village,
        "registered_at": patient.registered_at_id,
        "number": shape.number,
        "provisional_code": shape.provisional_code,
        "identifiers": carried,
        "contested": list(contested.values_list("field", flat=True)),
        "version": patient.version,
    }


def _found(answer: Answer) -> dict[str, Any]:
    shapes_found = persons([one.patient for one in answer.found])
    people = [masked(p) if one.outside else p for one, p in zip(answer.found, shapes_found, strict=True)]
    on = today()
    results = [
        {
            "id": one.patient.pk,
            "name": person.name,
            "sex": one.patient.sex,
            "birth_date": None if one.outside else one.patient.birth_date,
            "age_years": None if one.patient.birth_date is None else age_in_years(one.patient.birth_date, on),
            "phone": person.phone,
            "village_name": person.village,
            "number": person.number,
            "provisional_code": person.provisional_code,
            "score": round(one.score, 3),
            "reasons": list(one.reasons),
            "reason_needed": one.outside,
        }
        for one, person in zip(answer.found, people, strict=True)
    ]
    return {"results": results, "more": answer.more, "number": answer.number}


def _entry(one: Told) -> dict[str, Any]:
    entry = one.entry
    return {
        "record": one.record,
        "field": entry.field,
        "value": _plain(entry.value),
        "replaced": [_plain(value) for value in entry.replaced],
        "at": entry.at,
        "clock_corrected": entry.corrected,
        "by": {"id": entry.author, "name": one.by},
        "device": entry.device,
        "node": entry.node_name,
        "received_at": entry.received_at,
        "at_central": entry.at_central,
        "shown": entry.shown,
        "contested": entry.contested,
        "state": entry.state,
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, str, list, dict)) else str(value)
