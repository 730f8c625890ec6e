"""What a report is asked about: which days, which places.

Lives here: `Asked`, read from an address (`period`, `from`, `to`, `facility`, `area`), and the places that
somebody may ask about. A clinic answers for the places it serves; central for those of whoever asks. Not
here: what is counted.
Read next: `morbidity.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

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
NAMES: Final = ("period", "from", "to", "facility", "area")


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
    span, period = _days(query)
    places = places_for(who)
    facility = _chosen(places, query.get("facility", ""), "facility")
    area = _chosen(areas_above(places), query.get("area", ""), "area") if current_node().is_central else None
    if facility is not None:
        places = [facility]
    elif area is not None:
        inside = within({area.pk})
        places = [place for place in places if place.area_id in inside]
    return Asked(period, span, tuple(places), facility, area)


def usual(who: Authority) -> Asked:
    """What is shown to somebody who asked for something impossible: today."""
    return asked_in({}, who)


def _days(query: Mapping[str, str]) -> tuple[Span, Period]:
    now = today()
    first, last = _day(query, "from"), _day(query, "to")
    if first is None and last is None:
        wanted = query.get("period", Period.TODAY)
        period = Period(wanted) if wanted in set(Period) - {Period.OWN} else Period.TODAY
        return span_of(period, now), period
    span = Span(first or last or now, last or first or now)
    with answering():
        check_span(span)
    return span, Period.OWN


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
        sentence = _("There is no such place here.")
        raise Problem("unknown-place", sentence, status=404, fields={name: sentence})
    return found
