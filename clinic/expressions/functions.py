"""The functions of the rule language.

Lives here: `FUNCTIONS`, each with what it takes and what it does, as DHIS2's reference describes them. Three
look at their arguments before they are evaluated and stand in `evaluation.py`. Not here: growth standards
(`growth.py`), bar codes (`datamatrix.py`). Read next: `checking.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from clinic.expressions.datamatrix import element_of
from clinic.expressions.growth import height_for_age, weight_for_age, weight_for_height
from clinic.expressions.values import CannotEvaluate, Context, Value, Variable, as_date, as_number

MAX_PATTERN_INPUT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Function:
    """`kinds` are the kinds of its arguments; `optional` of the last may be left out; `many`: the last may
    come again.
    """

    run: Callable[..., Value]
    kinds: tuple[str, ...]
    optional: int = 0
    many: bool = False

    def takes(self, count: int) -> bool:
        least = len(self.kinds) - self.optional
        return least <= count and (self.many or count <= len(self.kinds))

    def kind_of(self, position: int) -> str:
        return self.kinds[min(position, len(self.kinds) - 1)]


def _rounded(context: Context, number: float | None, digits: int | None = 0) -> float:
    if number is None or not math.isfinite(number):
        raise CannotEvaluate("there is nothing to round")
    places = max(-15, min(digits or 0, 15))
    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def _ceil(context: Context, number: float | None) -> float:
    return float(math.ceil(number or 0.0))


def _floor(context: Context, number: float | None) -> float:
    return float(math.floor(number or 0.0))


def _modulus(context: Context, left: float | None, right: float | None) -> float:
    if left is None or right is None or right == 0:
        raise CannotEvaluate("division by zero")
    return left % right


def _zing(context: Context, number: float | None) -> float | None:
    return number if number is None else max(number, 0.0)


def _oizp(context: Context, number: float | None) -> float:
    return float(number is not None and number >= 0)


def _zpvc(context: Context, *numbers: float | None) -> float:
    return float(sum(number is not None and number >= 0 for number in numbers))


def _both(first: date | None, second: date | None) -> tuple[date, date]:
    if first is None or second is None:
        raise CannotEvaluate("a date is missing")
    return first, second


def _days(context: Context, start: date | None, end: date | None) -> float:
    first, second = _both(start, end)
    return float((second - first).days)


def _weeks(context: Context, start: date | None, end: date | None) -> float:
    return float(int(_days(context, start, end) / 7))


def _minutes(context: Context, start: date | None, end: date | None) -> float:
    return _days(context, start, end) * 1440


def _months(context: Context, start: date | None, end: date | None) -> float:
    """Completed months; backwards they are negative."""
    first, second = _both(start, end)
    counted = (second.year * 12 + second.month) * 32 + second.day
    counted -= (first.year * 12 + first.month) * 32 + first.day
    return float(int(counted / 32))


def _years(context: Context, start: date | None, end: date | None) -> float:
    return float(int(_months(context, start, end) / 12))


def _add_days(context: Context, day: date | None, days: float | None) -> date | None:
    if day is None or days is None:
        return day
    return day + timedelta(days=int(days))


def _last_event_date(context: Context, variable: Variable | None) -> date | None:
    return None if variable is None or variable.on is None else as_date(variable.on)


def _count(context: Context, variable: Variable | None) -> float:
    return float(len(variable.others)) if variable else 0.0


def _count_value(context: Context, variable: Variable | None, sample: str | None) -> float:
    return float(variable.others.count(sample)) if variable and sample is not None else 0.0


def _numbers(variable: Variable | None) -> list[float]:
    values = [as_number(value) for value in variable.others] if variable else []
    return [value for value in values if value is not None]


def _count_positive(context: Context, variable: Variable | None) -> float:
    return float(sum(number >= 0 for number in _numbers(variable)))


def _highest(context: Context, variable: Variable | None) -> float | None:
    return max(_numbers(variable), default=None)


def _lowest(context: Context, variable: Variable | None) -> float | None:
    return min(_numbers(variable), default=None)


def _pattern(context: Context, text: str | None, pattern: str | None) -> bool:
    if text is None or pattern is None:
        return False
    try:
        found = re.fullmatch(pattern, text[:MAX_PATTERN_INPUT])
    except (re.error, RecursionError, OverflowError):
        raise CannotEvaluate("this is no pattern") from None
    return found is not None and len(text) <= MAX_PATTERN_INPUT


def _left(context: Context, text: str | None, length: int | None) -> str:
    return (text or "")[: max(length or 0, 0)]


def _right(context: Context, text: str | None, length: int | None) -> str:
    whole = text or ""
    return whole[max(len(whole) - max(length or 0, 0), 0) :]


def _substring(context: Context, text: str | None, start: int | None, end: int | None) -> str:
    whole = text or ""
    first, last = (
        max(0, min(place, len(whole))) for place in (start or 0, len(whole) if end is None else end)
    )
    return whole[min(first, last) : max(first, last)]


def _split(context: Context, text: str | None, delimiter: str | None, place: int | None) -> str:
    if text is None or delimiter is None or place is None:
        return ""
    parts = text.split(delimiter) if delimiter else list(text)
    return parts[place] if 0 <= place < len(parts) else ""


def _length(context: Context, text: str | None) -> float:
    return float(len(text or ""))


def _concatenate(context: Context, *texts: str | None) -> str:
    return "".join(text for text in texts if text is not None)


def _contains(context: Context, text: str | None, *parts: str | None) -> bool:
    return all(part is not None and part in (text or "") for part in parts)


def _contains_items(context: Context, text: str | None, *items: str | None) -> bool:
    return set(items) <= set((text or "").split(","))


def _in_group(context: Context, group: str | None) -> bool:
    place = context.variables.get("org_unit")
    return bool(group and place and place.value in context.groups.get(group, ()))


def _has_role(context: Context, role: str | None) -> bool:
    return role in context.roles


def _data_matrix(context: Context, name: str | None, code: str | None) -> str | None:
    return element_of(name or "", code or "")


def _growth(
    score: Callable[[float, float, str], float],
) -> Callable[[Context, float | None, float | None, str | None], float]:
    def run(context: Context, first: float | None, second: float | None, sex: str | None) -> float:
        if first is None or second is None or sex is None:
            raise CannotEvaluate("a measurement is missing")
        return score(first, second, sex)

    return run


def _never(context: Context, *arguments: Any) -> Value:
    raise CannotEvaluate("this is not known here")


FUNCTIONS: Final[dict[str, Function]] = {
    "d2:addDays": Function(_add_days, ("date", "number")),
    "d2:ceil": Function(_ceil, ("number",)),
    "d2:concatenate": Function(_concatenate, ("text",), many=True),
    "d2:condition": Function(_never, ("text", "text", "text")),
    "d2:contains": Function(_contains, ("text", "text"), many=True),
    "d2:containsItems": Function(_contains_items, ("text", "text"), many=True),
    "d2:count": Function(_count, ("variable",)),
    "d2:countIfCondition": Function(_never, ("variable", "text")),
    "d2:countIfValue": Function(_count_value, ("variable", "text")),
    "d2:countIfZeroPos": Function(_count_positive, ("variable",)),
    "d2:daysBetween": Function(_days, ("date", "date")),
    "d2:extractDataMatrixValue": Function(_data_matrix, ("text", "text")),
    "d2:floor": Function(_floor, ("number",)),
    "d2:hasUserRole": Function(_has_role, ("text",)),
    "d2:hasValue": Function(_never, ("variable",)),
    "d2:inOrgUnitGroup": Function(_in_group, ("text",)),
    "d2:lastEventDate": Function(_last_event_date, ("variable",)),
    "d2:left": Function(_left, ("text", "whole")),
    "d2:length": Function(_length, ("text",)),
    "d2:maxValue": Function(_highest, ("variable",)),
    "d2:minValue": Function(_lowest, ("variable",)),
    "d2:minutesBetween": Function(_minutes, ("date", "date")),
    "d2:modulus": Function(_modulus, ("number", "number")),
    "d2:monthsBetween": Function(_months, ("date", "date")),
    "d2:oizp": Function(_oizp, ("number",)),
    "d2:relationshipCount": Function(_never, ("text",), optional=1),
    "d2:right": Function(_right, ("text", "whole")),
    "d2:round": Function(_rounded, ("number", "whole"), optional=1),
    "d2:split": Function(_split, ("text", "text", "whole")),
    "d2:substring": Function(_substring, ("text", "whole", "whole")),
    "d2:validatePattern": Function(_pattern, ("text", "text")),
    "d2:weeksBetween": Function(_weeks, ("date", "date")),
    "d2:yearsBetween": Function(_years, ("date", "date")),
    "d2:zScoreHFA": Function(_growth(height_for_age), ("number", "number", "text")),
    "d2:zScoreWFA": Function(_growth(weight_for_age), ("number", "number", "text")),
    "d2:zScoreWFH": Function(_growth(weight_for_height), ("number", "number", "text")),
    "d2:zing": Function(_zing, ("number",)),
    "d2:zpvc": Function(_zpvc, ("number",), many=True),
}
