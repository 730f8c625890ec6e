"""What a report is asked about: which days, which places.

Lives here: `Asked`, read from an address (`period`, `from`, `to`, `facility`, `area`), and the places that
somebody may ask about. A clinic answers for the places it serves; central for those of whoever asks. A day
lasts from midnight to midnight on the node's own clock. Not here: what is counted.
Read next: `morbidity.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.reports.clock import Piece, pieces_of
from clinic.reports.policy import Period, Span, can_see_reports, check_see_reports, check_span, span_of
from registry.answers import answering
from registry.people.selectors import today
from registry.places.models import Area, Facility
from registry.places.selectors import within
from registry.staff.policy import Authority
from sync.node import current_node
from sync.problems import Problem
from sync.vault.keys import pinned

Row = TypeVar("Row", Facility, Area)


@dataclass(frozen=True)
class Asked:
    """The days and places of one report. `places` are counted, `facility` and `area` were chosen."""

    period: Period
    span: Span
    places: tuple[Facility, ...]
    facility: Facility | None = None
    area: Area | None = None

    @property
    def start(self) -> datetime:
        return _midnight(self.span.first)

    @property
    def end(self) -> datetime:
        """The first moment after the last day."""
        return _midnight(self.span.last + timedelta(days=1))

    @property
    def clock(self) -> tuple[Piece, ...]:
        """The clinic's clock over these days."""
        return pieces_of(self.start, self.end, timezone.get_default_timezone())

    @property
    def query(self) -> dict[str, str]:
        """The parts of an address that ask the same."""
        days = (
            {"from": self.span.first.isoformat(), "to": self.span.last.isoformat()}
            if self.period is Period.OWN
            else {"period": self.period.value}
        )
        return days | self.place_query

    @property
    def place_query(self) -> dict[str, str]:
        chosen = {"facility": self.facility, "area": self.area}
        return {name: str(row.pk) for name, row in chosen.items() if row is not None}

    @property
    def place_ids(self) -> list[UUID]:
        return [place.pk for place in self.places]

    @property
    def many_places(self) -> bool:
        return len(self.places) > 1

    def during(self, moment: str) -> Q:
        """That a column lies within these days."""
        return Q((f"{moment}__gte", self.start), (f"{moment}__lt", self.end))

    def here(self, facility: str, moment: str) -> Q:
        """That something happened at these places within these days."""
        return Q((f"{facility}__in", self.place_ids)) & self.during(moment)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def places_for(who: Authority) -> list[Facility]:
    """The places that somebody may ask about on this node, by name."""
    known = pinned() if not current_node().is_central else None
    rows = Facility.objects.living()
    if known is not None:
        rows = rows.filter(pk__in=[UUID(text) for text in known.facilities])
    return [row for row in rows if can_see_reports(who, [row.pk])]


def areas_above(places: list[Facility]) -> list[Area]:
    """Every area that one of these places lies in, the widest first."""
    parents = dict(Area.objects.living().values_list("pk", "parent_id"))
    wanted: set[UUID] = set()
    for place in places:
        area = place.area_id
        while area is not None and area in parents and area not in wanted:
            wanted.add(area)
            area = parents[area]
    return list(Area.objects.living().filter(pk__in=wanted).order_by("level", "name", "id"))


def asked_in(query: Mapping[str, str], who: Authority) -> Asked:
    """What an address asks about; raises a `Problem` that names the part it is about."""
    with answering():
        check_see_reports(who)
    places = places_for(who)
    facility = _chosen(places, query.get("facility", ""), "facility")
    area = _chosen(areas_above(places), query.get("area", ""), "area")
    if area is not None:
        inside = within({area.pk})
        places = [place for place in places if place.area_id in inside]
    if facility is not None:
        if facility not in places:
            raise _no_such_place("facility", _("This place is not in that area."))
        places = [facility]
    span, period = _days(query)
    return Asked(period, span, tuple(places), facility, area)


def asked_anyway(query: Mapping[str, str], who: Authority) -> tuple[Asked, str]:
    """The same for a page: days that make no sense become today, and the sentence says why. Places stay as
    they were asked for: nobody takes the numbers of all places for those of one.
    """
    try:
        return asked_in(query, who), ""
    except Problem as problem:
        if problem.status == 400 and problem.fields:
            places = {name: query[name] for name in ("facility", "area") if name in query}
            return asked_in(places, who), next(iter(problem.fields.values()))
        raise


def _days(query: Mapping[str, str]) -> tuple[Span, Period]:
    """A first day alone means until today, a last day alone that one day."""
    now = today()
    first, last = _day(query, "from"), _day(query, "to")
    if first is None and last is None:
        period = _period(query.get("period", "") or Period.TODAY)
        return span_of(period, now), period
    if query.get("period", "") not in ("", Period.OWN):
        _period(query["period"])  # days overrule it; nonsense is told all the same
    span = Span(first or last or now, last or max(first or now, now))
    with answering():
        check_span(span)
    return span, Period.OWN


def _period(name: str) -> Period:
    if name not in set(Period) - {Period.OWN}:
        sentence = _("There is no such period.")
        raise Problem("unknown-period", sentence, fields={"period": sentence})
    return Period(name)


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        sentence = _("This is not a date.")
        raise Problem("not-a-date", sentence, fields={name: sentence}) from None


def _chosen(rows: list[Row], text: str, name: str) -> Row | None:
    """The one that an address names, by id or code; whatever is not among them does not exist."""
    if not text:
        return None
    found = next((row for row in rows if text in (str(row.pk), row.code)), None)
    if found is None:
        raise _no_such_place(name, _("There is no such place here."))
    return found


def _no_such_place(name: str, sentence: str) -> Problem:
    return Problem("unknown-place", sentence, status=404, fields={name: sentence})
