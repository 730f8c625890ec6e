"""Conflicts as people and programs read them: every value with who, when, on which device, where.

Lives here: `conflicts_shown`, `conflict_shown`, the key that names one value, and `name_people`, by
which a room that knows staff tells their names. Not here: what is set aside (`aside.py`), deciding
(`services.py`), how values read (`wording.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from sync.core.merge import GONE, Dot, State, Value, Write, supersedes
from sync.ledger.models import Replica
from sync.ledger.selectors import instant
from sync.records import SyncedModel
from sync.review.models import Conflict, Decision
from sync.review.wording import in_words, table_label, wire_in_words
from sync.rowstate import state_of_row
from sync.tables import Table, table_named

NameStaff = Callable[[Iterable[UUID | None]], Mapping[UUID, str]]
_name_staff: list[NameStaff] = []


def name_people(tell: NameStaff) -> NameStaff:
    """Register who knows what staff are called: ids → names. Usable as a decorator."""
    _name_staff[:] = [tell]
    return tell


def names_of(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What to call these people."""
    wanted = {one for one in ids if one is not None}
    return dict(_name_staff[0](wanted)) if _name_staff and wanted else {}


@dataclass(frozen=True, slots=True)
class HeadShown:
    """One of the values that contradict each other. `key` chooses it."""

    key: str
    text: str
    value: Any
    by: str
    author: UUID | None
    at: datetime
    device: str
    place: str
    clock_corrected: bool

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "version": self.key,
            "value": _json_value(self.value),
            "text": self.text,
            "by": {"id": self.author, "name": self.by},
            "at": self.at,
            "device": self.device,
            "node": self.place,
            "clock_corrected": self.clock_corrected,
        }


@dataclass(frozen=True, slots=True)
class ConflictShown:
    """One question to a person. `version` is the token of the record as it is now."""

    id: int
    table: str
    table_label: str
    record: UUID
    field: str
    field_label: str
    scope: UUID | None
    since: datetime
    heads: list[HeadShown]
    version: str
    person: Any = None

    @property
    def texts(self) -> list[str]:
        return [head.text for head in self.heads]

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "table": self.table,
            "record": self.record,
            "field": self.field,
            "label": self.field_label,
            "scope": self.scope,
            "since": self.since,
            "values": [head.plain() for head in self.heads],
            "version": self.version,
        }


def conflicts_shown(
    conflicts: Iterable[Conflict] | None = None, people: Mapping[UUID, Any] | None = None
) -> list[ConflictShown]:
    """These conflicts (all of them without an argument), oldest first. `people`: scope key → the person
    a page prints.
    """
    rows = list(Conflict.objects.order_by("since", "pk") if conflicts is None else conflicts)
    records = _records(rows)
    found = []
    for conflict in rows:
        row = records.get(conflict.record_id)
        table = table_named(conflict.table)
        if row is not None and table is not None:
            found.append((conflict, table, row, lines_of(table, row, conflict.field)))
    names = names_of(line.write.author for *_rest, lines in found for line in lines)
    places = dict(Replica.objects.values_list("uuid", "node_name"))
    return [
        _shown(conflict, table, row, [_head(line, names, places) for line in lines], people or {})
        for conflict, table, row, lines in found
    ]


def conflict_shown(conflict: Conflict, people: Mapping[UUID, Any] | None = None) -> ConflictShown | None:
    """One conflict; None where its record is not here any more."""
    return next(iter(conflicts_shown([conflict], people)), None)


def notes_on(table: str, record_id: UUID) -> list[Decision]:
    """Why people decided as they did about a record, oldest first."""
    return list(Decision.objects.living().filter(table=table, record_id=record_id).order_by("made_stamp"))


def _records(conflicts: Sequence[Conflict]) -> dict[UUID, SyncedModel]:
    wanted: dict[str, set[UUID]] = {}
    for conflict in conflicts:
        wanted.setdefault(conflict.table, set()).add(conflict.record_id)
    found: dict[UUID, SyncedModel] = {}
    for name, ids in wanted.items():
        table = table_named(name)
        if table is not None:
            found.update(table.model.objects.in_bulk(list(ids)))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a conflict: what was written, and by which change."""

    write: Write
    value: Value
    text: str

    @property
    def key(self) -> str:
        return key_of(self.write.dot)


def key_of(dot: Dot) -> str:
    """What names a value for ever: the change that wrote it."""
    return f"{dot.replica.hex}-{dot.seq}"


def lines_of(table: Table, row: SyncedModel, field: str) -> list[Line]:
    """The sides of a conflict on this field of this record."""
    state = state_of_row(table, row)
    if field == GONE:
        return _deletion_lines(table, row, state)
    return [
        Line(head.write, head.value, wire_in_words(table, row, field, head.value)[1])
        for head in state.get(field, ())
    ]


def _deletion_lines(table: Table, row: SyncedModel, state: State) -> list[Line]:
    """Who removed the record, and who wrote to it without knowing."""
    removals = [head for head in state.get(GONE, ()) if head.value is True]
    lines = [Line(head.write, True, _("Remove it: it was entered in error")) for head in removals]
    for write, fields in _written(state).items():
        if any(_unknown_to_each_other(head.write, write) for head in removals):
            labels = ", ".join(sorted({in_words(table, row, name, None)[0] for name in fields}))
            text = (
                _("Keep it, with what was written: %(fields)s") % {"fields": labels}
                if labels
                else _("Keep it")
            )
            lines.append(Line(write, False, text))
    return lines


def _written(state: State) -> dict[Write, list[str]]:
    found: dict[Write, list[str]] = {}
    for name, heads in state.items():
        for head in heads:
            if name != GONE:
                found.setdefault(head.write, []).append(name)
            elif head.value is not True:
                found.setdefault(head.write, [])
    return found


def _unknown_to_each_other(one: Write, other: Write) -> bool:
    return one.dot != other.dot and not supersedes(one, other) and not supersedes(other, one)


def _head(line: Line, names: Mapping[UUID, str], places: Mapping[UUID, str]) -> HeadShown:
    write = line.write
    return HeadShown(
        key=line.key,
        text=line.text,
        value=line.value,
        by=names.get(write.author, _("somebody")) if write.author else _("this node"),
        author=write.author,
        at=instant(write.stamp, write.clock_offset_ms),
        device=write.device,
        place=places.get(write.dot.replica, ""),
        clock_corrected=write.clock_offset_ms != 0,
    )


def _shown(
    conflict: Conflict,
    table: Table,
    row: SyncedModel,
    heads: list[HeadShown],
    people: Mapping[UUID, Any],
) -> ConflictShown:
    return ConflictShown(
        id=conflict.pk,
        table=conflict.table,
        table_label=table_label(conflict.table),
        record=conflict.record_id,
        field=conflict.field,
        field_label=in_words(table, row, conflict.field, None)[0],
        scope=conflict.scope,
        since=datetime.fromtimestamp(conflict.since / 1000, tz=UTC),
        heads=heads,
        version=row.version,
        person=people.get(conflict.scope) if conflict.scope else None,
    )


def _json_value(value: Value) -> Any:
    return str(UUID(bytes=value)) if isinstance(value, bytes) and len(value) == 16 else value
