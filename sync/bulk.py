"""Many new rows into one table, at the speed of the database driver.

Lives here: `insert` – the one place where rows go in past Django's `bulk_create`, which spends most of its
time compiling values per row (measured: two thirds of the time of an intake). Each column's conversion is
chosen once per call; kinds without a fast conversion use the field's own. Not here: who may write
(`sync/records.py` guards; `insert` refuses stray writes too), updates (they go through `bulk_create` with
conflicts).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

from sync.records import SyncedModel, refuse_stray

Convert = Callable[[Any], Any]


def insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows. An automatic primary key is left to the database and not read back."""
    if not rows:
        return
    if issubclass(model, SyncedModel):
        refuse_stray(f"insert() of {model.__name__}")
    fields = [
        field
        for field in model._meta.concrete_fields
        if not (
            field.primary_key
            and isinstance(field, models.AutoField)
            and getattr(rows[0], field.attname) is None
        )
    ]
    _execute(model, fields, [[getattr(row, field.attname) for field in fields] for row in rows])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _execute(
    model: type[models.Model], fields: Sequence[models.Field[Any, Any]], rows: Sequence[Sequence[Any]]
) -> None:
    converters = [_converter(field) for field in fields]
    names = ", ".join(connection.ops.quote_name(field.column or field.attname) for field in fields)
    marks = ", ".join("%s" for _ in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    values = [[convert(value) for convert, value in zip(converters, row, strict=True)] for row in rows]
    with connection.cursor() as cursor:
        # The names come from our own models; every value is a parameter.
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608


def insert_plain(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as values, in the order of these attributes; for tables of sync's own."""
    if not rows:
        return
    if issubclass(model, SyncedModel):
        refuse_stray(f"insert_plain() of {model.__name__}")
    _execute(model, [_field_at(model, name) for name in names], rows)


def _field_at(model: type[models.Model], attname: str) -> models.Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


def _same(value: Any) -> Any:
    return value


def _hex(value: Any) -> Any:
    return None if value is None else value.hex


def _json_text(value: Any) -> Any:
    return json.dumps(value)


def _converter(field: models.Field[Any, Any]) -> Convert:
    """How a Python value becomes a parameter of this engine."""
    if isinstance(field, models.ForeignKey):
        return _converter(field.target_field)
    if isinstance(field, models.UUIDField):
        return _same if connection.features.has_native_uuid_field else _hex
    if isinstance(field, models.JSONField) and connection.vendor == "sqlite" and not field.null:
        return _json_text
    plain = (
        models.CharField,
        models.TextField,
        models.IntegerField,
        models.AutoField,
        models.BooleanField,
        models.BinaryField,
    )
    if isinstance(field, plain):
        return _same
    return lambda value: field.get_db_prep_save(value, connection)
