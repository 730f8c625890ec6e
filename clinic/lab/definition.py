"""What a laboratory test is: its kind of result, its choices, its reference ranges.

Lives here, pure: the shapes (`LabDefinition`, `Range`, `Choice`), reading their JSON, and `judge`: what a
result means for a person of a sex and an age. Not here: the rows that carry a definition (`models.py`), which
tests there are (`examples/tests.json`).
Read next: `tests/clinic/lab/test_definition.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

import msgspec

ANYBODY_UNTIL: Final = 200.0


class Flag(StrEnum):
    """How a result stands to its reference range."""

    NONE = ""
    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"
    ABNORMAL = "abnormal"
    CRITICAL = "critical"


ATTENTION: Final = frozenset({Flag.LOW, Flag.HIGH, Flag.ABNORMAL, Flag.CRITICAL})


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=False):
    """A part; what equals its default is not written."""


class Choice(_Part, frozen=True, kw_only=True):
    """One answer of a test that is read by eye: positive, negative, `+`, `++`."""

    code: str
    name: str
    flag: Literal["", "normal", "abnormal", "critical"] = ""
    translations: dict[str, str] = {}


class Range(_Part, frozen=True, kw_only=True):
    """What is usual for people of a sex (empty: everybody) from an age to below another, in years.

    Bounds are inclusive; below `critical_low` or above `critical_high` somebody must act now.
    """

    sex: Literal["", "female", "male"] = ""
    from_age: float = 0
    to_age: float = ANYBODY_UNTIL
    low: str = ""
    high: str = ""
    critical_low: str = ""
    critical_high: str = ""


class LabDefinition(_Part, frozen=True, kw_only=True):
    """One test."""

    code: str
    name: str
    kind: Literal["number", "choice", "text"]
    group: str = ""
    specimen: str = ""
    unit: str = ""
    decimals: int = 1
    choices: tuple[Choice, ...] = ()
    ranges: tuple[Range, ...] = ()
    loinc: str = ""
    source: str = ""
    translations: dict[str, str] = {}

    def choice(self, code: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.code == code), None)


class NotTests(ValueError):
    """A text that is no list of tests; the message says where it departs."""


_list: Final = msgspec.json.Decoder(tuple[LabDefinition, ...])
_one: Final = msgspec.json.Decoder(LabDefinition)


def read_tests(text: str | bytes) -> tuple[LabDefinition, ...]:
    """Tests from a JSON list; raises `NotTests`."""
    try:
        return _list.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NotTests(str(error)) from None


def read_definition(text: str) -> LabDefinition:
    """One test from its stored text."""
    return _one.decode(text)


def written(test: LabDefinition) -> str:
    """The stored text of a test: sorted keys, defaults left out."""
    return msgspec.json.encode(test, order="sorted").decode()


def in_language(default: str, translations: dict[str, str], language: str | None) -> str:
    """A name in a language (`pt-br` falls back to `pt`), else as it was written."""
    code = (language or "").lower()
    return translations.get(code) or translations.get(code.partition("-")[0]) or default


def range_for(ranges: Sequence[Range], sex: str, age: float | None) -> Range | None:
    """The range that fits a person best: one for their sex before one for everybody. Of somebody whose age
    nobody knows, only a range for all ages can be said.
    """
    fitting = [one for one in ranges if one.sex in ("", sex) and _in_age(one, age)]
    return min(fitting, key=lambda one: one.sex == "", default=None)


def _in_age(one: Range, age: float | None) -> bool:
    if age is None:
        return one.from_age == 0 and one.to_age >= ANYBODY_UNTIL
    return one.from_age <= age < one.to_age


def judge(test: LabDefinition, value: str, *, sex: str, age: float | None) -> Flag:
    """What a clean value means for this person; `NONE` where no range says anything about them. Of somebody
    whose age or sex nobody knows it is critical where it would be for everybody.
    """
    if test.kind == "choice":
        choice = test.choice(value)
        return Flag(choice.flag) if choice else Flag.NONE
    if test.kind != "number":
        return Flag.NONE
    fitting = range_for(test.ranges, sex, age)
    if fitting is not None:
        return _against(fitting, Decimal(value))
    possible = [one for one in test.ranges if _may_fit(one, sex, age)]
    flags = {_against(one, Decimal(value)) for one in possible}
    return Flag.CRITICAL if flags == {Flag.CRITICAL} else Flag.NONE


def _may_fit(one: Range, sex: str, age: float | None) -> bool:
    sex_may = one.sex in ("", sex) or sex not in ("female", "male")
    return sex_may and (age is None or _in_age(one, age))


def _against(fitting: Range, value: Decimal) -> Flag:
    if fitting.critical_low and value < Decimal(fitting.critical_low):
        return Flag.CRITICAL
    if fitting.critical_high and value > Decimal(fitting.critical_high):
        return Flag.CRITICAL
    if fitting.low and value < Decimal(fitting.low):
        return Flag.LOW
    if fitting.high and value > Decimal(fitting.high):
        return Flag.HIGH
    return Flag.NORMAL


def reference_text(test: LabDefinition, *, sex: str, age: float | None) -> str:
    """The range as it is printed: `11.5–15.5`, `≤ 5.0`, `≥ 12.0`; empty where there is none."""
    fitting = range_for(test.ranges, sex, age)
    if fitting is None:
        return ""
    if fitting.low and fitting.high:
        return f"{fitting.low}–{fitting.high}"
    if fitting.low:
        return f"≥ {fitting.low}"
    return f"≤ {fitting.high}" if fitting.high else ""
