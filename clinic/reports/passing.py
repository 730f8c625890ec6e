"""Visits over the day: how many came when and for what, and how long they waited where.

Lives here: `passing`. The database counts visits by ten minutes, and waits by whole minutes; hours of the
clinic's own clock, days and medians are made from those few numbers. Not here: the page (`shapes.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from django.db import connection
from django.db.models import Count, F, Window
from django.db.models.functions import Lag
from django.utils import timezone

from clinic.reports.asked import Asked
from clinic.reports.sql import Minutes, TenMinutes
from clinic.visits.models import Visit, VisitStep
from clinic.visits.policy import ORDER_OF_STATIONS, StepKind
from sync.records import SyncedQuerySet

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
        return self._at(0.5)

    @property
    def most(self) -> int:
        """Nine in ten waited no longer."""
        return self._at(0.9)

    @property
    def longest(self) -> int:
        return max(self.minutes, default=0)

    @property
    def over_an_hour(self) -> int:
        return sum(number for minutes, number in self.minutes.items() if minutes > AN_HOUR)

    def _at(self, part: float) -> int:
        wanted, seen = part * self.people, 0
        for minutes, number in sorted(self.minutes.items()):
            seen += number
            if seen >= wanted:
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
    """The visits of these days and places."""
    visits: SyncedQuerySet = Visit.objects.living().filter(asked.here("facility", "opened_at"))
    return visits


def passing(asked: Asked) -> Passing:
    """Everything about how people passed through, in four counts."""
    visits = visits_of(asked).order_by()
    hours, days = _when(visits)
    by_category = dict(visits.values_list("category").annotate(number=Count("pk")))
    whole = _whole_visits(asked)
    return Passing(
        total=sum(days.values()),
        closed=whole.people,
        hours=hours,
        days=days,
        categories={name: by_category[name] for name in Visit.Category.values if name in by_category},
        waits=_waits(asked),
        whole=whole,
    )


def _when(visits: SyncedQuerySet) -> tuple[dict[int, int], dict[date, int]]:
    hours: Counter[int] = Counter()
    days: Counter[date] = Counter()
    slots = visits.annotate(slot=TenMinutes(F("opened_at"))).values_list("slot").annotate(number=Count("pk"))
    for slot, number in slots:
        at = timezone.localtime(datetime.strptime(f"{slot}0", "%Y-%m-%d %H:%M").replace(tzinfo=UTC))
        hours[at.hour] += number
        days[at.date()] += number
    filled = range(min(hours), max(hours) + 1) if hours else range(0)
    return {hour: hours[hour] for hour in filled}, dict(sorted(days.items()))


def _whole_visits(asked: Asked) -> Waits:
    """From coming to going home."""
    closed = VisitStep.objects.living().filter(
        asked.here("visit__facility", "visit__opened_at"), visit__gone=False, kind=StepKind.CLOSED
    )
    spent = closed.annotate(minutes=Minutes(F("visit__opened_at"), F("at"))).order_by()
    return Waits(Counter(dict(spent.values_list("minutes").annotate(number=Count("visit", distinct=True)))))


def _waits(asked: Asked) -> dict[str, Waits]:
    """From coming to a station until somebody there took the patient.

    A wait is a claim whose step before it, on the same visit, is an arrival: whoever let somebody go and took
    them again does not begin a second wait.
    """

    def before(column: str) -> Window:
        order = [F("made_stamp"), F("pk")]
        return Window(Lag(column), partition_by=[F("visit_id")], order_by=order)

    steps = VisitStep.objects.living().filter(
        asked.here("visit__facility", "visit__opened_at"),
        visit__gone=False,
        kind__in=[*ARRIVALS, StepKind.CLAIMED],
    )
    told = (
        steps.order_by()
        .values("station", "kind")
        .annotate(
            before=before("kind"),
            minutes=Minutes(before("at"), F("at")),
        )
    )
    inner, values = told.query.sql_with_params()
    arrivals = ", ".join(["%s"] * len(ARRIVALS))
    query = (
        f"SELECT station, minutes, count(*) FROM ({inner}) AS steps WHERE kind = %s"  # noqa: S608 - Django's own SQL around ours
        f" AND before IN ({arrivals}) AND minutes >= 0 GROUP BY station, minutes"
    )
    found: dict[str, Counter[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query, [*values, StepKind.CLAIMED.value, *(kind.value for kind in ARRIVALS)])
        for station, minutes, number in cursor.fetchall():
            found.setdefault(station, Counter())[minutes] += number
    return {name: Waits(found[name]) for name in ORDER_OF_STATIONS if name in found}
