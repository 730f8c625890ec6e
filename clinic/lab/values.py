"""Results as people type them.

Lives here, pure: `clean_result` (typed → stored) with its refusals. Not here: what it means
(`definition.py`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from clinic.forms.numbers import number_text
from clinic.forms.refusals import BadValue
from clinic.lab.definition import LabDefinition
from registry.refusals import Refused, _

LONGEST: Final = 1000
LONGEST_COMMENT: Final = 400


def clean_result(test: LabDefinition, typed: str) -> str:
    """The stored value of a result; raises `Refused` about the field `value`."""
    text = typed.strip()
    if not text:
        raise Refused.field("value", "missing", _("Enter the result."))
    if test.kind == "choice":
        return _choice(test, text)
    if test.kind == "number":
        return _number(text)
    if "\0" in text:
        raise Refused.field("value", "nul-character", _("The text holds a character that cannot be kept."))
    if len(text) > LONGEST:
        raise Refused.field("value", "too-long", _("This is longer than 1,000 characters."))
    return text


def _choice(test: LabDefinition, text: str) -> str:
    if test.choice(text) is None:
        raise Refused.field("value", "not-an-option", _("Choose one of the results."))
    return text


def _number(text: str) -> str:
    try:
        number = number_text(text)
    except BadValue:
        raise Refused.field("value", "not-a-number", _("Write a number, for example 12.5.")) from None
    if Decimal(number) < 0:
        raise Refused.field("value", "below-zero", _("A result is not below zero."))
    return number
