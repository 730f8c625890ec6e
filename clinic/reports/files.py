"""Reports as CSV files that spreadsheets open rightly and harmlessly.

Lives here: the register and the tables as streams of lines: UTF-8 with a mark, so that names keep their
accents, and no cell that a spreadsheet would run as a formula (`policy.safe_cell`). Not here: the numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.reports.asked import Asked
from clinic.reports.policy import safe_cell
from clinic.reports.register import Line
from clinic.reports.tables import Table

MARK: Final = "\ufeff"


class _Echo:
    """What `csv` writes to, handing each line on."""

    def write(self, line: str) -> str:
        return line


def sent(rows: Iterable[list[Any]], name: str) -> StreamingHttpResponse:
    """These rows as a file with a name."""
    response = StreamingHttpResponse(_written(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _written(rows: Iterable[list[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield MARK
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def file_name(which: str, asked: Asked) -> str:
    """ "register-2026-11-20": no person's or place's name stands in it."""
    days = asked.span.first.isoformat()
    return f"{which}-{days}" if asked.span.is_one_day else f"{which}-{days}-{asked.span.last.isoformat()}"


def register_columns() -> list[str]:
    """What the register's columns are called."""
    return [
        _("Date"),
        _("Time"),
        _("Number"),
        _("Name"),
        _("Age"),
        _("Sex"),
        _("Village"),
        _("Kind of visit"),
        _("New or follow-up"),
        _("Diagnosis"),
        _("Treatment"),
        _("Referred to"),
        _("Place"),
    ]


def register_rows(lines: Iterable[Line]) -> Iterator[list[Any]]:
    """The register, one row for each visit."""
    yield register_columns()
    for line in lines:
        at = timezone.localtime(line.at)
        yield [
            *(at.date().isoformat(), f"{at:%H:%M}", line.number, line.name, line.age, line.sex, line.village),
            *(line.category, line.coming, "; ".join(line.diagnosis), "; ".join(line.treatment)),
            *("; ".join(line.referred), line.place),
        ]


def table_rows(tables: Iterable[Table]) -> Iterator[list[Any]]:
    """These tables one below the other, each under its title."""
    for place, table in enumerate(tables):
        if place:
            yield []
        yield [table.title]
        yield [
            _("%(group)s, %(column)s") % {"group": column.group, "column": column.name}
            if column.group
            else column.name
            for column in table.columns
        ]
        yield from table.rows
        if table.total:
            yield table.total
