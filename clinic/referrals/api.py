"""Referrals for programs.

Lives here: the calls under `referrals/` and their shapes. A write takes `Idempotency-Key` (the save id). Not
here: rules (`policy.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.referrals.models import Referral
from clinic.referrals.policy import ReferralState, check_see_list
from clinic.referrals.selectors import ToldReferral, expected_at, referral_of
from clinic.referrals.services import answer, cancel, receive, refer
from clinic.visits.api import place_named, said_in, unknown, who_asks
from clinic.visits.models import Visit
from clinic.visits.serializers import FACILITY_HELP
from registry.answers import answering
from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.people.opening import opened
from registry.people.serializers import StrictSerializer
from registry.places.selectors import facility_named
from registry.staff.selectors import author_of
from sync.problems import Problem


class ReferSerializer(StrictSerializer):
    """`POST referrals/`."""

    patient = serializers.UUIDField()
    visit = serializers.UUIDField(required=False, allow_null=True)
    to_facility = serializers.CharField(max_length=120, required=False, help_text="A facility's id or code.")
    to_place = serializers.CharField(required=False, allow_blank=True, help_text="A place not in the list.")
    kind = serializers.ChoiceField(choices=Referral.Kind.values, required=False)
    urgent = serializers.BooleanField(required=False)
    reason = serializers.CharField()
    summary = serializers.CharField(required=False, allow_blank=True)
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class ReferralAnswerSerializer(StrictSerializer):
    """`POST referrals/{id}/answer/`."""

    note = serializers.CharField()


class ReferralSerializer(serializers.Serializer[Any]):
    """A referral and what became of it."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    facility = serializers.UUIDField()
    to_facility = serializers.UUIDField(allow_null=True)
    to_place = serializers.CharField()
    kind = serializers.CharField()
    urgent = serializers.BooleanField()
    reason = serializers.CharField()
    summary = serializers.CharField()
    referred_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=[state.value for state in ReferralState])
    answer = serializers.CharField()


def referral_answer(told: ToldReferral) -> Any:
    """A referral as the API tells it."""
    row = told.row
    shape = {
        "id": row.pk,
        "patient": row.patient_id,
        "facility": row.facility_id,
        "to_facility": row.to_facility_id,
        "to_place": row.to_place,
        "kind": row.kind,
        "urgent": row.urgent,
        "reason": row.reason,
        "summary": row.summary,
        "referred_at": row.referred_at,
        "state": told.state.value,
        "answer": told.answer,
    }
    return ReferralSerializer(shape).data


def _shown(request: Request, referral_id: UUID) -> ToldReferral:
    told = referral_of(referral_id)
    if told is None:
        raise Problem("not-found", _("There is no such record here."), status=404)
    visible_patient(request, told.row.patient_id)
    return told


class Referrals(APIView):
    """`referrals/`."""

    @extend_schema(operation_id="expected_referrals", responses=ReferralSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Who is expected where the person works."""
        with answering():
            check_see_list(who_asks(request))
        return Response([referral_answer(told) for told in expected_at(place_named(request, None))])

    @extend_schema(
        operation_id="refer",
        parameters=[KEY_HEADER],
        request=ReferSerializer,
        responses={201: ReferralSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(ReferSerializer(data=request.data))
        patient = opened(request._request, said["patient"])
        if patient is None:
            raise unknown("patient")
        visit = None
        if said.get("visit") is not None:
            visit = Visit.objects.living().filter(pk=said["visit"], patient=patient).first()
            if visit is None:
                raise unknown("visit")
        to_facility = facility_named(said["to_facility"]) if said.get("to_facility") else None
        if said.get("to_facility") and to_facility is None:
            raise unknown("facility")
        made = refer(
            by=author_of(request._request),
            patient=patient,
            facility=place_named(request, said.get("facility")),
            to_facility=to_facility,
            to_place=said.get("to_place", ""),
            kind=said.get("kind", Referral.Kind.REFERRAL),
            urgent=said.get("urgent", False),
            reason=said["reason"],
            summary=said.get("summary", ""),
            visit=visit,
            save_id=save_id_of(request),
        )
        return Response(referral_answer(_shown(request, made.pk)), status=201)


class Step(APIView):
    """`referrals/{id}/receive/`, `…/answer/`, `…/cancel/`."""

    deed = ""

    @extend_schema(parameters=[KEY_HEADER], request=ReferralAnswerSerializer, responses=ReferralSerializer)
    def post(self, request: Request, referral_id: UUID) -> Response:
        told = _shown(request, referral_id)
        by, save_id = author_of(request._request), save_id_of(request)
        if self.deed == "cancel":
            cancel(by=by, referral=told.row, save_id=save_id)
            return Response(referral_answer(_shown(request, referral_id)))
        here = told.row.to_facility
        if here is None:
            sentence = _("Only the place that was written to can do this.")
            raise Problem("not-yours", sentence, status=409)
        if self.deed == "receive":
            receive(by=by, referral=told.row, at=here, save_id=save_id)
        else:
            note = said_in(ReferralAnswerSerializer(data=request.data))["note"]
            answer(by=by, referral=told.row, at=here, note=note, save_id=save_id)
        return Response(referral_answer(_shown(request, referral_id)))
