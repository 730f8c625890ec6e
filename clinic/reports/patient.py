"""A patient's charts, with their words and tables.

Lives here: what the panel on the patient's page and the page with every measurement print. Not here: reading
the numbers (`measures.py`), drawing (`charts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.reports.charts import Curve, Drawn, curves
from clinic.reports.measures import Growth, Measure, growth_of, is_small, measures_of
from registry.people.models import Patient
from registry.people.selectors import today

VITALS: Final = {
    "weight": ("weight",),
    "bp": ("bp_systolic", "bp_diastolic"),
    "temperature": ("temperature",),
}
FEW: Final = 4


@dataclass(frozen=True)
class Shown:
    """A chart with its table: the column names, and rows of texts, newest first."""

    key: str
    chart: Drawn
    columns: list[str]
    rows: list[list[str]]
    note: str = ""
    standard: bool = False


def panel_charts(patient: Patient) -> tuple[list[Shown], list[dict[str, str]]]:
    """The charts of the patient's page, and what else there is to choose."""
    measures = measures_of(patient)
    shown = [*growth_charts(patient, measures), *vital_charts(measures)]
    return shown, choices(measures)


def chosen_charts(patient: Patient, key: str) -> tuple[list[Shown], list[dict[str, str]]]:
    """The charts of the measurements' own page: the one chosen, else the usual ones."""
    measures = measures_of(patient)
    if key in measures and measures[key].is_enough:
        return [_chart(key, measures[key].label, [measures[key]])], choices(measures)
    return [*growth_charts(patient, measures), *vital_charts(measures)], choices(measures)


def choices(measures: dict[str, Measure]) -> list[dict[str, str]]:
    """What was measured at least twice, by name."""
    enough = [{"key": one.key, "name": one.label} for one in measures.values() if one.is_enough]
    return sorted(enough, key=lambda one: one["name"])


def vital_charts(measures: dict[str, Measure]) -> list[Shown]:
    """Weight, blood pressure, temperature: each where there are two points at least."""
    found = []
    for key, parts in VITALS.items():
        lines = [measures[part] for part in parts if part in measures and measures[part].is_enough]
        if lines:
            found.append(_chart(key, _("Blood pressure") if len(parts) > 1 else lines[0].label, lines))
    return found


def growth_charts(patient: Patient, measures: dict[str, Measure]) -> list[Shown]:
    """For children under five, by age and beside WHO's lines."""
    if not is_small(patient, today()):
        return []
    return [_growth_chart(one) for one in growth_of(patient, measures)]


def with_unit(number: float, unit: str) -> str:
    """ "12.4 kg"."""
    return f"{number:g} {unit}".strip()


def _chart(key: str, title: str, measures: Sequence[Measure]) -> Shown:
    lines = [
        Curve(measure.label, [(_day_number(at), number) for at, number in measure.points])
        for measure in measures
    ]
    days = sorted({point[0] for line in lines for point in line.points})
    drawn = curves(title=title, words=_words(title, measures), lines=lines, at=_few(days), say=_day_said)
    moments = sorted({at for measure in measures for at, _number in measure.points}, reverse=True)
    told = [(dict(measure.points), measure.unit) for measure in measures]
    rows = [[_moment(at), *(_cell(values.get(at), unit) for values, unit in told)] for at in moments]
    return Shown(key, drawn, [_("When"), *(measure.label for measure in measures)], rows)


def _words(title: str, measures: Sequence[Measure]) -> str:
    """What the chart says, for whoever cannot see it."""
    first, last = measures[0].points[0], measures[0].points[-1]
    count = len(measures[0].points)
    unit = measures[0].unit
    return ngettext(
        "%(title)s, %(count)d time: from %(first)s on %(from)s to %(last)s on %(to)s.",
        "%(title)s, %(count)d times: from %(first)s on %(from)s to %(last)s on %(to)s.",
        count,
    ) % {
        "title": title,
        "count": count,
        "first": with_unit(first[1], unit),
        "from": _day(first[0]),
        "last": with_unit(last[1], unit),
        "to": _day(last[0]),
    }


def _growth_chart(growth: Growth) -> Shown:
    title = _("%(measure)s for age") % {"measure": growth.label}
    quiet = [
        Curve(_("WHO %(score)+d") % {"score": score}, points, quiet=True)
        for score, points in sorted(growth.lines.items())
    ]
    lines = [*quiet, Curve(growth.label, growth.points)]
    until = growth.lines[0][-1][0] if growth.lines else max(12.0, growth.points[-1][0])
    step = 6 if until <= 36 else 12
    drawn = curves(
        title=title,
        words=_growth_words(title, growth),
        lines=lines,
        at=[float(month) for month in range(0, int(until) + 1, step)],
        say=lambda month: f"{month:g}",
    )
    rows = [[_months(months), with_unit(number, growth.unit)] for months, number in reversed(growth.points)]
    return Shown(
        f"growth-{growth.key}",
        drawn,
        [_("Age"), growth.label],
        rows,
        note=_growth_note(growth),
        standard=bool(growth.lines),
    )


def _growth_words(title: str, growth: Growth) -> str:
    months, number = growth.points[-1]
    return _("%(title)s: %(last)s at %(age)s.") % {
        "title": title,
        "last": with_unit(number, growth.unit),
        "age": _months(months),
    }


def _growth_note(growth: Growth) -> str:
    if growth.lines:
        return _("Age in months. Lines: WHO standards, 3 and 2 below, middle, 2 and 3 above.")
    return _("Age in months. The sex is not known, so WHO lines are left out.")


def _months(months: float) -> str:
    whole = int(months)
    return ngettext("%(n)d month", "%(n)d months", whole) % {"n": whole}


def _few(days: list[float]) -> list[float]:
    """At most four places for a label: the ends, and what lies best between."""
    if len(days) <= 1:
        return days
    first, last = days[0], days[-1]
    return list(dict.fromkeys(round(first + (last - first) * part / (FEW - 1)) for part in range(FEW)))


def _day_number(at: datetime) -> float:
    local = timezone.localtime(at)
    return local.toordinal() + (local.hour * 60 + local.minute) / 1440


def _day_said(number: float) -> str:
    day = date.fromordinal(max(1, round(number)))
    return date_format(day, "j M" if day.year == today().year else "M Y")


def _day(at: datetime) -> str:
    return date_format(timezone.localdate(at), "DATE_FORMAT")


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")


def _cell(number: float | None, unit: str) -> str:
    return "" if number is None else with_unit(number, unit)
