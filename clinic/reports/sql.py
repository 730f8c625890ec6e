"""Three small calculations that the database makes, the same on both engines.

Lives here: a day as one number, ten minutes of a clock, minutes between two moments. All of them read UTC.
Each is written in the engine's own functions, because the embedded engine would call back into Python for
Django's, once per row: for fifty thousand visits that is most of the time a report takes. Not here: what is
counted with them.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, F, Func, IntegerField
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

Compiled = tuple[str, Any]


class DayNumber(Func):
    """20 November 2026 as 20261120. The difference of two, in ten thousands, is an age in whole years."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "CAST(replace(substr(%(expressions)s, 1, 10), '-', '') AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "CAST(to_char(%(expressions)s, 'YYYYMMDD') AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)


class TenMinutes(Func):
    """ "2026-11-20 09:3" for half past nine and the ten minutes after it."""

    output_field = CharField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 15)", **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "substr(to_char(%(expressions)s, 'YYYY-MM-DD HH24:MI'), 1, 15)"
        return self.as_sql(compiler, connection, template=template, **more)


class Minutes(Func):
    """Whole minutes from the first moment to the second."""

    output_field = IntegerField()
    arity = 2

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template, joiner = (
            "CAST(round(-1440.0 * (julianday(%(expressions)s))) AS INTEGER)",
            ") - julianday(",
        )
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner, **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> Compiled:
        template = "CAST(round(-1 * EXTRACT(EPOCH FROM (%(expressions)s)) / 60) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **more)


def years_between(birth_date: str, at: str) -> Combinable:
    """Whole years from one column to another."""
    return (DayNumber(F(at)) - DayNumber(F(birth_date))) / 10_000
