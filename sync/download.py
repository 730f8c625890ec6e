"""The clinic's download: pages of merged state → rows and cursor, in one transaction each.

Lives here: `Inflow` (one run's download up to the gates that hello gave). What this version does not know is
kept aside as it came; the cursor never passes what was not kept. Not here: central's side
(`sync/feed/pages.py`), the merge (`sync/apply.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import msgspec
from django.db import transaction

from sync.apply import Arrival, settle, show_what_is_known_now
from sync.carriers.http import Session
from sync.core.merge import GONE, State, merge, state_from_plain, state_of, state_to_plain
from sync.core.protocol import StateRecord, decode_page
from sync.crash import crash_point
from sync.exchanges import PagesAnswer, PagesRequest, unpack
from sync.feed.models import Cursor, Kept
from sync.feed.positions import LANE
from sync.ledger.models import Replica
from sync.ledger.replicas import central_uuid, forget_replicas, number_of
from sync.node import current_node
from sync.tables import Table, all_tables, table_named
from sync.vault.durable import write_private

PAGE_BYTES = 400_000


@dataclass(slots=True)
class Inflow:
    """One run's download: from this clinic's cursors to the bounds of the run's hello."""

    session: Session
    gates: Mapping[str, tuple[int, int, bytes]]
    page_bytes: int = PAGE_BYTES
    level: int = 9
    ahead: bool = True
    fetched: int = 0
    touched: set[str] = field(default_factory=set)

    def wanted(self) -> dict[str, tuple[int, bytes]]:
        """The gates that have news: table → (bound, anchor)."""
        cursors = dict(Cursor.objects.values_list("table", "position"))
        return {
            name: (position, anchor)
            for name, (position, _modified, anchor) in self.gates.items()
            if position > cursors.get(name, 0)
        }

    def cursor(self, table: str) -> int:
        """How far this clinic has downloaded a table."""
        return Cursor.objects.filter(table=table).values_list("position", flat=True).first() or 0

    def slices(self) -> Iterator[int]:
        """Fetch and apply page after page; yields how many records came. Raises `LinkBroke` or `Refused`."""
        bounds = self.wanted()
        cursors = {**dict.fromkeys(bounds, 0), **dict(Cursor.objects.values_list("table", "position"))}
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="download") as pool:
            coming = self._ask(pool, cursors, bounds) if bounds else None
            while coming is not None:
                answer = unpack(PagesAnswer, coming.result())
                cursors |= {name: position for name, (position, _anchor) in answer.moved.items()}
                # The next page travels while this one is applied; should that fail, the cursor has not moved.
                coming = self._ask(pool, cursors, bounds) if answer.more else None
                self._apply(answer)
                yield self.fetched

    def _ask(
        self, pool: ThreadPoolExecutor, cursors: dict[str, int], bounds: dict[str, tuple[int, bytes]]
    ) -> Future[bytes]:
        request = PagesRequest(dict(cursors), bounds, self.page_bytes, self.level, LANE).pack()
        if self.ahead:
            return pool.submit(copy_context().run, partial(self.session.post, "pages", request))
        done: Future[bytes] = Future()
        done.set_result(self.session.post("pages", request))
        return done

    def _apply(self, answer: PagesAnswer) -> None:
        records = decode_page(answer.page) if answer.count else []
        apply_page(records, answer.moved)
        self.touched |= {record.table for record in records}
        self.fetched += len(records)


def apply_page(records: Sequence[StateRecord], moved: Mapping[str, tuple[int, bytes]]) -> None:
    """Rows, what is kept aside, and the cursors: one transaction."""
    try:
        with transaction.atomic(durable=True):
            apply_records(records)
            _observe(records)
            crash_point("page.before-cursor")
            _move_cursors(moved)
            crash_point("page.before-commit")
    except BaseException:
        forget_replicas()
        raise
    crash_point("page.after-commit")


def _observe(records: Sequence[StateRecord]) -> None:
    """What is written here after this page is stamped after it. A stamp beyond the cap is kept as it came and
    not adopted.
    """
    stamps = [head.write.stamp for record in records for heads in record.heads.values() for head in heads] + [
        record.write.stamp for record in records if record.write is not None
    ]
    for stamp in sorted(set(stamps), reverse=True):
        if current_node().clock.observe(stamp):
            Replica.objects.filter(is_self=True, last_stamp__lt=stamp).update(last_stamp=stamp)
            return


def apply_records(records: Sequence[StateRecord]) -> None:
    """Merge states into rows; the caller holds the transaction."""
    origin = number_of(_central())
    arrivals: list[Arrival] = []
    for record in records:
        table = table_named(record.table)
        if table is None:
            _keep(record)
        else:
            arrivals.append(_arrival(record, table, origin))
    settle(arrivals)


def _central() -> UUID:
    found = central_uuid()
    if found is None:
        raise RuntimeError("a page came to a node that has not joined")
    return found


def _arrival(record: StateRecord, table: Table, origin: int) -> Arrival:
    if record.write is None:
        return Arrival(table, record.record_id, origin, state=record.heads, position=record.position)
    plain = all(table.column_of(name) is not None for name in record.fields)
    if not plain:
        return Arrival(table, record.record_id, origin, state=_state_in(record), position=record.position)
    return Arrival(
        table,
        record.record_id,
        origin,
        write=record.write,
        fields=record.fields,
        creating=True,
        position=record.position,
    )


def _state_in(record: StateRecord) -> State:
    if record.write is None:
        return record.heads
    return state_of(record.write, {GONE: False, **record.fields})


def _keep(record: StateRecord) -> None:
    """A table of a newer version: keep its state as it is; two arrivals merge like any others."""
    state = _state_in(record)
    kept = Kept.objects.filter(table=record.table, record_id=record.record_id).first()
    if kept is not None:
        state = merge(state_from_plain(msgspec.msgpack.decode(bytes(kept.state))), state)
    Kept.objects.update_or_create(
        table=record.table,
        record_id=record.record_id,
        defaults={"position": record.position, "state": msgspec.msgpack.encode(state_to_plain(state))},
    )


def _move_cursors(moved: Mapping[str, tuple[int, bytes]]) -> None:
    now = current_node().wall()
    for name, (position, anchor) in moved.items():
        Cursor.objects.update_or_create(
            table=name, defaults={"position": position, "anchor": anchor, "moved_at": now}
        )


def apply_kept() -> int:
    """After an upgrade, before the first page is served: what older code could only keep becomes rows and
    columns. Answers how many records.
    """
    known = _vocabulary()
    path = current_node().path("vocabulary")
    if path.exists() and path.read_text() == known:
        return 0
    done = sum(_apply_if_known(kept) for kept in list(Kept.objects.order_by("id")))
    for table in all_tables():
        rows = table.model.objects.filter(versions__isnull=False)
        for pk in list(rows.values_list("pk", flat=True)):
            with transaction.atomic():
                done += show_what_is_known_now(table, rows.select_for_update().get(pk=pk))
    write_private(path, known.encode())
    return done


def _apply_if_known(kept: Kept) -> int:
    if table_named(kept.table) is None:
        return 0
    state = state_from_plain(msgspec.msgpack.decode(bytes(kept.state)))
    record = StateRecord(
        table=kept.table, record_id=kept.record_id, position=kept.position, schema=1, heads=state
    )
    with transaction.atomic():
        apply_records([record])
        kept.delete()
    return 1


def _vocabulary() -> str:
    """What this version knows: a digest of every table, field and code."""
    words = [
        (
            table.name,
            field.name,
            field.max_length,
            [str(code) for code, _label in getattr(field, "flatchoices", [])],
        )
        for table in all_tables()
        for field in table.model._meta.concrete_fields
    ]
    return hashlib.sha256(repr(words).encode()).hexdigest()
