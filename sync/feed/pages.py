"""Pages: merged state, in position order, for one node.

Lives here: `page_for` – up to so many bytes of records that the node's scope covers, after its cursors and up
to bounds taken in one snapshot; parents that moved past the bound travel along; a replica's own news is not
echoed to it; a new subscription is back-filled with everything there is of that scope key. Not here: packing
(`sync/core/pages.py`), applying (`sync/download.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from sync.core.protocol import StateRecord
from sync.feed.models import Gate, Subscription
from sync.feed.positions import SUBSCRIPTIONS
from sync.feed.subscriptions import followed_by
from sync.models import EnrolledNode
from sync.records import SyncedModel, SyncedQuerySet
from sync.rowstate import made_write, plain_fields, state_of_row
from sync.tables import Table, all_tables

ROWS_PER_QUERY = 500
MOST_RECORDS = 10_000
KEYS_PER_QUERY = 50
NOTHING = (0, b"")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the node and the local number of its live replica."""

    node: EnrolledNode
    origin: int

    @property
    def sees_everything(self) -> bool:
        return self.node.mode == EnrolledNode.Mode.EVERYTHING


@dataclass(slots=True)
class Page:
    """What one request gets. `moved` maps a table to the position that the cursor may move to; `more` says
    whether to ask again.
    """

    records: list[StateRecord] = field(default_factory=list)
    moved: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    more: bool = False
    room: int = 0

    @property
    def is_full(self) -> bool:
        return self.room <= 0 or len(self.records) >= MOST_RECORDS

    def add(self, record: StateRecord) -> None:
        self.records.append(record)
        self.room -= rough_size(record)


def gates() -> dict[str, tuple[int, int, bytes]]:
    """Every table's (last position, last modified ms, anchor), read in one query: the bounds of a run."""
    return {
        gate.table: (gate.last_position, gate.last_modified, bytes(gate.anchor))
        for gate in Gate.objects.all()
    }


def page_for(
    reader: Reader,
    cursors: Mapping[str, int],
    bounds: Mapping[str, tuple[int, bytes]],
    most_bytes: int,
) -> Page:
    """The next page after `cursors` and up to `bounds` (table → position, anchor)."""
    page = Page(room=most_bytes)
    followed = bounds.get(SUBSCRIPTIONS, (cursors.get(SUBSCRIPTIONS, 0), b""))[0]
    if SUBSCRIPTIONS in bounds and not reader.sees_everything:
        _back_fill(page, reader, cursors, bounds)
    for table in all_tables():
        if table.name not in bounds or page.more:
            continue
        after, (upto, anchor) = cursors.get(table.name, 0), bounds[table.name]
        if after < upto:
            _read_table(page, reader, table, (after, upto, followed), anchor)
    passed = {name: max(cursors.get(name, 0), bounds.get(name, NOTHING)[0]) for name in {*cursors, *bounds}}
    _carry_parents(page, reader, passed, followed)
    return page


def _read_table(page: Page, reader: Reader, table: Table, span: tuple[int, int, int], anchor: bytes) -> None:
    after, upto, followed = span
    for row in _rows(reader, table, after, upto, followed):
        if page.is_full:
            page.more = True
            return
        page.add(record_of(table, row))
        page.moved[table.name] = (page.records[-1].position, b"")
    page.moved[table.name] = (upto, anchor)


def _rows(reader: Reader, table: Table, after: int, upto: int, followed: int) -> Iterator[SyncedModel]:
    """Rows in scope with news for this reader, by position."""
    scoped = in_scope(reader, table, table.model.objects.all(), upto=followed)
    while True:
        chunk = list(
            scoped.filter(news_after(reader, after), position__lte=upto).order_by("position")[:ROWS_PER_QUERY]
        )
        yield from chunk
        if len(chunk) < ROWS_PER_QUERY:
            return
        after = chunk[-1].position


def in_scope(
    reader: Reader, table: Table, rows: SyncedQuerySet, *, upto: int | None = None
) -> SyncedQuerySet:
    """Only what this node may hold; up to a bound, only of what it has followed up to there."""
    if reader.sees_everything or table.scope_attname is None:
        return rows
    followed = Subscription.objects.filter(node_uuid=reader.node.uuid)
    if upto is not None:
        followed = followed.filter(position__lte=upto)
    return rows.filter(**{f"{table.scope_attname}__in": followed.values("scope")})


def news_after(reader: Reader, after: int) -> Q:
    """The rows that moved past a position by others than the reader: its own writes it has."""
    return Q(position__gt=after) & (~Q(origin=reader.origin) | Q(other_position__gt=after))


def followed_since(reader: Reader, table: Table, after: int) -> Q:
    """The rows of what this node follows only since that bound, unless it alone has written them."""
    if reader.sees_everything or table.scope_attname is None:
        return Q(pk__in=[])
    new = Subscription.objects.filter(node_uuid=reader.node.uuid, position__gt=after)
    mine = Q(origin=reader.origin, other_position=0)
    return Q(**{f"{table.scope_attname}__in": new.values("scope")}) & ~mine


def _back_fill(
    page: Page, reader: Reader, cursors: Mapping[str, int], bounds: Mapping[str, tuple[int, bytes]]
) -> None:
    """Everything there is of newly followed scope keys, key by key: rows that the table cursors have passed
    already. They are read for many keys at once; a page ends behind a whole key.
    """
    after, (upto, anchor) = cursors.get(SUBSCRIPTIONS, 0), bounds[SUBSCRIPTIONS]
    in_order = followed_by(reader.node, upto).order_by("position")
    while some := list(in_order.filter(position__gt=after)[:KEYS_PER_QUERY]):
        found = _all_of(reader, [one.scope for one in some], cursors)
        for subscription in some:
            if page.is_full:
                page.more = True
                return
            for table, row in found.get(subscription.scope, ()):
                page.add(record_of(table, row))
            page.moved[SUBSCRIPTIONS] = (subscription.position, b"")
        after = some[-1].position
    page.moved[SUBSCRIPTIONS] = (upto, anchor)


def _all_of(
    reader: Reader, keys: Collection[UUID], cursors: Mapping[str, int]
) -> dict[UUID, list[tuple[Table, SyncedModel]]]:
    """The rows of each key that the cursors have passed, parents first, but for those the reader wrote."""
    found: dict[UUID, list[tuple[Table, SyncedModel]]] = {}
    for table in all_tables():
        passed = cursors.get(table.name, 0)
        if table.scope_attname is None or not passed:
            continue
        rows = table.model.objects.filter(**{f"{table.scope_attname}__in": keys}, position__lte=passed)
        for row in rows.exclude(origin=reader.origin, other_position=0).order_by("position"):
            found.setdefault(getattr(row, table.scope_attname), []).append((table, row))
    return found


def _carry_parents(page: Page, reader: Reader, passed: Mapping[str, int], followed: int) -> None:
    """Parents of this page's rows that have moved past the bound: the child must not arrive before them."""
    carried: list[StateRecord] = []
    present = {record.record_id for record in page.records}
    for table in reversed(all_tables()):
        while ids := _parents_in(table, [*page.records, *carried]) - present:
            present |= ids
            rows = table.model.objects.filter(pk__in=ids, position__gt=passed.get(table.name, 0))
            carried += [record_of(table, row) for row in in_scope(reader, table, rows, upto=followed)]
    page.records[:0] = reversed(carried)


def _parents_in(table: Table, records: Iterable[StateRecord]) -> set[UUID]:
    """The records of that table which these refer to."""
    return {
        UUID(bytes=value) for record in records for name, value in _references(record) if name == table.name
    }


def _references(record: StateRecord) -> Iterable[tuple[str, bytes]]:
    from sync.tables import table_named

    table = table_named(record.table)
    if table is None:
        return
    for column in table.parents:
        values: list[Any] = []
        if record.write is None:
            values = [head.value for head in record.heads.get(column.name, ())]
        elif column.name in record.fields:
            values = [record.fields[column.name]]
        for value in values:
            if isinstance(value, bytes) and column.parent:
                yield column.parent, value


def record_of(table: Table, row: SyncedModel) -> StateRecord:
    """A row as it travels: one write and its fields where it was written once, all heads otherwise."""
    position = row.position or 0
    if row.versions is None and not row.gone:
        return StateRecord(
            table=table.name,
            record_id=row.pk,
            position=position,
            schema=table.sync.schema,
            write=made_write(row),
            fields=plain_fields(table, row),
        )
    return StateRecord(
        table=table.name,
        record_id=row.pk,
        position=position,
        schema=table.sync.schema,
        heads=state_of_row(table, row),
    )


def rough_size(record: StateRecord) -> int:
    """About how many bytes a record adds to a page before compression; only used to stop in time."""
    if record.write is None:
        return 200 + sum(60 + _weight(head.value) for heads in record.heads.values() for head in heads)
    return 24 + sum(2 + _weight(value) for value in record.fields.values())


def _weight(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, (list, dict)):
        return len(repr(value))
    return 4
