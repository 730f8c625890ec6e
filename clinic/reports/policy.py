"""Who sees reports, which days a report is about, and how old people are in it.

Lives here, pure: the rights, `Span` and the usual periods, the age groups, which measurements are drawn, and
how a cell of a CSV file is made harmless. Not here: counting (`morbidity.py` and its neighbours), what a
request asks for (`asked.py`).
Read next: `asked.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Final
from unicodedata import category
from uuid import UUID

from registry.refusals import Refused, _
from registry.staff.policy import Authority, Role

MAY_SEE_REPORTS: Final = frozenset({Role.PROVIDER, Role.COORDINATOR, Role.CENTRAL_ADMIN})
LONGEST: Final = timedelta(days=1100)
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
A_DAY: Final = timedelta(days=1)


class Period(StrEnum):
    """The days that people ask about most; `OWN` are days that somebody chose."""

    TODAY = "today"
    WEEK = "week"
    MONTH = "month"
    LAST_MONTH = "last-month"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both ends counted."""

    first: date
    last: date

    @property
    def is_one_day(self) -> bool:
        return self.first == self.last


def span_of(period: Period, today: date) -> Span:
    """The days of a usual period. A week begins on Monday."""
    if period is Period.WEEK:
        return Span(today - timedelta(days=today.weekday()), today)
    if period is Period.MONTH:
        return Span(today.replace(day=1), today)
    if period is Period.LAST_MONTH:
        last = today.replace(day=1) - A_DAY
        return Span(last.replace(day=1), last)
    return Span(today, today)


def check_span(span: Span) -> None:
    """The first day comes first, and nobody waits for the sum of a century."""
    for name, day in (("from", span.first), ("to", span.last)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise Refused.field(name, "year-out-of-range", _("Choose a year between 1900 and 2200."))
    if span.last < span.first:
        raise Refused.field("to", "wrong-way-round", _("The first day must come before the last."))
    if span.last - span.first > LONGEST:
        raise Refused.field("to", "too-long", _("Choose three years or less."))


def can_see_reports(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_SEE_REPORTS, facilities)


def check_see_reports(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_see_reports(who, facilities):
        raise Refused("not-allowed", _("Your role does not see reports here."), status=403)


class Sex(StrEnum):
    """The columns of a morbidity report. These words are part of the API and never change."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, stored: str) -> Sex:
        """Where a person's sex as it is stored is counted; what this version does not know is not known."""
        return cls(stored) if stored in set(cls) else cls.UNKNOWN


class AgeGroup(StrEnum):
    """The age groups of a morbidity report. These words are part of the API and never change."""

    INFANT = "under-1"
    CHILD = "1-4"
    SCHOOL = "5-14"
    YOUNG = "15-24"
    ADULT = "25-49"
    OLDER = "50-plus"
    UNKNOWN = "unknown"


UNDER: Final[tuple[tuple[int, AgeGroup], ...]] = (
    (1, AgeGroup.INFANT),
    (5, AgeGroup.CHILD),
    (15, AgeGroup.SCHOOL),
    (25, AgeGroup.YOUNG),
    (50, AgeGroup.ADULT),
)


def age_group(years: int | None) -> AgeGroup:
    """Where somebody of so many years is counted."""
    if years is None:
        return AgeGroup.UNKNOWN
    return next((group for limit, group in UNDER if years < limit), AgeGroup.OLDER)


BELIEVED: Final[dict[tuple[str, str], tuple[float, float]]] = {
    ("weight", "kg"): (0.3, 400),
    ("height", "cm"): (20, 250),
    ("bp_systolic", "mmhg"): (40, 300),
    ("bp_diastolic", "mmhg"): (20, 200),
    ("temperature", "°c"): (25, 45),
    ("pulse", "/min"): (20, 300),
    ("respiratory_rate", "/min"): (4, 150),
    ("spo2", "%"): (30, 100),
    ("muac", "cm"): (5, 60),
    ("glucose", "mmol/l"): (0.5, 60),
    ("glucose", "mg/dl"): (10, 1080),
}
"""What a living person can measure. Wide on purpose: it catches a slipped point, not an illness."""
BELIEVED_SCORES: Final[dict[str, tuple[float, float]]] = {"weight": (-6, 5), "height": (-6, 6)}
"""Beyond these standard deviations WHO takes a child's measurement for a mistake."""


def is_believed(code: str, unit: str, number: float) -> bool:
    """Whether a measurement is drawn. One that is not stays in every table: somebody wrote it."""
    least, most = BELIEVED.get((code, unit.lower()), (float("-inf"), float("inf")))
    return least <= number <= most


def is_believed_score(code: str, score: float) -> bool:
    """The same for a child's distance from WHO's middle line."""
    least, most = BELIEVED_SCORES[code]
    return least <= score <= most


_BEGINS_A_FORMULA: Final = frozenset("=+-@＝＋－＠")
_TRICKS: Final = frozenset("\t\r\n")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula. Numbers are ours, and stay numbers."""
    if isinstance(value, int | float):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if _looks_like_a_formula(text) else text


def _looks_like_a_formula(text: str) -> bool:
    """Spreadsheets overlook what nobody sees in front of a sign; a tab or a new line there is a trick."""
    unseen = "".join(takewhile(lambda char: category(char) in _UNSEEN, text))
    return text[len(unseen) :][:1] in _BEGINS_A_FORMULA or not _TRICKS.isdisjoint(unseen)
