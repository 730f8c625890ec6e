"""What rooms above tell the pages about people.

Lives here: the one thing a list of people shows that is not about the person: whether a visit is open now.
The room of visits offers it when the app starts; without it nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

OpenVisits = Callable[[Collection[UUID]], Mapping[UUID, UUID]]
_offers: list[OpenVisits] = []


def offer_open_visits(lookup: OpenVisits) -> None:
    """`lookup(patient ids)` answers patient id → id of the visit that is open now."""
    if lookup not in _offers:
        _offers.append(lookup)


def open_visits_of(patient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The open visit of each patient who has one."""
    return {patient: visit for lookup in _offers for patient, visit in lookup(patient_ids).items()}
