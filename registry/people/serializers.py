"""The shapes of people in the API: what a request may hold and what an answer looks like.

Lives here: serializers, which are the OpenAPI document's schemas as well. They check kinds and lengths; what
may be said of a person is checked once, in `policy.py`. Not here: the calls (`api.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from registry.people.models import Patient
from registry.people.policy import LONGEST_IDENTIFIER, LONGEST_NAME, OLDEST
from sync.problems import Problem


def _is_whole(said: Any) -> bool:
    return type(said) is int or (type(said) is float and said.is_integer())


KINDS: Final[tuple[tuple[type[Any], Callable[[Any], bool]], ...]] = (
    (serializers.CharField, lambda said: type(said) is str),
    (serializers.UUIDField, lambda said: type(said) is str),
    (serializers.DecimalField, lambda said: type(said) is str),
    (serializers.BooleanField, lambda said: type(said) is bool),
    (serializers.IntegerField, _is_whole),
)
"""What a field takes. The library takes 5 for "5" and "yes" for true: a program's fault becomes a record."""


def _take_only_its_kind(field: Any) -> None:
    if isinstance(field, serializers.ListField):
        _take_only_its_kind(field.child)
    fits = next((test for kind, test in KINDS if isinstance(field, kind)), None)
    if fits is None:
        return
    read = field.to_internal_value

    def read_strictly(said: Any) -> Any:
        if not fits(said):
            field.fail("invalid", value=said)
        return read(said)

    field.to_internal_value = read_strictly


class StrictSerializer(serializers.Serializer[Any]):
    """A body whose every member is known and of its kind: a misspelt field is an error, never a silent
    loss.
    """

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            _take_only_its_kind(field)
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields:
                    raise Problem(
                        "unknown-field", _("There is no such field."), fields={str(name): _("Unknown.")}
                    )
        return super().to_internal_value(data)


class PairSerializer(StrictSerializer):
    """One identifier: a system and a value."""

    system = serializers.CharField(max_length=60)
    value = serializers.CharField(max_length=LONGEST_IDENTIFIER)


class PatientFields(StrictSerializer):
    """What may be said of a person, at registration and later."""

    given_name = serializers.CharField(max_length=LONGEST_NAME, required=False, allow_blank=True)
    family_name = serializers.CharField(max_length=LONGEST_NAME, required=False, allow_blank=True)
    sex = serializers.ChoiceField(choices=Patient.Sex.choices, required=False)
    birth_date = serializers.DateField(required=False, allow_null=True)
    age_years = serializers.IntegerField(min_value=0, max_value=OLDEST, required=False, allow_null=True)
    birth_date_estimated = serializers.BooleanField(required=False)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    village = serializers.CharField(
        max_length=60, required=False, allow_null=True, allow_blank=True, help_text="An area's id or code."
    )


class RegisterSerializer(PatientFields):
    """`POST patients/`."""

    identifiers = PairSerializer(many=True, required=False)
    facility = serializers.CharField(
        max_length=60, required=False, help_text="A facility's id or code; without it, the person's own."
    )


class ChangeSerializer(PatientFields):
    """`PATCH patients/{id}/`: the version that was edited, and the fields that changed."""

    version = serializers.CharField(max_length=4000)
    deceased = serializers.BooleanField(required=False)


class RegisteredSerializer(serializers.Serializer[Any]):
    """The answer to a registration: one of the two codes is set."""

    id = serializers.UUIDField()
    number = serializers.CharField(allow_null=True)
    provisional_code = serializers.CharField(allow_null=True)
    version = serializers.CharField()


class IdentifierSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    system = serializers.CharField()
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class PatientSerializer(serializers.Serializer[Any]):
    """A patient as this node has them."""

    id = serializers.UUIDField()
    given_name = serializers.CharField()
    family_name = serializers.CharField()
    sex = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    birth_date_estimated = serializers.BooleanField()
    age_years = serializers.IntegerField(allow_null=True)
    phone = serializers.CharField()
    village = serializers.UUIDField(allow_null=True)
    village_name = serializers.CharField()
    deceased = serializers.BooleanField()
    registered_at = serializers.UUIDField(allow_null=True)
    registered_on = serializers.DateTimeField()
    number = serializers.CharField(allow_null=True)
    provisional_code = serializers.CharField(allow_null=True)
    identifiers = IdentifierSerializer(many=True)
    contested = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField()


class ChangedSerializer(PatientSerializer):
    """A patient after a change, and what became of it."""

    outcome = serializers.ChoiceField(choices=["applied", "merged", "conflicted"])


class MatchSerializer(serializers.Serializer[Any]):
    """One person found, and why."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    sex = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    age_years = serializers.IntegerField(allow_null=True)
    phone = serializers.CharField()
    village_name = serializers.CharField()
    number = serializers.CharField(allow_null=True)
    provisional_code = serializers.CharField(allow_null=True)
    score = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField())
    reason_needed = serializers.BooleanField(
        help_text="They belong to another place: opening the record takes a `Posta-Reason`."
    )


class NumberCheckSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["number", "provisional"])
    value = serializers.CharField()
    ok = serializers.BooleanField(help_text="Whether its check character fits.")


class FoundSerializer(serializers.Serializer[Any]):
    """The answer to a search. `number` is set where the text looks like a number of this programme."""

    results = MatchSerializer(many=True)
    more = serializers.BooleanField()
    number = NumberCheckSerializer(allow_null=True)


class WriterSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


class ReceivedSerializer(serializers.Serializer[Any]):
    laptop = serializers.DateTimeField(allow_null=True)
    central = serializers.DateTimeField(allow_null=True)


class HistorySerializer(serializers.Serializer[Any]):
    """One value that one field was given."""

    record = serializers.CharField(help_text="`patient`, or the system of an identifier.")
    field = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    replaced = serializers.ListField(child=serializers.JSONField(allow_null=True))
    at = serializers.DateTimeField()
    clock_corrected = serializers.BooleanField()
    by = WriterSerializer()
    device = serializers.CharField()
    node = serializers.CharField()
    received_at = ReceivedSerializer()
    at_central = serializers.BooleanField(help_text="May be known without the time, after a restore.")
    shown = serializers.BooleanField()
    contested = serializers.BooleanField()
    state = serializers.CharField()
