"""The shapes of the laboratory in the API.

Lives here: serializers, which are the OpenAPI document's schemas as well. Not here: the calls (`api.py`).
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clinic.lab.definition import Flag
from clinic.lab.policy import OrderState
from clinic.visits.serializers import FACILITY_HELP
from registry.people.serializers import StrictSerializer, WriterSerializer


class OrderTestsSerializer(StrictSerializer):
    """`POST lab/orders/`."""

    patient = serializers.UUIDField()
    visit = serializers.UUIDField(required=False, allow_null=True)
    tests = serializers.ListField(child=serializers.CharField(max_length=40), help_text="Codes of tests.")
    urgent = serializers.BooleanField(required=False)
    note = serializers.CharField(required=False, allow_blank=True)
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class ReportSerializer(StrictSerializer):
    """`POST lab/orders/{id}/result/`."""

    value = serializers.CharField(help_text="A number, the code of a choice, or text, as the test asks.")
    comment = serializers.CharField(required=False, allow_blank=True)


class CorrectResultSerializer(ReportSerializer):
    """`PATCH lab/results/{id}/`."""

    version = serializers.CharField(max_length=4000)


class ResultSerializer(serializers.Serializer[Any]):
    """A result, judged for the patient when it was entered."""

    id = serializers.UUIDField()
    value = serializers.CharField()
    text = serializers.CharField(help_text="The value in the reader's language.")
    unit = serializers.CharField()
    flag = serializers.ChoiceField(choices=[flag.value for flag in Flag])
    reference = serializers.CharField(help_text="The usual range, as it was said.")
    comment = serializers.CharField()
    reported_at = serializers.DateTimeField()
    version = serializers.CharField()


class LabOrderSerializer(serializers.Serializer[Any]):
    """An order and what became of it."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    visit = serializers.UUIDField(allow_null=True)
    facility = serializers.UUIDField()
    test = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in OrderState])
    urgent = serializers.BooleanField()
    note = serializers.CharField()
    ordered_at = serializers.DateTimeField()
    ordered_by = WriterSerializer(allow_null=True)
    results = ResultSerializer(many=True)


class CorrectedResultSerializer(LabOrderSerializer):
    """What became of a correction."""

    outcome = serializers.ChoiceField(choices=["applied", "merged", "conflicted"])
