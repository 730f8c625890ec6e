"""Small calculations that the database makes, the same on both engines.

Lives here: a day as one number, the hour on the clinic's own clock, minutes between two moments, and how many
rows of a query are alike. Each is written in the engine's own functions, because the embedded engine would
call back into Python for Django's, once per row: for fifty thousand visits that is most of the time a report
takes. Not here: what is counted with them, the clock (`clock.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Case, F, Func, IntegerField, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from clinic.reports.clock import Piece

Compiled = tuple[str, Any]


class DayNumber(Func):
    """A column of days: 20 November 2026 as 20261120."""

    output_field = BigIntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "CAST(replace(%(expressions)s, '-', '') AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "CAST(to_char(%(expressions)s, 'YYYYMMDD') AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **more)


class HourNumber(Func):
    """A moment on a clock so many seconds ahead of UTC: nine to ten on 20 November 2026 as 2026112009."""

    output_field = BigIntegerField()

    def __init__(self, moment: str, seconds: int) -> None:
        super().__init__(F(moment), seconds=int(seconds))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        # Without the fraction: rounding it could make the next hour of the last half millisecond.
        moved = "datetime(substr(%(expressions)s, 1, 19), '%(seconds)s seconds')"
        template = f"CAST(replace(replace(substr({moved}, 1, 13), '-', ''), ' ', '') AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        moved = "(%(expressions)s AT TIME ZONE 'UTC') + interval '%(seconds)s seconds'"
        return self.as_sql(
            compiler, connection, template=f"CAST(to_char({moved}, 'YYYYMMDDHH24') AS BIGINT)", **more
        )


class Minutes(Func):
    """Whole minutes that passed from the first moment to the second, the seconds cut off."""

    output_field = IntegerField()
    arity = 2

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        first, last = (compiler.compile(part) for part in self.source_expressions)
        sql = f"((unixepoch(substr({last[0]}, 1, 19)) - unixepoch(substr({first[0]}, 1, 19))) / 60)"
        return sql, (*last[1], *first[1])

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        first, last = (compiler.compile(part) for part in self.source_expressions)
        seconds = "CAST(EXTRACT(EPOCH FROM date_trunc('second', {})) AS BIGINT)"
        sql = f"(({seconds.format(last[0])} - {seconds.format(first[0])}) / 60)"
        return sql, (*last[1], *first[1])


def hour_at(moment: str, pieces: Sequence[Piece]) -> Combinable:
    """The clinic's hour of a column of moments, as `HourNumber` says it."""
    *changes, last = pieces
    usual = HourNumber(moment, last.seconds)
    if not changes:
        return usual
    whens = [
        When(**{f"{moment}__lt": piece.until}, then=HourNumber(moment, piece.seconds)) for piece in changes
    ]
    return Case(*whens, default=usual, output_field=BigIntegerField())


def day_at(moment: str, pieces: Sequence[Piece]) -> Combinable:
    """The clinic's day of a column of moments, as `DayNumber` says it. The difference of two, in ten
    thousands, is an age in whole years.
    """
    return hour_at(moment, pieces) / Value(100)


def how_many(
    rows: QuerySet[Any], columns: Sequence[str], where: str, *values: Any
) -> Iterator[tuple[Any, ...]]:
    """Each combination of these columns with how many rows have it, of a query whose columns are windows:
    Django does not count over those. `columns` and `where` are ours, never somebody's words.
    """
    inner, given = rows.query.sql_with_params()
    names = ", ".join(columns)
    query = f"SELECT {names}, count(*) FROM ({inner}) AS counted WHERE {where} GROUP BY {names}"  # noqa: S608 - Django's own SQL around ours
    with connection.cursor() as cursor:
        cursor.execute(query, [*given, *values])
        yield from cursor.fetchall()
