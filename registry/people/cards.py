"""What is printed for a patient to carry.

Lives here: `Card`, the words and the QR code of one card or label. The code holds `system|value`, the
text that the search box takes from whatever reads it. Not here: the pages (`card_views.py`), reading a
code (`scanning.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import segno
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from registry.people.models import Patient
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.selectors import Person, persons
from registry.places.models import Facility


@dataclass(frozen=True, slots=True)
class Card:
    """One patient, as printed."""

    person: Person
    code: str
    provisional: bool
    born: str
    facility: str
    qr: SafeString


def cards_of(patients: Sequence[Patient]) -> list[Card]:
    """The cards of these patients, in their order."""
    places = dict(
        Facility.objects.filter(pk__in={row.registered_at_id for row in patients}).values_list("pk", "name")
    )
    return [
        _card(row, shape, places.get(row.registered_at_id, "") if row.registered_at_id else "")
        for row, shape in zip(patients, persons(patients), strict=True)
    ]


def _card(patient: Patient, shape: Person, facility: str) -> Card:
    code = shape.number or shape.provisional_code or ""
    system = NUMBER_SYSTEM if shape.number else PROVISIONAL_SYSTEM
    return Card(shape, code, not shape.number, _born(patient), facility, qr_of(f"{system}|{code}"))


def _born(patient: Patient) -> str:
    if patient.birth_date is None:
        return ""
    year = str(patient.birth_date.year)
    return _("about %(year)s") % {"year": year} if patient.birth_date_estimated else year


def qr_of(text: str) -> SafeString:
    """A QR code as a drawing, black on white in every theme; a corner may be dirty."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(border=2, omitsize=True, dark="#000", light="#fff", lineclass=None)
    drawn = drawn.replace("<svg ", '<svg aria-hidden="true" ', 1)  # the number stands beside it in words
    return mark_safe(drawn)  # noqa: S308 - drawn by the library; the text becomes squares, never markup
