"""A patient's charts, with their words and tables.

Lives here: what the panel on the patient's page and the page with every measurement print. Not here: reading
the numbers (`measures.py`), drawing (`charts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.reports.charts import Curve, Drawn, curves
from clinic.reports.measures import Grown, Growth, Measure, growth_of, is_small, measures_of
from registry.people.models import Patient
from registry.people.selectors import today

VITALS: Final = {
    "weight": ("weight",),
    "height": ("height",),
    "bp": ("bp_systolic", "bp_diastolic"),
    "glucose": ("glucose",),
    "temperature": ("temperature",),
}
FEW: Final = 4


@dataclass(frozen=True)
class Shown:
    """A chart with its table: the column names, and rows of texts, newest first. Without two numbers to
    connect there is only the table.
    """

    key: str
    title: str
    chart: Drawn | None
    columns: list[str]
    rows: list[list[str]]
    notes: list[str]
    standard: bool = False


@dataclass(frozen=True)
class Charts:
    """What a page shows, and what else there is to choose from."""

    shown: list[Shown]
    choices: list[dict[str, str]]
    chosen: str = ""


def charts_of(patient: Patient, key: str = "") -> Charts:
    """What was chosen, else the usual: growth for small children, then the vital signs."""
    measures = measures_of(patient)
    choices = sorted(
        ({"key": one.key, "name": _name(one, measures)} for one in measures.values()),
        key=lambda one: one["name"],
    )
    if key in measures:
        return Charts([_chart(key, _name(measures[key], measures), [measures[key]])], choices, key)
    growth = growth_charts(patient, measures)
    return Charts([*growth, *vital_charts(measures, {one.key for one in growth})], choices)


def _name(measure: Measure, measures: dict[str, Measure]) -> str:
    """The question's words; with its unit where something else has the same."""
    same = [other for other in measures.values() if other.label == measure.label]
    return f"{measure.label} ({measure.unit})" if len(same) > 1 and measure.unit else measure.label


def vital_charts(measures: dict[str, Measure], known: set[str]) -> list[Shown]:
    """Weight, height, blood pressure, sugar, temperature: each where there are two points at least, and where
    the same is not drawn by age already.
    """
    found = []
    for key, parts in VITALS.items():
        lines = [measures[part] for part in parts if part in measures and measures[part].is_enough]
        if lines and f"growth-{key}" not in known:
            found.append(_chart(key, _("Blood pressure") if len(parts) > 1 else lines[0].label, lines))
    return found


def growth_charts(patient: Patient, measures: dict[str, Measure]) -> list[Shown]:
    """For children under five, by age and beside WHO's lines."""
    if not is_small(patient, today()):
        return []
    estimated = patient.birth_date_estimated
    return [_growth_chart(one, estimated) for one in growth_of(patient, measures)]


def with_unit(number: float, unit: str) -> str:
    """ "12.4 kg"."""
    return f"{number:g} {unit}".strip()


def _chart(key: str, title: str, measures: Sequence[Measure]) -> Shown:
    enough = [measure for measure in measures if measure.is_enough]
    drawn = _lines(title, enough) if enough else None
    moments = sorted({at for measure in measures for at, _number in measure.points}, reverse=True)
    rows = [[_moment(at), *(_cell(measure, at) for measure in measures)] for at in moments]
    left_out = sum(len(measure.points) - len(measure.drawn) for measure in measures)
    columns = [_("When"), *(measure.label for measure in measures)]
    return Shown(key, title, drawn, columns, rows, _left_out(left_out))


def _lines(title: str, measures: Sequence[Measure]) -> Drawn:
    lines = [
        Curve(measure.label, [(_day_number(at), number) for at, number in measure.drawn])
        for measure in measures
    ]
    days = sorted({point[0] for line in lines for point in line.points})
    said = " ".join(_words(measure) for measure in measures)
    return curves(title=title, words=said, lines=lines, at=_few(days), say=partial(_day_said, today().year))


def _words(measure: Measure) -> str:
    """What a line says, for whoever cannot see it."""
    first, last = measure.drawn[0], measure.drawn[-1]
    count = len(measure.drawn)
    return ngettext(
        "%(title)s, %(count)d time: from %(first)s on %(from)s to %(last)s on %(to)s.",
        "%(title)s, %(count)d times: from %(first)s on %(from)s to %(last)s on %(to)s.",
        count,
    ) % {
        "title": measure.label,
        "count": count,
        "first": with_unit(first[1], measure.unit),
        "from": _day(first[0]),
        "last": with_unit(last[1], measure.unit),
        "to": _day(last[0]),
    }


def _left_out(count: int) -> list[str]:
    if not count:
        return []
    return [
        ngettext(
            "%(count)d number cannot be right and is not drawn.",
            "%(count)d numbers cannot be right and are not drawn.",
            count,
        )
        % {"count": count}
    ]


def _growth_chart(growth: Growth, estimated: bool) -> Shown:
    title = _("%(measure)s for age") % {"measure": growth.label}
    quiet = [Curve(_score_said(score), points, quiet=True) for score, points in sorted(growth.lines.items())]
    until = growth.lines[0][-1][0] if growth.lines else max(12.0, growth.points[-1].months)
    step = 6 if until <= 36 else 12
    drawn = curves(
        title=title,
        words=_growth_words(title, growth),
        lines=[*quiet, Curve(growth.label, growth.drawn)],
        at=[float(month) for month in range(0, int(until) + 1, step)],
        say=lambda month: f"{month:g}",
    )
    columns = [_("Age"), growth.label, *([_("Distance from the middle (SD)")] if growth.lines else [])]
    rows = [_growth_row(point, growth) for point in reversed(growth.points)]
    notes = [_growth_note(growth), *_left_out(len(growth.points) - len(growth.drawn))]
    if estimated:
        notes.append(_("The birth date is an estimate, and so is the age."))
    return Shown(f"growth-{growth.key}", title, drawn, columns, rows, notes, standard=bool(growth.lines))


def _growth_row(point: Grown, growth: Growth) -> list[str]:
    row = [_months(point.months), with_unit(point.number, growth.unit)]
    if growth.lines:
        row.append("" if point.score is None else f"{point.score:+.1f}")
    return row


def _score_said(score: int) -> str:
    return f"{score:+d}" if score else "0"


def _growth_words(title: str, growth: Growth) -> str:
    last = growth.points[-1]
    told = {"title": title, "last": with_unit(last.number, growth.unit), "age": _months(last.months)}
    if last.score is None:
        return _("%(title)s: %(last)s at %(age)s.") % told
    told["score"] = f"{last.score:+.1f}"
    return _("%(title)s: %(last)s at %(age)s, %(score)s standard deviations from the middle.") % told


def _growth_note(growth: Growth) -> str:
    if growth.lines:
        return _("Age in months. Lines: WHO standards, 3 and 2 below, middle, 2 and 3 above.")
    return _("Age in months. The sex is not known, so WHO lines are left out.")


def _months(months: float) -> str:
    whole = int(months)
    return ngettext("%(n)d month", "%(n)d months", whole) % {"n": whole}


def _few(days: list[float]) -> list[float]:
    """At most four places for a label: the ends, and what lies best between."""
    first, last = days[0], days[-1]
    return list(dict.fromkeys(round(first + (last - first) * part / (FEW - 1)) for part in range(FEW)))


def _day_number(at: datetime) -> float:
    local = timezone.localtime(at)
    return local.toordinal() + (local.hour * 60 + local.minute) / 1440


def _day_said(this_year: int, number: float) -> str:
    day = date.fromordinal(max(1, round(number)))
    return date_format(day, "j M" if day.year == this_year else "M Y")


def _day(at: datetime) -> str:
    return date_format(timezone.localdate(at), "DATE_FORMAT")


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")


def _cell(measure: Measure, at: datetime) -> str:
    """What was measured then; two forms of one moment may say two things."""
    numbers = [number for moment, number in measure.points if moment == at]
    return ", ".join(dict.fromkeys(with_unit(number, measure.unit) for number in numbers))
