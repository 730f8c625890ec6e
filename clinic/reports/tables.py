"""What was counted, as tables: the same ones on the page, on paper and in a file.

Lives here: `Table`, and one function for each report that makes its tables. Not here: counting
(`morbidity.py`, `passing.py`, `used.py`, `followed.py`), charts (`shapes.py`), writing files (`files.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from clinic.pharmacy.wording import medicine_text
from clinic.programs.icd10 import label_of
from clinic.reports.chapters import CHAPTERS
from clinic.reports.followed import Followed
from clinic.reports.morbidity import Cell, Line, Morbidity
from clinic.reports.passing import Passing, Waits
from clinic.reports.policy import AgeGroup, Sex
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
    note: str = ""

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


def sex_words() -> dict[Sex, str]:
    """What to call the columns of sexes."""
    return {
        Sex.FEMALE: pgettext("column", "F"),
        Sex.MALE: pgettext("column", "M"),
        Sex.OTHER: pgettext("column", "Other"),
        Sex.UNKNOWN: pgettext("column", "Not known"),
    }


def morbidity_tables(found: Morbidity, most: int | None = None) -> list[Table]:
    """Chapters, then single codes (with `most` only the commonest): new cases by age and sex, follow-ups."""
    cells = _shown_cells(found)
    ages, sexes, language = age_words(), sex_words(), get_language()
    columns = [
        *(Column(sexes[sex], ages[group]) for sex, group in cells),
        Column(_("New cases")),
        Column(_("Follow-ups")),
    ]

    def rows(lines: Iterable[Line], said: Callable[[str], str]) -> list[list[Any]]:
        return [
            [said(line.key), *(line.cells[cell] for cell in cells), line.new, line.again] for line in lines
        ]

    codes = found.codes[:most]
    named = rows(codes, lambda code: label_of(code, language))
    left_out = len(found.codes) - len(codes)
    note = (
        ngettext(
            "%(count)d rarer diagnosis is only in the file.",
            "%(count)d rarer diagnoses are only in the file.",
            left_out,
        )
        % {"count": left_out}
        if left_out
        else ""
    )
    return [
        _with_total(_("By chapter"), [_words(_("Chapter")), *columns], rows(found.chapters, chapter_words)),
        Table(_("By diagnosis"), [_words(_("Diagnosis")), *columns], named, note=note),
    ]


def _shown_cells(found: Morbidity) -> list[Cell]:
    """Both sexes in every age group; what is not known, or neither, only where somebody is."""
    used = {cell for line in found.chapters for cell, number in line.cells.items() if number}
    usual = {(sex, group) for sex in (Sex.FEMALE, Sex.MALE) for group in AgeGroup} - {
        (Sex.FEMALE, AgeGroup.UNKNOWN),
        (Sex.MALE, AgeGroup.UNKNOWN),
    }
    return [(sex, group) for group in AgeGroup for sex in Sex if (sex, group) in used | usual]


def category_name(name: str) -> str:
    """What to call a kind of visit; one that this version does not know goes by its code."""
    return str(dict(Visit.Category.choices).get(name, name))


def _wait_row(name: str, waits: Waits) -> list[Any]:
    return [name, waits.people, waits.median, waits.most, waits.longest, waits.an_hour_or_more]


def visit_tables(found: Passing) -> list[Table]:
    """Waits by station, then what people came for and when."""
    waits = [_wait_row(station_name(station), one) for station, one in found.waits.items()]
    if found.whole.people:
        waits.append(_wait_row(_("Whole visit"), found.whole))
    number = Column(_("Visits"))
    return [
        Table(
            _("Minutes of waiting"),
            [
                _words(_("Station")),
                Column(_("People")),
                Column(_("Half within")),
                Column(_("9 in 10 within")),
                Column(_("Longest")),
                Column(_("An hour or more")),
            ],
            waits,
        ),
        _with_total(
            _("By kind of visit"),
            [_words(_("Kind of visit")), number],
            [[category_name(name), count] for name, count in found.categories.items()],
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
