"""Stations and fields in words.

Lives here: what to call a station and a field of an event or an enrollment, and what a field's value says.
Not here: which stations there are (`policy.py`), the words of answers (`clinic/forms/wording.py`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from clinic.forms.wording import answer_text
from clinic.programs.definition import StageDefinition
from clinic.visits.models import Enrollment, StageEvent
from clinic.visits.policy import Station
from clinic.visits.timeline import stage_behind
from sync.core.merge import GONE

_STATIONS: Final[dict[str, str]] = {
    Station.REGISTRATION: gettext_noop("Registration"),
    Station.TRIAGE: gettext_noop("Triage"),
    Station.PROVIDER: gettext_noop("Consultation"),
    Station.LAB: gettext_noop("Laboratory"),
    Station.PHARMACY: gettext_noop("Pharmacy"),
}


def station_name(code: str) -> str:
    """What people call a station; one that this version does not know goes by its code."""
    name = _STATIONS.get(code)
    return _(name) if name else code


def event_field_label(
    stage: StageDefinition | None, name: str, model: type[StageEvent | Enrollment] = StageEvent
) -> str:
    """What to call a field of an event or an enrollment; answers by their question."""
    if name == GONE:
        return _("Removed")
    column, _dot, key = name.partition(".")
    if column == "values":
        element = stage.element(key) if stage else None
        return str(element.label) if element else key
    return str(model._meta.get_field(column).verbose_name)  # type: ignore[union-attr]


def event_value_text(stage: StageDefinition | None, name: str, value: Any) -> str:
    """A value of an event as people read it."""
    column, _dot, key = name.partition(".")
    if column == "values":
        return answer_text(stage.element(key) if stage else None, value)
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "j M Y, H:i")
    if isinstance(value, date):
        return date_format(value, "j M Y")
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(dict(StageEvent.Status.choices).get(value, value or ""))


def event_words(table: str, row: Any, field: str, value: Any) -> tuple[str, str] | None:
    """(label, text) of an answer wherever a person reviews one; None for everything else."""
    if not isinstance(row, StageEvent | Enrollment) or not field.startswith("values."):
        return None
    stage = stage_behind(row)
    return event_field_label(stage, field), event_value_text(stage, field, value) or "–"
