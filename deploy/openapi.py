"""The OpenAPI document says what the API really does.

Lives here: `ApiSchema`, which adds to every call how it refuses (RFC 9457) and that unknown members of a body
are refused. Not here: the shapes themselves (each room's `serializers.py`). Read next:
`tests/deploy/test_api_schema.py`, which asks the API thousands of times whether it is true.
"""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from registry.people.serializers import StrictSerializer
from sync.problems import PROBLEM_JSON

REFUSED: Final = "4XX"
NOT_BLANK: Final = (
    r"[^\s\u001c-\u001f\u0085]"  # what is nothing but blanks is nothing; Python knows more of them
)


class ProblemSerializer(serializers.Serializer[Any]):
    """Why something was refused. Further members depend on the code."""

    type = serializers.CharField()
    title = serializers.CharField(help_text="One sentence in the reader's language.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(required=False, help_text="What is safe and what to do.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF's own is of instances
        child=serializers.CharField(), required=False, help_text="Input → what is wrong with it."
    )


class ApiSchema(AutoSchema):
    """One call."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        bodies[REFUSED] = {"description": "Refused.", "content": {PROBLEM_JSON: {"schema": problem}}}
        return bodies

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        known: Any = super()  # it has no types
        shape = known._map_basic_serializer(serializer, direction)
        if isinstance(serializer, StrictSerializer) and direction == "request":
            shape["additionalProperties"] = False
        return shape

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        known: Any = super()
        shape = known._map_serializer_field(field, direction, bypass_extensions)
        if direction == "request" and "$ref" not in shape:
            shape |= _stricter(field, shape)
        return shape


def _stricter(field: Any, shape: Any) -> dict[str, Any]:
    """What the library leaves out of the shape of an input."""
    if isinstance(field, serializers.CharField) and not field.allow_blank and field.trim_whitespace:
        return {"pattern": NOT_BLANK}
    if isinstance(field, serializers.DecimalField):
        whole, part = (field.max_digits or 1) - (field.decimal_places or 0), field.decimal_places
        return {"pattern": rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{part}}})?$"}
    if shape.get("type") == "array" and not getattr(field, "allow_empty", True):
        return {"minItems": 1}
    return {}
