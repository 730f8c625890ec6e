"""Every value that was ever written of a person, with the words pages and programs show for it.

Lives here: a patient's history together with that of their identifiers. Not here: where it comes from
(`sync/ledger/selectors.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from registry.people.models import Identifier, Patient
from registry.people.systems import system_label
from registry.places.models import Area, Facility
from registry.staff.selectors import staff_names
from sync.core.merge import GONE
from sync.ledger.selectors import HistoryEntry, history_of


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the log with the words for it. `record` is `patient`, or the system of an identifier."""

    record: str
    entry: HistoryEntry
    by: str
    text: str


def told(patient: Patient) -> list[Told]:
    """Everything written of a patient and their identifiers, newest first."""
    found = [("patient", entry) for entry in history_of(patient)]
    for row in Identifier.objects.filter(patient=patient).order_by("made_stamp", "pk"):
        found += [(row.system, entry) for entry in history_of(row) if entry.field in {"value", GONE}]
    names = staff_names(entry.author for _record, entry in found)
    places = _place_names(entry.value for _record, entry in found)
    found.sort(key=lambda pair: (-pair[1].stamp, pair[0], pair[1].field))
    return [
        Told(record, entry, _writer(entry.author, names), value_text(entry.field, entry.value, places))
        for record, entry in found
    ]


def _writer(author: UUID | None, names: dict[UUID, str]) -> str:
    return _("this system") if author is None else names.get(author, _("somebody no longer listed"))


def _place_names(values: Iterable[Any]) -> dict[UUID, str]:
    ids = {value for value in values if isinstance(value, UUID)}
    areas = dict(Area.objects.filter(pk__in=ids).values_list("pk", "name"))
    return areas | dict(Facility.objects.filter(pk__in=ids).values_list("pk", "name"))


def value_text(field: str, value: Any, places: dict[UUID, str]) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, UUID):
        return places.get(value, str(value))
    if isinstance(value, date):
        return date_format(value, "j M Y")
    if field == "sex":
        return str(dict(Patient.Sex.choices).get(value, value))
    return str(value)


def field_label(record: str, field: str) -> str:
    """What to call a field of the history."""
    if field == GONE:
        return _("Removed")
    if record != "patient":
        return system_label(record)
    names = {column.name: column.verbose_name for column in Patient._meta.concrete_fields}
    return str(names.get(field, field))
