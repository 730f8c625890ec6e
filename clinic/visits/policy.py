"""What a visit's steps amount to, and what may be done.

Lives here, pure: stations and their order, `standing_of` (steps → where the patient is and with whom), and
the checks on state and on people. Not here: reading steps (`selectors.py`), who holds which role
(`registry/staff`).
Read next: `services.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _
from registry.staff.policy import AT_THE_CLINIC, MAY_REGISTER, Authority, Role


class Station(StrEnum):
    """The stations of a clinic day, in the order in which people usually pass them."""

    REGISTRATION = "registration"
    TRIAGE = "triage"
    PROVIDER = "provider"
    LAB = "lab"
    PHARMACY = "pharmacy"


class StepKind(StrEnum):
    """What can happen to a visit."""

    SENT = "sent"
    CLAIMED = "claimed"
    CLOSED = "closed"


class VisitState(StrEnum):
    """What a visit is now."""

    WAITING = "waiting"
    WITH_SOMEONE = "with-someone"
    CLOSED = "closed"


class EventState(StrEnum):
    """Begun: an answer that the stage insists on is still missing."""

    ACTIVE = "active"
    COMPLETED = "completed"


FIRST_STATION: Final = Station.TRIAGE
USUALLY_NEXT: Final[dict[str, Station]] = {
    Station.REGISTRATION: Station.TRIAGE,
    Station.TRIAGE: Station.PROVIDER,
    Station.PROVIDER: Station.PHARMACY,
    Station.LAB: Station.PROVIDER,
}
USUAL_STATION: Final[dict[Role, Station]] = {
    Role.REGISTRAR: Station.REGISTRATION,
    Role.TRIAGE: Station.TRIAGE,
    Role.PROVIDER: Station.PROVIDER,
    Role.LAB: Station.LAB,
    Role.PHARMACIST: Station.PHARMACY,
}
A_DAY: Final = timedelta(hours=24)
FIRST_YEAR: Final = 1900


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as far as a visit's standing depends on it."""

    kind: str
    station: str
    at: datetime
    by: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a visit stands. `since` is when this state began, `arrived_at` when the patient came to the
    station.
    """

    state: VisitState
    station: str
    since: datetime
    arrived_at: datetime
    claimed_by: UUID | None = None
    closed_at: datetime | None = None
    closed_by: UUID | None = None

    @property
    def is_open(self) -> bool:
        return self.state is not VisitState.CLOSED


def standing_of(opened_at: datetime, steps: Iterable[Step]) -> Standing:
    """What the steps, in the order of their stamps, amount to.

    Closed stays closed, whatever was sent elsewhere at the same time. A claim counts at the station where it
    was made: somebody who had already sent the patient on elsewhere is not contradicted.
    """
    now = Standing(VisitState.WAITING, "", opened_at, opened_at)
    for step in steps:
        if step.kind == StepKind.CLOSED:
            return Standing(
                VisitState.CLOSED, now.station, step.at, now.arrived_at, closed_at=step.at, closed_by=step.by
            )
        if step.kind == StepKind.SENT:
            now = Standing(VisitState.WAITING, step.station, step.at, step.at)
        elif step.station == now.station:
            now = Standing(VisitState.WITH_SOMEONE, now.station, step.at, now.arrived_at, claimed_by=step.by)
    return now


def next_station(station: str) -> Station | None:
    """Where people usually go from here; None where they go home."""
    return USUALLY_NEXT.get(station)


def clean_station(code: str) -> Station:
    """A station by its code."""
    try:
        return Station(code.strip().lower())
    except ValueError:
        raise Refused.field("station", "unknown-station", _("There is no such station.")) from None


def can_open(who: Authority, facilities: Collection[UUID]) -> bool:
    return who.holds(MAY_REGISTER, facilities)


def check_open(who: Authority, facilities: Collection[UUID]) -> None:
    if not can_open(who, facilities):
        raise Refused("not-allowed", _("Your role does not start visits here."), status=403)


def can_move(who: Authority, facilities: Collection[UUID]) -> bool:
    """Whether the person sends, claims and closes: everybody who works at the place of care does."""
    return who.holds(AT_THE_CLINIC, facilities)


def check_move(who: Authority, facilities: Collection[UUID]) -> None:
    if not can_move(who, facilities):
        raise Refused("not-allowed", _("You have no role at this place."), status=403)


def can_enrol(who: Authority, facilities: Collection[UUID]) -> bool:
    return who.holds(MAY_REGISTER, facilities)


def check_enrol(who: Authority, facilities: Collection[UUID]) -> None:
    if not can_enrol(who, facilities):
        raise Refused("not-allowed", _("Your role does not add people to programs."), status=403)


def station_of(who: Authority, facilities: Collection[UUID]) -> Station | None:
    """Where somebody works who has not said so; None where their roles leave it open."""
    held = {role for facility in facilities for role in who.roles_at(facility)}
    usual = {USUAL_STATION[role] for role in held if role in USUAL_STATION}
    return usual.pop() if len(usual) == 1 else None


def can_continue(standing: Standing) -> bool:
    return standing.is_open


def check_continue(standing: Standing) -> None:
    """Nobody is sent anywhere after they went home."""
    if not can_continue(standing):
        raise Refused("visit-closed", _("This visit is closed."), status=409)


def can_claim(standing: Standing, by: UUID | None) -> bool:
    return standing.is_open and standing.claimed_by in (None, by)


def check_claim(standing: Standing, by: UUID | None) -> None:
    """One person at a time. Sending the patient on, even to the same station, frees them."""
    check_continue(standing)
    if not can_claim(standing, by):
        raise Refused("already-claimed", _("Somebody else is with this patient."), status=409)


def check_moment(occurred_at: datetime, now: datetime) -> None:
    """What is recorded has happened; a day's grace is for clocks that are wrong."""
    if occurred_at > now + A_DAY:
        raise Refused.field("occurred_at", "in-the-future", _("This date is in the future."))
    if occurred_at.year < FIRST_YEAR:
        raise Refused.field("occurred_at", "long-ago", _("This date is too long ago."))


def check_enrolled_on(day: date, today: date) -> None:
    """Nobody is enrolled tomorrow."""
    if day > today:
        raise Refused.field("enrolled_on", "in-the-future", _("This date is in the future."))
    if day.year < FIRST_YEAR:
        raise Refused.field("enrolled_on", "long-ago", _("This date is too long ago."))


def state_for(wanted: str, missing: Collection[str]) -> EventState:
    """A stage is complete once everything it insists on is answered, unless the writer says it is only
    begun.
    """
    if wanted == EventState.ACTIVE or (missing and not wanted):
        return EventState.ACTIVE
    return EventState.COMPLETED
