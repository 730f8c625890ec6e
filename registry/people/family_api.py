"""Families for programs: who belongs to whom, tying and untying.

Lives here: the calls under `patients/{id}/relations/`. Not here: what may be tied (`kin.py`), writing
(`family_services.py`), people themselves (`api.py`).
Read next: `tests/registry/people/test_family.py`.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.people.family import Household, Relative, household_of, relatives_of
from registry.people.family_services import join_household, leave_household, relate, unrelate
from registry.people.models import HouseholdMember, Patient, Relation
from registry.people.selectors import Person
from registry.people.serializers import StrictSerializer
from registry.staff.selectors import author_of, authority_in

HOUSEHOLD: Final = "household"
KINDS: Final = (*Relation.Kind.values, HOUSEHOLD)


class RelatedPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.CharField(allow_null=True)
    provisional_code = serializers.CharField(allow_null=True)


class RelationSerializer(serializers.Serializer[Any]):
    """One tie, from the patient's side."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(
        choices=Relation.Kind.values, help_text="What the other person is to the patient."
    )
    other = serializers.UUIDField()
    person = RelatedPersonSerializer(allow_null=True, help_text="Null where this node does not hold them.")


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=HouseholdMember.Role.values)
    person = RelatedPersonSerializer()


class HouseholdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    members = MemberSerializer(many=True)


class FamilySerializer(serializers.Serializer[Any]):
    """Everybody tied to a patient."""

    relations = RelationSerializer(many=True)
    household = HouseholdSerializer(allow_null=True)


class TieSerializer(StrictSerializer):
    """`POST patients/{id}/relations/`: what `other` is to the patient; `household` joins theirs."""

    kind = serializers.ChoiceField(choices=KINDS)
    other = serializers.UUIDField()
    role = serializers.ChoiceField(
        choices=HouseholdMember.Role.values,
        required=False,
        help_text="In a household: what the patient is there.",
    )


class Relations(APIView):
    """`patients/{id}/relations/`."""

    @extend_schema(operation_id="read_relations", responses=FamilySerializer)
    def get(self, request: Request, patient_id: UUID) -> Response:
        return Response(_family(request, visible_patient(request, patient_id)))

    @extend_schema(
        operation_id="add_relation",
        parameters=[KEY_HEADER],
        request=TieSerializer,
        responses={201: FamilySerializer},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = visible_patient(request, patient_id)
        shape = TieSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        said = shape.validated_data
        tie: dict[str, Any] = {
            "by": author_of(request._request),
            "patient": patient,
            "other": visible_patient(request, said["other"]),
            "save_id": save_id_of(request),
        }
        if said["kind"] == HOUSEHOLD:
            join_household(**tie, role=said.get("role", "other"))
        else:
            relate(**tie, kind=said["kind"])
        return Response(_family(request, patient), status=201)


class OneRelation(APIView):
    """`patients/{id}/relations/{relation}/`: a tie, or the patient's own place in a household."""

    @extend_schema(operation_id="remove_relation", parameters=[KEY_HEADER], responses={204: None})
    def delete(self, request: Request, patient_id: UUID, relation_id: UUID) -> Response:
        patient = visible_patient(request, patient_id)
        by, save_id = author_of(request._request), save_id_of(request)
        tie = Relation.objects.filter(patient=patient, pk=relation_id).first()
        if tie is not None:
            unrelate(by=by, relation=tie, save_id=save_id)
        elif HouseholdMember.objects.filter(patient=patient, pk=relation_id).exists():
            leave_household(by=by, patient=patient, save_id=save_id)
        else:
            raise NotFound
        return Response(status=204)


def _family(request: Request, patient: Patient) -> dict[str, Any]:
    who = authority_in(request._request)
    household = household_of(patient, who)
    answer = {
        "relations": [_relation(one) for one in relatives_of(patient, who)],
        "household": _household(household) if household else None,
    }
    return dict(FamilySerializer(answer).data)


def _relation(one: Relative) -> dict[str, Any]:
    return {"id": one.id, "kind": one.kind, "other": one.other, "person": one.person and _person(one.person)}


def _household(one: Household) -> dict[str, Any]:
    members = [
        {"id": member.id, "role": member.role, "person": _person(member.person)} for member in one.members
    ]
    return {"id": one.id, "members": members}


def _person(shape: Person) -> dict[str, Any]:
    return {
        "id": shape.id,
        "name": shape.name,
        "number": shape.number,
        "provisional_code": shape.provisional_code,
    }
