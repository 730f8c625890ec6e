"""Stored answers in words.

Lives here: `answer_text` (one answer, as the person being served reads it) and `answered` (a stage's answers
in the form's order). Not here: the stored forms (`values.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.forms.geo import coordinate_parts
from clinic.forms.values import FILES, Stored
from clinic.programs.definition import ElementDefinition, StageDefinition
from clinic.programs.document import ValueType
from clinic.programs.icd10 import SOURCE, label_of


def answer_text(element: ElementDefinition | None, stored: Stored | None) -> str:
    """One answer in words; what this version of the program does not explain is shown as it is kept."""
    if stored is None or stored == "" or stored == []:
        return ""
    if isinstance(stored, list):
        return ", ".join(_said(element, str(code)) for code in stored)
    text = _said(element, str(stored))
    return f"{text} {element.unit}" if element and element.unit else text


def answered(stage: StageDefinition, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, text) of every question that has an answer, in the form's order."""
    told = [(element, answer_text(element, values.get(element.key))) for element in stage.elements]
    return [(str(element.label), text) for element, text in told if text]


def _said(element: ElementDefinition | None, stored: str) -> str:
    if element is None:
        return stored
    if option := element.option(stored):
        return str(option.name) or option.code
    if element.option_source == SOURCE:
        return label_of(stored, get_language())
    say = _WORDS.get(element.value_type)
    return say(stored) if say else stored


def _yes_no(stored: str) -> str:
    return {"true": _("Yes"), "false": _("No")}.get(stored, stored)


def _day(stored: str) -> str:
    try:
        return date_format(date.fromisoformat(stored), "DATE_FORMAT")
    except ValueError:
        return stored


def _moment(stored: str) -> str:
    try:
        return date_format(datetime.fromisoformat(stored), "DATETIME_FORMAT")
    except ValueError:
        return stored


def _place(stored: str) -> str:
    latitude, longitude = coordinate_parts(stored)
    return _("latitude %(latitude)s, longitude %(longitude)s") % {
        "latitude": latitude,
        "longitude": longitude,
    }


def _percent(stored: str) -> str:
    return f"{stored} %"


def _file(stored: str) -> str:
    return _("a file")


_WORDS: Final[dict[ValueType, Callable[[str], str]]] = {
    ValueType.BOOLEAN: _yes_no,
    ValueType.TRUE_ONLY: _yes_no,
    ValueType.DATE: _day,
    ValueType.AGE: _day,
    ValueType.DATETIME: _moment,
    ValueType.COORDINATE: _place,
    ValueType.PERCENTAGE: _percent,
    **dict.fromkeys(FILES, _file),
}
