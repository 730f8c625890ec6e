"""Who has taken over somebody's care, as the room that knows it tells (`clinic/referrals`).

Lives here: the seam. Not here: what moves with the care (`planning.py`), when it is taken over
(`clinic/referrals/selectors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TakenOver:
    """From a moment on another place cares for somebody; `by` received them there."""

    facility_id: UUID
    at: datetime
    by: UUID | None


Asked: TypeAlias = "Callable[[Collection[UUID]], Mapping[UUID, TakenOver]]"
_asked: list[Asked] = []


def offer_taken_over(ask: Asked) -> None:
    """`ask(patient ids)` answers the last time that the care of each was taken over, where it was."""
    if ask not in _asked:
        _asked.append(ask)


def taken_over(patient_ids: Collection[UUID]) -> dict[UUID, TakenOver]:
    """For each of these patients whose care was taken over, the last time that it was."""
    found: dict[UUID, TakenOver] = {}
    for ask in _asked:
        for patient_id, one in ask(patient_ids).items():
            known = found.get(patient_id)
            found[patient_id] = one if known is None or one.at > known.at else known
    return found
