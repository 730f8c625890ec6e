"""When somebody was born, from whatever they can say.

Lives here, pure: a date in three parts of which only the year need be known, an age in years, months or
days, and what is kept for it: a date, and whether it is an estimate. Not here: what a date may be
(`policy.py`), the boxes it is typed into (`fields.py`).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Final, Literal

from registry.people.digits import western
from registry.people.policy import OLDEST, check_birth_date
from registry.refusals import Refused, _

Unit = Literal["years", "months", "days"]
UNITS: Final[tuple[Unit, ...]] = ("years", "months", "days")
_MOST: Final = {"years": OLDEST, "months": OLDEST * 12, "days": OLDEST * 365}
OUT_OF_RANGE: Final = _("An age lies between 0 and 130 years.")


def number_in(text: str, field: str, sentence: str) -> int | None:
    """A whole number in the digits of any script; None where nothing was written."""
    digits = western(text).strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        raise Refused.field(field, "not-a-number", sentence)
    return int(digits)


def birth_date_from_age(age: int, today: date, unit: Unit = "years") -> date:
    """The estimated birth date of somebody who says an age.

    In years it is the 1 July on which a person of exactly that age may have been born: the middle of a
    year, so that the estimate errs by half a year at most, and in the year that keeps the age true on the
    day it was said. As in DHIS2's value type AGE, what is stored is the date, and the age is counted from
    it. In months it is the middle of the month in which they may have been born; in days it is the day.
    """
    if not 0 <= age <= _MOST[unit]:
        raise Refused.field("age_years", "age-out-of-range", OUT_OF_RANGE)
    if unit == "days":
        return today - timedelta(days=age)
    if unit == "months":
        return _months_back(today, age) - timedelta(days=15 if age else today.day // 2)
    year = today.year - age - (1 if (today.month, today.day) < (7, 1) else 0)
    return date(year, 7, 1)


def _months_back(today: date, months: int) -> date:
    count = today.year * 12 + today.month - 1 - months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def date_from_parts(day: int | None, month: int | None, year: int | None) -> tuple[date, bool]:
    """(date, whether it is an estimate) from what is known of it: the middle of the month, or of the year."""

    def refuse(code: str, sentence: str) -> Refused:
        return Refused.field("birth_date", code, sentence)

    if year is None:
        raise refuse("year-missing", _("Write the year as well, or an age."))
    if not 1000 <= year <= 9999:
        raise refuse("year-short", _("Write the year with four digits."))
    if month is None and day is not None:
        raise refuse("month-missing", _("Write the month as well."))
    if month is not None and not 1 <= month <= 12:
        raise refuse("no-such-month", _("A month is a number from 1 to 12."))
    if month is None:
        return date(year, 7, 1), True
    last = monthrange(year, month)[1]
    if day == 29 and month == 2 and last == 28:
        raise refuse("no-such-day", _("There was no 29 February in that year."))
    if day is not None and not 1 <= day <= last:
        raise refuse("no-such-day", _("That month has no such day."))
    return date(year, month, day or 15), day is None


def birth_of(
    birth_date: date | None, age: int | None, estimated: bool, today: date, unit: Unit = "years"
) -> tuple[date, bool]:
    """(birth date, whether it is an estimate) from whichever of the two was said; a date wins over an age."""
    if birth_date is not None:
        # What is known of a date may be "this year"; its middle must not lie in the future for that.
        said = today if estimated and birth_date > today and birth_date.year == today.year else birth_date
        check_birth_date(said, today)
        return said, estimated
    if age is None:
        raise Refused.field("birth_date", "birth-date-missing", _("Write a birth date or an age."))
    return birth_date_from_age(age, today, unit), unit != "days"
