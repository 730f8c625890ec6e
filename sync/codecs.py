"""Django field values ↔ wire values.

Lives here: one codec per kind of Django field. A wire value is what msgpack carries without tags
(`sync.core.merge.Value`): UUIDs and foreign keys are 16 bytes, decimals are text, dates ISO text, date-times
whole milliseconds since 1970 UTC. `python(wire(x))` is what the database will give back, so a value is
normalised once, at the door. Not here: which fields a table has (`sync/records.py`), how columns are packed
(`sync/core/columns.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import models

from sync.core.merge import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_MAX_MS = 253_402_300_799_999  # 9999-12-31


class CodecError(ValueError):
    """A value that this field cannot hold. `code` is stable; the message is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Codec:
    """How one field travels. All directions raise `CodecError` and never anything else. `raw` is what a
    column may show of a value that only a newer version knows.
    """

    wire: Callable[[Any], Value]
    python: Callable[[Value], Any]
    raw: Callable[[Value], Any] | None = None


def text_ok(value: str) -> str:
    """Text that both engines store unchanged: no NUL, no lone surrogate."""
    if "\0" in value:
        raise CodecError("nul-character", "The text holds a NUL character.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CodecError("broken-text", "The text is not valid Unicode.") from None
    return value


def _text(limit: int | None, choices: frozenset[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise CodecError("wrong-type", "Text was expected.")
        if limit is not None and len(value) > limit:
            raise CodecError("too-long", f"The text is longer than {limit} characters.")
        if choices and value not in choices:
            raise CodecError("unknown-code", f"{value[:40]!r} is not one of the known codes.")
        return text_ok(value)

    return check


def _integer(low: int, high: int) -> Callable[[Any], Any]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise CodecError("wrong-type", "A whole number was expected.")
        if not low <= value <= high:
            raise CodecError("out-of-range", f"The number lies outside {low} to {high}.")
        return value

    return check


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CodecError("wrong-type", "Yes or no was expected.")
    return value


def _uuid_wire(value: Any) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    try:
        return UUID(str(value)).bytes
    except ValueError:
        raise CodecError("wrong-type", "An identifier was expected.") from None


def _uuid_python(value: Value) -> UUID:
    if not isinstance(value, bytes) or len(value) != 16:
        raise CodecError("wrong-type", "An identifier was expected.")
    return UUID(bytes=value)


def _date_wire(value: Any) -> str:
    if isinstance(value, datetime) or not isinstance(value, (date, str)):
        raise CodecError("wrong-type", "A date was expected.")
    return _date_python(value if isinstance(value, str) else value.isoformat()).isoformat()


def _date_python(value: Value) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise CodecError("wrong-date", "This is not a date.") from None


def _instant_wire(value: Any) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise CodecError("wrong-type", "A date and time with a zone was expected.")
    return (value - _EPOCH) // _MS


def _instant_python(value: Value) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int) or not -_MAX_MS <= value <= _MAX_MS:
        raise CodecError("wrong-type", "A date and time was expected.")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise CodecError("wrong-date", "This is not a date.") from None


def _decimal(field: models.DecimalField[Any, Any]) -> Codec:
    step = Decimal(1).scaleb(-(field.decimal_places or 0))

    def python(value: Any) -> Decimal:
        try:
            number = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("NaN")
            exact = number.quantize(step)
        except InvalidOperation:
            raise CodecError("wrong-type", "A number was expected.") from None
        if not number.is_finite() or len(exact.as_tuple().digits) > (field.max_digits or 28):
            raise CodecError("out-of-range", "The number does not fit.")
        return exact

    return Codec(lambda value: str(python(value)), python)


def plain_json(value: Any, depth: int = 0) -> Any:
    """JSON that both engines give back as it was: text keys, no NUL, bounded depth, finite numbers."""
    if depth > 24:
        raise CodecError("too-deep", "The value is nested too deeply.")
    if isinstance(value, str):
        return text_ok(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _integer(-(2**63), 2**63 - 1)(value)
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    if isinstance(value, (list, tuple)):
        return [plain_json(item, depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {text_ok(key): plain_json(item, depth + 1) for key, item in value.items()}
    raise CodecError("wrong-type", "The value cannot be kept as it is.")


def _nullable(codec: Codec, null: bool) -> Codec:
    def guard(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def checked(value: Any) -> Any:
            if value is not None:
                return convert(value)
            if null:
                return None
            raise CodecError("missing", "A value is required.")

        return checked

    return Codec(guard(codec.wire), guard(codec.python), codec.raw and guard(codec.raw))


_INTEGERS: dict[type, tuple[int, int]] = {
    models.PositiveSmallIntegerField: (0, 2**15 - 1),
    models.SmallIntegerField: (-(2**15), 2**15 - 1),
    models.PositiveIntegerField: (0, 2**31 - 1),
    models.BigIntegerField: (-(2**63), 2**63 - 1),
    models.IntegerField: (-(2**31), 2**31 - 1),
}

# In this order: a date-time field is a date field to Django.
_PLAIN: list[tuple[tuple[type, ...], Codec]] = [
    ((models.ForeignKey, models.UUIDField), Codec(_uuid_wire, _uuid_python)),
    ((models.DateTimeField,), Codec(_instant_wire, _instant_python)),
    ((models.DateField,), Codec(_date_wire, _date_python)),
    ((models.BooleanField,), Codec(_boolean, _boolean)),
    ((models.JSONField,), Codec(plain_json, plain_json)),
]


def codec_for(field: models.Field[Any, Any]) -> Codec:
    """The codec of a concrete field; raises `TypeError` for a kind that must not be synced (floats, files,
    auto ids)."""
    return _nullable(_bare_codec(field), field.null)


def _bare_codec(field: models.Field[Any, Any]) -> Codec:
    for kinds, codec in _PLAIN:
        if isinstance(field, kinds):
            return codec
    if isinstance(field, (models.CharField, models.TextField)):
        return _text_codec(field)
    if isinstance(field, models.DecimalField):
        return _decimal(field)
    for kind, (low, high) in _INTEGERS.items():
        if type(field) is kind:
            check = _integer(low, high)
            return Codec(check, check)
    raise TypeError(f"{field} is of a kind that cannot be synced: {type(field).__name__}")


def _text_codec(field: models.Field[Any, Any]) -> Codec:
    choices = frozenset(str(code) for code, _ in field.flatchoices)
    if choices and field.blank:
        choices |= {""}
    check = _text(field.max_length, choices)
    return Codec(check, check, _text(field.max_length, frozenset()))
