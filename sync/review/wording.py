"""Fields and values of any synced table as people read them.

Lives here: what a table, a field and a value are called, from the models' own words, and `word_values`,
by which a room that knows more (a form's data elements) words its own, and `read_values`, by which it reads
what a person wrote instead. Not here: who wrote a value
(`selectors.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from sync.core.merge import GONE, Value
from sync.records import SyncedModel
from sync.tables import Table, table_named

Words = Callable[[str, Any, str, Any], tuple[str, str] | None]
Reads = Callable[[str, Any, str, str], Any]
_words: list[Words] = []
_reads: list[Reads] = []


def word_values(words: Words) -> Words:
    """Register `words(table name, row or None, field, value)` → (label, text), or None where it has
    nothing to say. Usable as a decorator.
    """
    _words.append(words)
    return words


def read_values(reads: Reads) -> Reads:
    """Register `reads(table name, row, field, text)` → the value that the text means, None where it has
    nothing to say, or a `Problem` with a sentence for the field `value`. Usable as a decorator.
    """
    _reads.append(reads)
    return reads


def value_typed(table: Table, row: SyncedModel, field: str, text: str) -> Any:
    """What a person means who wrote this as the right value."""
    for reads in _reads:
        meant = reads(table.name, row, field, text)
        if meant is not None:
            return meant
    return text


def choices_of(table: Table, field: str) -> list[tuple[str, str]]:
    """The values of a field that has a list of them."""
    column = table.column_of(field)
    if column is None or column.keyed:
        return []
    described: Any = table.model._meta.get_field(column.name)
    return [(str(value), str(label)) for value, label in described.flatchoices]


def table_label(name: str) -> str:
    """What one record of a table is called."""
    table = table_named(name)
    return name if table is None else capfirst(str(table.model._meta.verbose_name))


def in_words(table: Table, row: SyncedModel | None, field: str, value: Any) -> tuple[str, str]:
    """(label, text) of a value as the database holds it."""
    if field == GONE:
        return _("Kept or removed"), _("Removed") if value is True else _("Kept")
    for words in _words:
        told = words(table.name, row, field, value)
        if told is not None:
            return told
    column = table.column_of(field)
    if column is None or column.keyed:
        return capfirst(field.partition(".")[2].replace("_", " ") or field), _text(None, value)
    described: Any = table.model._meta.get_field(column.name)
    return capfirst(str(described.verbose_name)), _text(described, value)


def wire_in_words(table: Table, row: SyncedModel | None, field: str, value: Value) -> tuple[str, str]:
    """The same for a value as it travels; one that this version cannot read is shown raw."""
    try:
        plain = value if field == GONE else table.python(field, value)
    except ValueError:
        plain = value
    return in_words(table, row, field, plain)


def _text(field: models.Field[Any, Any] | None, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if field is not None and field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(field, models.ForeignKey):
        return _name_of(field, value)
    return _plain_text(value)


def _name_of(field: models.ForeignKey[Any, Any], key: Any) -> str:
    row = field.remote_field.model._default_manager.filter(pk=key).first()
    return str(key) if row is None else str(row)


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    if isinstance(value, int | Decimal):
        return number_format(value, use_l10n=True)
    if isinstance(value, list | tuple):
        return ", ".join(_plain_text(item) for item in value)
    if isinstance(value, bytes):
        return str(UUID(bytes=value)) if len(value) == 16 else value.hex()
    return str(value)
