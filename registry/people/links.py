"""What rooms above tell the pages about people.

Lives here: what these pages show that is not about the person: whether a visit is open now, how the patient
looks; and what else is done when somebody was registered. Rooms offer it when the app starts; without them
nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from registry.people.models import Patient

OpenVisits = Callable[[Collection[UUID]], Mapping[UUID, UUID]]
_offers: list[OpenVisits] = []


@dataclass(frozen=True, slots=True)
class PhotoShown:
    """A patient's photo as a banner shows it; `waiting` says why it is not `here`."""

    url: str
    small: str
    here: bool
    waiting: str


_photos: list[Callable[[UUID], PhotoShown | None]] = []
_after: list[Callable[[HttpRequest, Patient], str]] = []


def offer_open_visits(lookup: OpenVisits) -> None:
    """`lookup(patient ids)` answers patient id → id of the visit that is open now."""
    if lookup not in _offers:
        _offers.append(lookup)


def open_visits_of(patient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The open visit of each patient who has one."""
    return {patient: visit for lookup in _offers for patient, visit in lookup(patient_ids).items()}


def offer_photos(lookup: Callable[[UUID], PhotoShown | None]) -> None:
    """`lookup(patient id)` answers their photo."""
    if lookup not in _photos:
        _photos.append(lookup)


def photo_of(patient_id: UUID) -> PhotoShown | None:
    """The patient's photo, if there is one."""
    return next((found for lookup in _photos if (found := lookup(patient_id))), None)


def offer_after_registration(keep: Callable[[HttpRequest, Patient], str]) -> None:
    """`keep(request, patient)` saves what else the form brought; answers a sentence where it could not."""
    if keep not in _after:
        _after.append(keep)


def after_registration(request: HttpRequest, patient: Patient) -> list[str]:
    """What could not be kept, in words."""
    return [sentence for keep in _after if (sentence := keep(request, patient))]
