"""What the openings and closings of a clinic day amount to.

Lives here, pure: `day_of` (marks → is the day open, since when, by whom, where). Not here: who may open and
close (`clinic/visits/policy.py`), writing (`services.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _

LONGEST_PLACE: Final = 80


class DayKind(StrEnum):
    """What can happen to a clinic day. These words travel and never change."""

    OPENED = "opened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Mark:
    """One opening or closing."""

    kind: str
    place: str
    at: datetime
    by: UUID | None
    stamp: int
    id: UUID


@dataclass(frozen=True, slots=True)
class DayStanding:
    """Whether a facility's day is open. `since` and `by` are those of the last opening or closing."""

    is_open: bool = False
    place: str = ""
    since: datetime | None = None
    by: UUID | None = None


NEVER_OPENED: Final = DayStanding()


def day_of(marks: Iterable[Mark]) -> DayStanding:
    """What the marks amount to, in the order of their stamps. Of two openings the first one counts: the
    second coordinator found the day open already.
    """
    now = NEVER_OPENED
    for mark in sorted(marks, key=lambda one: (one.stamp, one.id)):
        opens = mark.kind == DayKind.OPENED
        if opens != now.is_open and mark.kind in (DayKind.OPENED, DayKind.CLOSED):
            now = DayStanding(opens, mark.place if opens else now.place, mark.at, mark.by)
    return now


def clean_place(text: str) -> str:
    """Where the team works today, as it is written on the board."""
    place = " ".join(text.split())
    if len(place) > LONGEST_PLACE:
        raise Refused.field("place", "too-long", _("This name is too long."))
    return place
