"""The shapes of visits, enrollments and events in the API.

Lives here: serializers, which are the OpenAPI document's schemas as well. They check kinds and lengths; what
may be said is checked once, in `policy.py` and `answers.py`. Not here: the calls (`api.py`).
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clinic.visits.policy import EventState, Priority, VisitState
from registry.people.serializers import StrictSerializer, WriterSerializer

OUTCOMES = ["applied", "merged", "conflicted"]
FACILITY_HELP = "A facility's id or code; without it, the person's own."


class OpenVisitSerializer(StrictSerializer):
    """`POST visits/`."""

    patient = serializers.UUIDField()
    category = serializers.CharField(
        max_length=40,
        required=False,
        help_text="general, anc, pnc, ncd-care, ncd-screening, cancer-screening",
    )
    station = serializers.CharField(max_length=40, required=False, help_text="Where they wait first.")
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class StepSerializer(StrictSerializer):
    """A call that says all by its address. A version may come along; a step is added and contradicts none."""

    version = serializers.CharField(max_length=4000, required=False)


class SendSerializer(StepSerializer):
    """`POST visits/{id}/send/`."""

    station = serializers.CharField(max_length=40, help_text="registration, triage, provider, lab, pharmacy")


class ReleaseVisitSerializer(StepSerializer):
    """`POST visits/{id}/release/`."""

    to = serializers.UUIDField(required=False, help_text="The colleague who takes over; without, anybody.")


class PrioritySerializer(StepSerializer):
    """`POST visits/{id}/priority/`."""

    priority = serializers.CharField(max_length=40, help_text="emergency, priority, normal")


class VisitSerializer(serializers.Serializer[Any]):
    """A visit and where it stands."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    facility = serializers.UUIDField()
    category = serializers.CharField()
    opened_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=[state.value for state in VisitState])
    station = serializers.CharField()
    since = serializers.DateTimeField(help_text="When this state began.")
    arrived_at = serializers.DateTimeField(help_text="When the patient came to this station.")
    claimed_by = WriterSerializer(allow_null=True)
    also_claimed = WriterSerializer(many=True, help_text="Who took the patient later, without knowing.")
    waits_for = WriterSerializer(allow_null=True, help_text="The colleague they were handed over to.")
    priority = serializers.ChoiceField(choices=[one.value for one in Priority])
    skips = serializers.IntegerField(help_text="How often they were called and not there.")
    closed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.CharField()


class EnrollSerializer(StrictSerializer):
    """`POST enrollments/`."""

    patient = serializers.UUIDField()
    program = serializers.CharField(max_length=100, help_text="A program's uid or code.")
    enrolled_on = serializers.DateField(required=False)
    incident_on = serializers.DateField(
        required=False, help_text="The day that the program counts from, for example the birth."
    )
    values = serializers.DictField(
        required=False, help_text="Answers about the person by the questions' codes."
    )
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class EnrollmentSerializer(serializers.Serializer[Any]):
    """A person followed in a program."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    program = serializers.CharField()
    program_version = serializers.UUIDField()
    facility = serializers.UUIDField()
    enrolled_on = serializers.DateField()
    incident_on = serializers.DateField(allow_null=True)
    status = serializers.CharField()
    values = serializers.DictField()
    version = serializers.CharField()


_STATUSES = [state.value for state in EventState]


class RecordSerializer(StrictSerializer):
    """`POST events/`."""

    patient = serializers.UUIDField()
    visit = serializers.UUIDField(required=False, allow_null=True)
    enrollment = serializers.UUIDField(required=False, allow_null=True)
    program = serializers.CharField(max_length=100, help_text="A program's uid or code.")
    stage = serializers.CharField(max_length=100, help_text="A stage's uid or code.")
    occurred_at = serializers.DateTimeField(required=False)
    status = serializers.ChoiceField(choices=_STATUSES, required=False)
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)
    values = serializers.DictField(required=False, help_text="Answers by the questions' codes.")


class CorrectSerializer(StrictSerializer):
    """`PATCH events/{id}/`: the version that was edited, and what changed. A null answer is taken back."""

    version = serializers.CharField(max_length=4000)
    occurred_at = serializers.DateTimeField(required=False)
    status = serializers.ChoiceField(choices=_STATUSES, required=False)
    values = serializers.DictField(required=False, help_text="Answers by the questions' codes.")


class AnswerSerializer(serializers.Serializer[Any]):
    """One answer as people read it; of a contested one every value."""

    code = serializers.CharField(source="key")
    question = serializers.CharField(source="label")
    text = serializers.CharField()
    contested = serializers.BooleanField()


class EventSerializer(serializers.Serializer[Any]):
    """One stage as it was filled in."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    visit = serializers.UUIDField(allow_null=True)
    enrollment = serializers.UUIDField(allow_null=True)
    program = serializers.CharField()
    program_version = serializers.UUIDField()
    stage = serializers.CharField()
    stage_name = serializers.CharField()
    facility = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=_STATUSES)
    values = serializers.DictField()
    answers = AnswerSerializer(many=True)
    contested = serializers.ListField(child=serializers.CharField())
    by = WriterSerializer()
    version = serializers.CharField()


class CorrectedSerializer(EventSerializer):
    """An event after an edit, and what became of it."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)


class TimelineVisitSerializer(VisitSerializer):
    events = EventSerializer(many=True)


class TimelineSerializer(serializers.Serializer[Any]):
    """Everything that was recorded of a patient, newest visit first; `events` belong to no visit."""

    visits = TimelineVisitSerializer(many=True)
    events = EventSerializer(many=True)
    enrollments = EnrollmentSerializer(many=True)
