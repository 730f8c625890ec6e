"""What was counted, as tables: the same ones on the page, on paper and in a file.

Lives here: `Table`, and one function for each report that makes its tables. Not here: counting
(`morbidity.py`, `passing.py`, `used.py`, `followed.py`), charts (`shapes.py`), writing files (`files.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from clinic.pharmacy.wording import medicine_text
from clinic.programs.icd10 import label_of
from clinic.reports.chapters import CHAPTERS
from clinic.reports.followed import Followed
from clinic.reports.morbidity import SEXES, Line, Morbidity
from clinic.reports.passing import Passing, Waits
from clinic.reports.policy import AgeGroup
from clinic.reports.used import Used
from clinic.visits.models import Visit
from clinic.visits.wording import station_name

MOST_CODES: Final = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column; those with the same `group` stand under one heading."""

    name: str
    group: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """The first column names the row."""

    title: str
    columns: list[Column]
    rows: list[list[Any]]
    total: list[Any] = field(default_factory=list)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The headings above the columns with how many each spans; none where there is no group."""
        runs = [(name, len(list(run))) for name, run in groupby(self.columns, key=lambda one: one.group)]
        return runs if any(name for name, _span in runs) else []


def _words(name: str) -> Column:
    return Column(name, number=False)


def _with_total(title: str, columns: list[Column], rows: list[list[Any]]) -> Table:
    """Every column of numbers added up."""
    sums = [sum(row[place] for row in rows) for place in range(1, len(columns))]
    return Table(title, columns, rows, [_("Together"), *sums] if rows else [])


def age_words() -> dict[AgeGroup, str]:
    """What to call the age groups."""
    return {
        AgeGroup.INFANT: _("Under 1"),
        AgeGroup.CHILD: "1–4",
        AgeGroup.SCHOOL: "5–14",
        AgeGroup.YOUNG: "15–24",
        AgeGroup.ADULT: "25–49",
        AgeGroup.OLDER: "50+",
        AgeGroup.UNKNOWN: _("Age not known"),
    }


def chapter_words(number: str) -> str:
    """A chapter's number and name; a code outside the classification is named as what it is."""
    if number not in CHAPTERS:
        return _("Codes we do not know")
    return f"{number} – {CHAPTERS[number]}"


def morbidity_tables(found: Morbidity) -> list[Table]:
    """Chapters, then single codes, each by age and sex."""
    shown = [
        (group, sex)
        for group in AgeGroup
        for sex in SEXES
        if (sex != "other" and group is not AgeGroup.UNKNOWN)
        or any(line.cells[sex, group] for line in found.chapters)
    ]
    sexes = {
        "female": pgettext("column", "F"),
        "male": pgettext("column", "M"),
        "other": pgettext("column", "Other"),
    }
    ages = age_words()
    columns = [Column(sexes[sex], ages[group]) for group, sex in shown] + [Column(_("Together"))]

    def rows(lines: Iterable[Line], said: Any) -> list[list[Any]]:
        return [
            [said(line.key), *(line.cells[sex, group] for group, sex in shown), line.total] for line in lines
        ]

    language = get_language()
    return [
        _with_total(_("By chapter"), [_words(_("Chapter")), *columns], rows(found.chapters, chapter_words)),
        Table(
            _("By diagnosis"),
            [_words(_("Diagnosis")), *columns],
            rows(found.codes[:MOST_CODES], lambda code: label_of(code, language)),
        ),
    ]


def _wait_row(name: str, waits: Waits) -> list[Any]:
    return [name, waits.people, waits.median, waits.most, waits.longest, waits.over_an_hour]


def visit_tables(found: Passing) -> list[Table]:
    """Waits by station, then what people came for and when."""
    waits = [_wait_row(station_name(station), one) for station, one in found.waits.items()]
    if found.whole.people:
        waits.append(_wait_row(_("Whole visit"), found.whole))
    number, categories = Column(_("Visits")), dict(Visit.Category.choices)
    return [
        Table(
            _("Minutes of waiting"),
            [
                _words(_("Station")),
                Column(_("People")),
                Column(_("Half within")),
                Column(_("9 in 10 within")),
                Column(_("Longest")),
                Column(_("Over an hour")),
            ],
            waits,
        ),
        _with_total(
            _("By kind of visit"),
            [_words(_("Kind of visit")), number],
            [[str(categories[name]), count] for name, count in found.categories.items()],
        ),
        _with_total(
            _("By hour"),
            [_words(_("From")), number],
            [[f"{hour:02d}:00", count] for hour, count in found.hours.items()],
        ),
        _with_total(
            _("By day"),
            [_words(_("Day")), number],
            [[date_format(day, "D j M Y"), count] for day, count in found.days.items()],
        ),
    ]


def stock_tables(found: list[Used]) -> list[Table]:
    """One line for each medicine."""
    columns = [
        _words(_("Medicine")),
        _words(_("Counted in")),
        Column(_("Received")),
        Column(_("Given to people")),
        Column(_("Expired or spoiled")),
        Column(_("Corrected or sent on")),
        Column(_("Left")),
    ]
    rows = [
        [
            medicine_text(one.medicine),
            str(one.medicine.get_unit_display()),
            one.received,
            one.given,
            one.lost,
            one.other,
            one.left,
        ]
        for one in found
    ]
    return [Table(_("By medicine"), columns, rows)]


def program_tables(found: list[Followed]) -> list[Table]:
    """One line for each program."""
    columns = [
        _words(_("Program")),
        Column(_("Followed now")),
        Column(_("New in these days")),
        Column(_("Due within a week")),
        Column(_("Overdue")),
        Column(_("Completed")),
        Column(_("Cancelled")),
    ]
    rows: list[list[Any]] = [
        [one.program, one.active, one.new, one.due, one.overdue, one.completed, one.cancelled]
        for one in found
    ]
    return [_with_total(_("By program"), columns, rows)]
