"""Visits over the day: how many came when and for what, and how long they waited where.

Lives here: `passing`. The database counts visits by the clinic's hour, and waits by whole minutes; days and
medians are made from those few numbers. Not here: the page (`shapes.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Value, When, Window
from django.db.models.functions import Lag, RowNumber

from clinic.reports.asked import Asked
from clinic.reports.sql import Minutes, hour_at, how_many
from clinic.visits.models import Visit, VisitStep
from clinic.visits.policy import ORDER_OF_STATIONS, StepKind
from sync.records import SyncedQuerySet

T = TypeVar("T")
BY_STAMP: Final = [F("made_stamp"), F("pk")]
AN_HOUR: Final = 60
ARRIVALS: Final = (StepKind.SENT, StepKind.SENT_BACK, StepKind.RETURNED)


@dataclass(frozen=True)
class Waits:
    """How long people waited: each number of minutes with how many waited so long."""

    minutes: Counter[int]

    @property
    def people(self) -> int:
        return self.minutes.total()

    @property
    def median(self) -> int:
        """Half waited less, half waited more."""
        return self._at(5)

    @property
    def most(self) -> int:
        """Nine in ten waited no longer."""
        return self._at(9)

    @property
    def longest(self) -> int:
        return max(self.minutes, default=0)

    @property
    def an_hour_or_more(self) -> int:
        return sum(number for minutes, number in self.minutes.items() if minutes >= AN_HOUR)

    def _at(self, tenths: int) -> int:
        """The least number of minutes that so many tenths of the people did not exceed."""
        wanted, seen = tenths * self.people, 0
        for minutes, number in sorted(self.minutes.items()):
            seen += number
            if seen * 10 >= wanted:
                return minutes
        return 0


@dataclass(frozen=True)
class Passing:
    """`hours` and `days` in the clinic's own time; `waits` by station, in the order of the day."""

    total: int
    closed: int
    hours: dict[int, int]
    days: dict[date, int]
    categories: dict[str, int]
    waits: dict[str, Waits]
    whole: Waits


def visits_of(asked: Asked) -> SyncedQuerySet:
    """The visits of these days and places: a visit belongs to the day and place where it was opened."""
    visits: SyncedQuerySet = Visit.objects.living().filter(asked.here("facility", "opened_at"))
    return visits


def passing(asked: Asked) -> Passing:
    """Everything about how people passed through, in four counts."""
    visits = visits_of(asked).order_by()
    hours, days = _when(asked, visits)
    by_category = dict(visits.values_list("category").annotate(number=Count("pk")))
    closed, whole = _whole_visits(asked)
    return Passing(
        total=sum(days.values()),
        closed=closed,
        hours=hours,
        days=days,
        categories=_known_first(by_category, Visit.Category.values),
        waits=_known_first(_waits(asked), ORDER_OF_STATIONS),
        whole=whole,
    )


def _known_first(found: Mapping[str, T], known: Iterable[str]) -> dict[str, T]:
    """In the usual order; what only another version of the program knows comes last."""
    order = [*(name for name in known if name in found), *sorted(set(found) - set(known))]
    return {name: found[name] for name in order}


def _when(asked: Asked, visits: SyncedQuerySet) -> tuple[dict[int, int], dict[date, int]]:
    hours: Counter[int] = Counter()
    days: Counter[date] = Counter()
    counted = visits.annotate(slot=hour_at("opened_at", asked.clock)).values_list("slot")
    for slot, number in counted.annotate(number=Count("pk")):
        day, hour = divmod(slot, 100)
        hours[hour] += number
        days[date(day // 10_000, day // 100 % 100, day % 100)] += number
    filled = range(min(hours), max(hours) + 1) if hours else range(0)
    return {hour: hours[hour] for hour in filled}, dict(sorted(days.items()))


def steps_of(asked: Asked) -> SyncedQuerySet:
    """What happened to the visits of these days and places, whenever it did."""
    steps: SyncedQuerySet = VisitStep.objects.living().filter(
        asked.here("visit__facility", "visit__opened_at"), visit__gone=False
    )
    return steps.order_by()


def _whole_visits(asked: Asked) -> tuple[int, Waits]:
    """How many visits are closed, and how long they took, from coming to going home. A visit is closed once,
    whoever closed it after that. One that was carried over lasted over a night at home: it is left out.
    """
    carried = VisitStep.objects.living().filter(visit=OuterRef("visit"), kind=StepKind.CARRIED)
    closed = steps_of(asked).filter(kind=StepKind.CLOSED)
    told = closed.annotate(
        nth=Window(RowNumber(), partition_by=[F("visit_id")], order_by=BY_STAMP),
        minutes=Minutes(F("visit__opened_at"), F("at")),
        carried=Case(When(Exists(carried), then=Value(1)), default=Value(0), output_field=IntegerField()),
    ).values("nth", "minutes", "carried")
    number, spent = 0, Counter[int]()
    for minutes, was_carried, visits in how_many(told, ["minutes", "carried"], "nth = %s", 1):
        number += visits
        if not was_carried and minutes >= 0:
            spent[minutes] += visits
    return number, Waits(spent)


def _waits(asked: Asked) -> dict[str, Waits]:
    """From coming to a station until somebody there took the patient.

    A wait is a claim whose step before it, at the same station on the same visit, is an arrival: whoever let
    somebody go and took them again does not begin a second wait, and a night at home is none.
    """

    def before(column: str) -> Window:
        return Window(Lag(column), partition_by=[F("visit_id"), F("station")], order_by=BY_STAMP)

    told = (
        steps_of(asked)
        .filter(kind__in=[*ARRIVALS, StepKind.CLAIMED, StepKind.CARRIED])
        .annotate(before=before("kind"), minutes=Minutes(before("at"), F("at")))
        .values("station", "kind", "before", "minutes")
    )
    places = ", ".join(["%s"] * len(ARRIVALS))
    found: dict[str, Counter[int]] = {}
    counted = how_many(
        told,
        ["station", "minutes"],
        f"kind = %s AND before IN ({places}) AND minutes >= 0",
        *(kind.value for kind in (StepKind.CLAIMED, *ARRIVALS)),
    )
    for station, minutes, number in counted:
        found.setdefault(station, Counter())[minutes] += number
    return {name: Waits(minutes) for name, minutes in found.items()}
