"""A facility's queues as its board shows them.

Lives here: `board` (every station with who is there) and where the person at this tablet works. Not here: who
is where (`clinic/visits/selectors.py`), how it is drawn (`shown.py`), pages (`views.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest

from clinic.visits.policy import Station, VisitState, station_of
from clinic.visits.selectors import Entry, queue, waiting_by_station
from clinic.visits.wording import station_name
from registry.places.models import Facility
from registry.staff.selectors import authority_in

CHOSEN: Final = "posta_station"


@dataclass(frozen=True, slots=True)
class StationQueue:
    """One station: how many wait, and who is there, in their order. `away` went away without being seen."""

    id: str
    waiting: int
    entries: list[Entry]
    away: list[Entry]

    @property
    def name(self) -> str:
        return station_name(self.id)

    @property
    def in_line(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.standing.state is VisitState.WAITING]

    @property
    def with_somebody(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.standing.state is VisitState.WITH_SOMEONE]

    @property
    def longest_since(self) -> datetime | None:
        """Since when whoever waits longest has waited."""
        return min((entry.standing.arrived_at for entry in self.in_line), default=None)


def board(facility: Facility) -> list[StationQueue]:
    """Every station of a facility, in the order of the day."""
    everybody = queue(facility, away=True)
    entries = [entry for entry in everybody if entry.standing.is_here]
    away = [entry for entry in everybody if not entry.standing.is_here]
    return [
        StationQueue(
            code,
            waiting,
            [entry for entry in entries if entry.standing.station == code],
            [entry for entry in away if entry.standing.station == code],
        )
        for code, waiting in waiting_by_station(entry.standing for entry in everybody).items()
    ]


def station_in(request: HttpRequest, facility: Facility | None) -> Station | None:
    """The station that the person chose on this tablet, else the one their role works at."""
    chosen = request.session.get(CHOSEN, "")
    if chosen in set(Station):
        return Station(chosen)
    return station_of(authority_in(request), [facility.pk]) if facility else None


def choose_station(request: HttpRequest, station: Station) -> None:
    """From now on this tablet shows that station first. It ends with the log-in."""
    request.session[CHOSEN] = station.value
