"""What a visit's steps amount to, and what may be done.

Lives here, pure: stations and their order, `standing_of` (steps → where the patient is and with whom), and
the checks on state and on people. Not here: reading steps (`selectors.py`), who holds which role
(`registry/staff`).
Read next: `services.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
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
    """What can happen to a visit. These words travel and never change."""

    SENT = "sent"
    SENT_BACK = "sent-back"
    CLAIMED = "claimed"
    RELEASED = "released"
    SKIPPED = "skipped"
    LEFT = "left"
    RETURNED = "returned"
    CARRIED = "carried"
    PRIORITY = "priority"
    CLOSED = "closed"


class VisitState(StrEnum):
    """What a visit is now. Who left without being seen has not gone home: they may come back."""

    WAITING = "waiting"
    WITH_SOMEONE = "with-someone"
    LEFT = "left"
    CLOSED = "closed"


class Priority(StrEnum):
    """Who goes before whom."""

    EMERGENCY = "emergency"
    PRIORITY = "priority"
    NORMAL = "normal"


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
ORDER_OF_STATIONS: Final = [station.value for station in Station]
URGENCY: Final[dict[str, int]] = {Priority.EMERGENCY: 0, Priority.PRIORITY: 1, Priority.NORMAL: 2}
A_DAY: Final = timedelta(hours=24)
CARRIED_FOR: Final = timedelta(days=4)  # a long weekend
FIRST_YEAR: Final = 1900
NO_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as far as a visit's standing depends on it. `stamp` and `id` say which came first; `to` is
    the colleague it is meant for.
    """

    kind: str
    station: str
    at: datetime
    by: UUID | None
    to: UUID | None = None
    priority: str = ""
    stamp: int = 0
    id: UUID = NO_ID


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a visit stands. `since` is when this state began, `arrived_at` when the patient came to the
    station, `in_line_since` from when they wait in its line (a skipped one begins again). `also_claimed` are
    those who took the patient later than `claimed_by`, elsewhere and without knowing.
    """

    state: VisitState
    station: str
    since: datetime
    arrived_at: datetime
    claimed_by: UUID | None = None
    closed_at: datetime | None = None
    closed_by: UUID | None = None
    came_from: str = ""
    sent_back: bool = False
    waits_for: UUID | None = None
    skips: int = 0
    skipped_at: datetime | None = None
    also_claimed: tuple[UUID, ...] = ()
    priority: str = Priority.NORMAL
    priority_by: UUID | None = None
    priority_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is not VisitState.CLOSED

    @property
    def is_here(self) -> bool:
        return self.state in (VisitState.WAITING, VisitState.WITH_SOMEONE)

    @property
    def in_line_since(self) -> datetime:
        return self.skipped_at or self.arrived_at


def place_in_line(now: Standing) -> tuple[bool, int, datetime]:
    """Who comes first: those who wait before those who are with somebody, the urgent, then the longest
    wait.
    """
    return now.state is not VisitState.WAITING, URGENCY.get(now.priority, 2), now.in_line_since


def standing_of(opened_at: datetime, steps: Iterable[Step]) -> Standing:
    """What the steps amount to, in whatever order they arrived here: the order of their stamps counts.

    Closed stays closed, whatever was sent elsewhere at the same time. A claim counts at the station where it
    was made: somebody who had already sent the patient on elsewhere is not contradicted. Of two claims the
    earlier one counts, and the later one is told.
    """
    now = Standing(VisitState.WAITING, "", opened_at, opened_at)
    for step in sorted(steps, key=lambda one: (one.stamp, one.id)):
        if now.state is VisitState.CLOSED:
            break
        now = _after(now, step)
    return now


def _after(now: Standing, step: Step) -> Standing:
    """One step further. A kind that this version does not know changes nothing."""
    if step.kind in _ANYWHERE:
        return _ANYWHERE[step.kind](now, step)
    if step.kind in _AT_ITS_STATION and step.station == now.station:
        return _AT_ITS_STATION[step.kind](now, step)
    return now


def _at_station(now: Standing, step: Step) -> Standing:
    return Standing(
        VisitState.WAITING,
        step.station,
        step.at,
        step.at,
        came_from=now.station if now.station != step.station else now.came_from,
        sent_back=step.kind == StepKind.SENT_BACK,
        priority=now.priority,
        priority_by=now.priority_by,
        priority_at=now.priority_at,
    )


def _claimed(now: Standing, step: Step) -> Standing:
    if now.state is VisitState.WITH_SOMEONE:
        if step.by is None or step.by == now.claimed_by or step.by in now.also_claimed:
            return now
        return replace(now, also_claimed=(*now.also_claimed, step.by))
    return replace(
        now, state=VisitState.WITH_SOMEONE, since=step.at, claimed_by=step.by, waits_for=None, also_claimed=()
    )


def _free(now: Standing, state: VisitState, at: datetime) -> Standing:
    return replace(now, state=state, since=at, claimed_by=None, waits_for=None, also_claimed=())


def _closed(now: Standing, step: Step) -> Standing:
    return replace(_free(now, VisitState.CLOSED, step.at), closed_at=step.at, closed_by=step.by)


def _prioritised(now: Standing, step: Step) -> Standing:
    return replace(now, priority=step.priority, priority_by=step.by, priority_at=step.at)


def _released(now: Standing, step: Step) -> Standing:
    """Of two who took the patient the later one lets go of nothing; after the earlier one they remain."""
    if now.claimed_by != step.by:
        return replace(now, also_claimed=tuple(one for one in now.also_claimed if one != step.by))
    if now.also_claimed:
        return replace(now, since=step.at, claimed_by=now.also_claimed[0], also_claimed=now.also_claimed[1:])
    return replace(_free(now, VisitState.WAITING, step.at), waits_for=step.to)


def _skipped(now: Standing, step: Step) -> Standing:
    if now.state is not VisitState.WAITING:
        return now
    return replace(now, skips=now.skips + 1, skipped_at=step.at)


def _returned(now: Standing, step: Step) -> Standing:
    if now.state is not VisitState.LEFT:
        return now
    return replace(_free(now, VisitState.WAITING, step.at), arrived_at=step.at, skipped_at=None)


_Then = Callable[[Standing, Step], Standing]
_ANYWHERE: Final[dict[str, _Then]] = {
    StepKind.PRIORITY: _prioritised,
    StepKind.SENT: _at_station,
    StepKind.SENT_BACK: _at_station,
    StepKind.CLOSED: _closed,
}
_AT_ITS_STATION: Final[dict[str, _Then]] = {
    StepKind.CLAIMED: _claimed,
    StepKind.RELEASED: _released,
    StepKind.SKIPPED: _skipped,
    StepKind.LEFT: lambda now, step: _free(now, VisitState.LEFT, step.at),
    StepKind.RETURNED: _returned,
    StepKind.CARRIED: lambda now, step: _free(now, VisitState.WAITING, step.at),
}


def next_station(station: str) -> Station | None:
    """Where people usually go from here; None where they go home."""
    return USUALLY_NEXT.get(station)


def clean_station(code: str) -> Station:
    """A station by its code."""
    try:
        return Station(code.strip().lower())
    except ValueError:
        raise Refused.field("station", "unknown-station", _("There is no such station.")) from None


def clean_priority(code: str) -> Priority:
    """How urgent, by its code."""
    try:
        return Priority(code.strip().lower())
    except ValueError:
        raise Refused.field("priority", "unknown-priority", _("There is no such priority.")) from None


def is_back(now: Standing, station: str) -> bool:
    """Whether sending there is sending back: to a station that comes earlier in the day."""
    order = ORDER_OF_STATIONS
    known = now.station in order and station in order
    return known and order.index(station) < order.index(now.station)


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


def can_let_go(standing: Standing, by: UUID | None) -> bool:
    return standing.state is VisitState.WITH_SOMEONE and standing.claimed_by == by


def check_let_go(standing: Standing, by: UUID | None) -> None:
    """Only whoever is with the patient frees them or hands them over."""
    check_continue(standing)
    if not can_let_go(standing, by):
        raise Refused("not-yours", _("You are not with this patient."), status=409)


def can_skip(standing: Standing) -> bool:
    return standing.state is VisitState.WAITING


def check_skip(standing: Standing) -> None:
    """Only somebody who waits can be called and not be there."""
    check_continue(standing)
    if not can_skip(standing):
        raise Refused("not-waiting", _("This patient does not wait here."), status=409)


def can_leave(standing: Standing, by: UUID | None) -> bool:
    return standing.is_here and standing.claimed_by in (None, by)


def check_leave(standing: Standing, by: UUID | None) -> None:
    """Whoever is with somebody has not left, unless that somebody says so."""
    check_continue(standing)
    if not can_leave(standing, by):
        raise Refused("already-claimed", _("Somebody else is with this patient."), status=409)


def can_manage_day(who: Authority, facilities: Collection[UUID]) -> bool:
    """Whether the person opens and closes the clinic day."""
    return who.holds({Role.COORDINATOR}, facilities)


def check_manage_day(who: Authority, facilities: Collection[UUID]) -> None:
    if not can_manage_day(who, facilities):
        raise Refused("not-allowed", _("Only a coordinator opens or closes the day."), status=403)


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
