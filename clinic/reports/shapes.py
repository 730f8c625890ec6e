"""What the pages of reports print.

Lives here: for each report its tables and charts, and the frame that all share: the days and places to choose
from. Not here: requests (`views.py`), the tables (`tables.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from clinic.pharmacy.wording import medicine_text
from clinic.reports.asked import Asked, areas_above, places_for
from clinic.reports.charts import Drawn, bars
from clinic.reports.followed import followed_in
from clinic.reports.morbidity import morbidity
from clinic.reports.passing import passing
from clinic.reports.policy import Period
from clinic.reports.tables import (
    MOST_CODES,
    Table,
    category_name,
    chapter_words,
    morbidity_tables,
    program_tables,
    stock_tables,
    visit_tables,
)
from clinic.reports.used import stock_used
from registry.staff.policy import Authority
from sync.node import current_node

Report = tuple[list[Table], list[Drawn], dict[str, Any]]
A_MONTH: Final = 31
MOST_BARS: Final = 10


def report_names() -> dict[str, str]:
    """The reports there are, in the order of the page."""
    return {
        "register": pgettext("report", "Register"),
        "illnesses": _("Illnesses"),
        "visits": _("Visits"),
        "stock": _("Stock used"),
        "programs": _("Programs"),
    }


def period_names() -> dict[Period, str]:
    """What to call the usual periods."""
    return {
        Period.TODAY: _("Today"),
        Period.WEEK: _("This week"),
        Period.MONTH: _("This month"),
        Period.LAST_MONTH: _("Last month"),
    }


def frame(which: str, asked: Asked, who: Authority) -> dict[str, Any]:
    """Which report, which days, which places, and the ways to others."""
    mine = places_for(who)
    return {
        "which": which,
        "title": report_names()[which],
        "days": days_said(asked),
        "place": place_said(asked),
        "tabs": [
            {"id": name, "name": word, "url": _url(name, asked.query), "chosen": name == which}
            for name, word in report_names().items()
        ],
        "periods": [
            {
                "name": word,
                "url": _url(which, {"period": period.value} | asked.place_query),
                "chosen": period is asked.period,
            }
            for period, word in period_names().items()
        ],
        "asked": asked,
        "places": mine if len(mine) > 1 else [],
        "areas": areas_above(mine) if len(mine) > 1 and current_node().is_central else [],
        "file_url": _query(reverse("report-file", args=[which]), asked.query),
        "kept": urlencode(asked.query),
    }


def _url(which: str, kept: Mapping[str, str]) -> str:
    return _query(reverse("reports") if which == "register" else reverse("report", args=[which]), kept)


def _query(address: str, kept: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(kept)}" if kept else address


def days_said(asked: Asked) -> str:
    """ "20 November 2026", or from one day to another."""
    first, last = (date_format(day, "DATE_FORMAT") for day in (asked.span.first, asked.span.last))
    if asked.span.is_one_day:
        return first
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def place_said(asked: Asked) -> str:
    """The place, the area, or how many places."""
    if asked.facility is not None:
        return asked.facility.name
    if len(asked.places) == 1:
        return asked.places[0].name
    if asked.area is not None:
        return asked.area.name
    count = len(asked.places)
    return ngettext("%(count)d place", "%(count)d places", count) % {"count": count}


def illnesses(asked: Asked, whole: bool = False) -> Report:
    found = morbidity(asked)
    chapters = [(chapter_words(line.key), line.all) for line in found.chapters]
    charts = [_bars(_("Illnesses by chapter"), chapters, lying=True)] if chapters else []
    return morbidity_tables(found, None if whole else MOST_CODES), charts, {"uncoded": found.uncoded}


def visits(asked: Asked, whole: bool = False) -> Report:
    found = passing(asked)
    if not found.total:
        return visit_tables(found), [], {"total": 0}
    hours = [(f"{hour}", number) for hour, number in found.hours.items()]
    kinds = [(category_name(name), number) for name, number in found.categories.items()]
    charts = [
        _bars(_("Visits by hour of arrival"), hours),
        _bars(_("Visits by kind"), kinds, lying=True),
    ]
    if len(found.days) > 1:
        charts.insert(1, _bars(*_over_days(found.days)))
    return visit_tables(found), charts, {"total": found.total, "closed": found.closed}


def stock(asked: Asked, whole: bool = False) -> Report:
    found = stock_used(asked)
    most = [(medicine_text(one.medicine), one.given) for one in found if one.given > 0][:MOST_BARS]
    return stock_tables(found), [_bars(_("Given most"), most, lying=True)] if most else [], {}


def programs(asked: Asked, whole: bool = False) -> Report:
    found = followed_in(asked)
    overdue = [(one.program, one.overdue) for one in found if one.active or one.overdue]
    return program_tables(found), [_bars(_("Overdue by program"), overdue, lying=True)] if overdue else [], {}


REPORTS: Final[dict[str, Callable[[Asked, bool], Report]]] = {
    "illnesses": illnesses,
    "visits": visits,
    "stock": stock,
    "programs": programs,
}


def _bars(title: str, values: Sequence[tuple[str, int]], lying: bool = False) -> Drawn:
    return bars(title=title, words=_summed(title, values), values=values, lying=lying)


def _over_days(days: Mapping[date, int]) -> tuple[str, list[tuple[str, int]]]:
    """By day up to a month, beyond that by month."""
    first, last = min(days), max(days)
    if (last - first).days < A_MONTH:
        every = [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
        return _("Visits by day"), [(date_format(day, "j"), days.get(day, 0)) for day in every]
    months: Counter[tuple[int, int]] = Counter()
    for day, number in days.items():
        months[day.year, day.month] += number
    return _("Visits by month"), [
        (date_format(date(year, month, 1), "M"), number) for (year, month), number in sorted(months.items())
    ]


def _summed(title: str, values: Sequence[tuple[str, int]]) -> str:
    """What a chart of bars says: its sum and its highest bar."""
    if not values:
        return title
    name, number = max(values, key=lambda one: one[1])
    return pgettext("chart", "%(title)s. Together %(sum)d; most at %(name)s: %(number)d.") % {
        "title": title,
        "sum": sum(count for _name, count in values),
        "name": name,
        "number": number,
    }
