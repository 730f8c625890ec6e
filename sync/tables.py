"""Synced models, compiled once for speed: which fields travel, how, and in what order tables depend on each
other.

Lives here: `Table` and the lookups `table_named`, `table_of`, `all_tables` (in dependency order: a parent's
table first). Not here: what is declared (`sync/records.py`). Read next: `sync/rowstate.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from sync.codecs import Codec, CodecError, codec_for, plain_json
from sync.core.merge import GONE, Rule, Value
from sync.records import SYNC_COLUMNS, KeyedField, Sync, SyncedModel

MOST_KNOWN_FIELDS = 5_000


@dataclass(frozen=True, slots=True)
class Column:
    """One synced column. `attname` is its attribute on the row; `default` and `default_wire` stand where
    nothing was set.
    """

    name: str
    attname: str
    codec: Codec
    keyed: bool
    default: Any
    default_wire: Value
    parent: str | None

    def fresh_default(self) -> Any:
        return copy.copy(self.default) if isinstance(self.default, (dict, list)) else self.default


@dataclass(frozen=True, slots=True)
class Table:
    """A synced model, compiled."""

    name: str
    model: type[SyncedModel]
    sync: Sync
    columns: Mapping[str, Column]
    keyed: Mapping[str, Column]
    attnames: tuple[str, ...]
    blank: tuple[Any, ...]
    scope_attname: str | None
    parents: tuple[Column, ...]
    _known: dict[str, tuple[Column, Codec]]

    def column_of(self, field: str) -> Column | None:
        """The column that holds a field (`values.bp` → `values`); None for a field this version does not
        know.
        """
        found = self._known.get(field) or self._keyed(field)
        return None if found is None else found[0]

    def _keyed(self, field: str) -> tuple[Column, Codec] | None:
        name, dot, key = field.partition(".")
        column = self.keyed.get(name) if dot and key else None
        if column is None:
            return None
        if len(self._known) < MOST_KNOWN_FIELDS:  # keys come from elsewhere; do not remember without end
            self._known[field] = (column, _KEYED_CODEC)
        return column, _KEYED_CODEC

    def fresh(self) -> list[Any]:
        """The values of a row with nothing set, in the order of `attnames`."""
        return [value.copy() if type(value) in (dict, list) else value for value in self.blank]

    def rule(self, field: str, columns: Mapping[str, Any]) -> Rule:
        """The merge rule of a field, given the row's other columns (form values ask their data element)."""
        declared = self.sync.rules.get(field)
        if declared is not None:
            return declared
        if field != GONE and "." in field and self.sync.key_rule is not None:
            return self.sync.key_rule(columns, field.partition(".")[2])
        return "central" if self.sync.owner == "central" else "latest"

    def wire(self, field: str, value: Any) -> Value:
        """A Python value as it travels; raises `CodecError`."""
        return self._codec(field).wire(value)

    def python(self, field: str, value: Value) -> Any:
        """A wire value as the column holds it; raises `CodecError`."""
        return self._codec(field).python(value)

    def python_or_raw(self, field: str, value: Value) -> tuple[Any, bool]:
        """A wire value as the column can show it, and whether this version knows it. Raises `CodecError` for
        what the column cannot hold at all.
        """
        codec = self._codec(field)
        try:
            return codec.python(value), True
        except CodecError:
            if codec.raw is None:
                raise
            return codec.raw(value), False

    def _codec(self, field: str) -> Codec:
        found = self._known.get(field) or self._keyed(field)
        if found is None:
            raise CodecError("unknown-field", f"This version does not know the field {field[:60]!r}.")
        return found[1]


def _keyed_value(value: Any) -> Any:
    if isinstance(value, (dict, float)):
        raise CodecError("wrong-type", "A form value is text, a whole number, yes/no or a list.")
    return plain_json(value)


_KEYED_CODEC = Codec(_keyed_value, _keyed_value)


def _column(field: models.Field[Any, Any]) -> Column:
    codec = codec_for(field)
    default = field.get_default()
    if isinstance(field, KeyedField):
        default = {}
    if default == "" and field.null:
        default = None
    related = field.related_model if isinstance(field, models.ForeignKey) else None
    parent = related.sync.table if isinstance(related, type) and issubclass(related, SyncedModel) else None
    return Column(
        name=field.name,
        attname=field.attname,
        codec=codec,
        keyed=isinstance(field, KeyedField),
        default=default,
        default_wire=None if isinstance(field, KeyedField) else _default_wire(codec, default),
        parent=parent,
    )


def _default_wire(codec: Codec, default: Any) -> Value:
    """The default as it would travel; None where there is none and a value must be given."""
    try:
        return codec.wire(default)
    except CodecError:
        return None


def _blank(field: models.Field[Any, Any]) -> Any:
    default = field.get_default()
    return None if default == "" and field.null else default


def _compiled(model: type[SyncedModel]) -> Table:
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.name not in SYNC_COLUMNS and field.name not in model.sync.local
    ]
    columns = {field.name: _column(field) for field in fields}
    return Table(
        name=model.sync.table,
        model=model,
        sync=model.sync,
        columns=columns,
        keyed={name: column for name, column in columns.items() if column.keyed},
        attnames=tuple(field.attname for field in model._meta.concrete_fields),
        blank=tuple(_blank(field) for field in model._meta.concrete_fields),
        scope_attname=model.sync.scope,
        parents=tuple(column for column in columns.values() if column.parent),
        _known={name: (column, column.codec) for name, column in columns.items() if not column.keyed},
    )


def synced_models() -> Iterator[type[SyncedModel]]:
    """Every concrete synced model of the installed apps."""
    for model in apps.get_models(include_auto_created=True):
        if issubclass(model, SyncedModel) and not model._meta.proxy:
            yield model


@cache
def _tables() -> dict[str, Table]:
    compiled: dict[str, Table] = {}
    for model in synced_models():
        if model.sync.table in compiled:
            raise ValueError(f"two models sync as {model.sync.table!r}")
        compiled[model.sync.table] = _compiled(model)
    return _in_dependency_order(compiled)


def _in_dependency_order(compiled: dict[str, Table]) -> dict[str, Table]:
    ordered: dict[str, Table] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for column in compiled[name].parents:
            if column.parent and column.parent != name:
                visit(column.parent)
        ordered[name] = compiled[name]

    for name in sorted(compiled):
        visit(name)
    return ordered


@cache
def _by_model() -> dict[type[SyncedModel], Table]:
    return {table.model: table for table in _tables().values()}


def all_tables() -> list[Table]:
    """Every synced table, parents before children, otherwise by name."""
    return list(_tables().values())


def table_named(name: str) -> Table | None:
    """The table with this wire name; None where this version does not know it."""
    return _tables().get(name)


def table_of(model: type[SyncedModel]) -> Table:
    return _by_model()[model]


@cache
def table_rank(name: str) -> int:
    """The table's place in dependency order."""
    return list(_tables()).index(name)


def reference_ids(table: Table, fields: Mapping[str, Value]) -> Iterator[tuple[str, UUID]]:
    """(parent table, record id) of every reference that these wire fields set."""
    for column in table.parents:
        value = fields.get(column.name)
        if isinstance(value, bytes) and len(value) == 16 and column.parent:
            yield column.parent, UUID(bytes=value)


def beside_id(table: Table, fields: Mapping[str, Value]) -> tuple[str, UUID] | None:
    """(table, record id) of the record that a row with these fields speaks of, where it names one."""
    if table.sync.beside is None:
        return None
    named, record_id = (fields.get(name) for name in table.sync.beside)
    if isinstance(named, str) and isinstance(record_id, bytes) and len(record_id) == 16:
        return named, UUID(bytes=record_id)
    return None
