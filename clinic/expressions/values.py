"""What an expression works with: values, variables, and how one kind of value is read as another.

Lives here: `Value`, `Variable` (a value with its kind and its other occurrences), `Context`, and the
readings `as_number`, `as_text`, `as_truth`, `as_date`, which raise `CannotEvaluate`. They are DHIS2's: a
number variable without a value counts as 0, a text as empty, a yes/no as no; a date without a value is no
date, and what needs one cannot be evaluated. Not here: operators (`evaluation.py`). Read next:
`evaluation.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

Value: TypeAlias = "str | float | bool | date | None"
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_EPOCH: Final = date(1970, 1, 1).toordinal()


class CannotEvaluate(ValueError):
    """These values do not fit the expression: a rule that meets them does nothing."""


class Kind(StrEnum):
    """What a variable holds."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    TRUTH = "TRUTH"
    DATE = "DATE"


@dataclass(frozen=True, slots=True)
class Variable:
    """A value by name. `others` are all the values it ever had where that is asked for (`d2:count`), `on` is
    the day of the event that it comes from.
    """

    kind: Kind = Kind.TEXT
    value: str | None = None
    others: tuple[str, ...] = ()
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Everything an expression may ask for. `groups` are the members of each group of facilities, `roles`
    the roles of whoever records.
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)
    roles: Collection[str] = ()


Operand: TypeAlias = "Value | Variable"


def plain(value: Operand) -> Value:
    """A variable as the value of its kind, with the default of its kind where it has none."""
    if not isinstance(value, Variable):
        return value
    match value.kind:
        case Kind.NUMBER:
            return 0.0 if value.value is None else as_number(value.value)
        case Kind.TRUTH:
            return value.value is not None and as_truth(value.value)
        case Kind.DATE:
            return as_date(value.value)
    return value.value or ""


def as_number(value: Operand) -> float | None:
    """Yes is 1; a text has to be a number; a date counts its days since 1970."""
    value = plain(value)
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, date):
        return float(value.toordinal() - _EPOCH)
    if not _NUMBER.fullmatch(value):
        raise CannotEvaluate(f"{value[:40]!r} is no number")
    return float(value)


def as_truth(value: Operand) -> bool | None:
    """A whole number is yes unless it is 0; of texts only `true` is yes."""
    value = plain(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not value.is_integer():
            raise CannotEvaluate(f"{value!r} is neither yes nor no")
        return value != 0
    return str(value).lower() == "true"


def as_date(value: Operand) -> date | None:
    """A day; of a moment its day."""
    value = plain(value)
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10] if value[10:11] == "T" else value)
        except ValueError:
            pass
    raise CannotEvaluate(f"{str(value)[:40]!r} is no date")


def as_text(value: Operand) -> str | None:
    """As it is written: `true`, `2025-11-20`, `12`, `12.5`."""
    value = plain(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    return value.isoformat()


def number_text(value: float) -> str:
    """12 for 12.0, and never in powers of ten."""
    if value != value or value in (float("inf"), float("-inf")):
        raise CannotEvaluate("the result is no number")
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def as_whole(value: Operand) -> int | None:
    """A number without a fraction."""
    number = as_number(value)
    if number is None:
        return None
    if number != number or not number.is_integer():
        raise CannotEvaluate(f"{number!r} is not a whole number")
    return int(number)
