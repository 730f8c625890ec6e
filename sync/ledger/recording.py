"""`recording(by=…)`: the one door for writes.

Lives here: a save – rows, change log and chain in one durable transaction; seq without gaps, in commit order,
because our own replica's row is locked from the first write to the commit. The mark outside the database is
fsynced after the commit and before anything is answered. Not here: the merge itself (`sync/apply.py`), what
may be written (each room's `policy.py`). Read next: `tests/sync/test_journey.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sync.apply import Outcome, arrival_of, assign_positions, settle
from sync.bulk import insert
from sync.codecs import CodecError
from sync.core.merge import GONE, Past, Value, same_value
from sync.core.protocol import Change, canonical, chain_digest, derive_id, new_save_id
from sync.crash import crash_point
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.repeats import keep_outcomes
from sync.ledger.replicas import forget_replicas, self_replica
from sync.node import current_node
from sync.problems import Problem
from sync.records import LONGEST_DEVICE, SyncedModel, door
from sync.rowstate import state_of_row
from sync.tables import Table, table_of
from sync.versions import past_in, past_of

Row = TypeVar("Row", bound=SyncedModel)
LARGEST_CHANGE: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: the staff member's id (None for the node itself) and the device they write on."""

    staff_id: UUID | None
    device: str = ""


class Save:
    """What one person stores at once. It writes a record once, and stands or falls together."""

    def __init__(self, by: Author, save_id: UUID, replica: Replica, repeated: bool) -> None:
        self.by, self.save_id, self.repeated = by, save_id, repeated
        self._replica = replica
        self._changes: list[Change] = []
        self._written: set[UUID] = set()
        self._rows: list[tuple[Table, SyncedModel]] = []
        self._outcomes: dict[UUID, Outcome] = {}

    def id_of(self, ordinal: int) -> UUID:
        """The id that the record written at this place of the save has."""
        return derive_id(self.save_id, ordinal)

    @property
    def next_id(self) -> UUID:
        """The id that the next `add` will use."""
        return self.id_of(len(self._changes))

    def add(self, model: type[Row], **fields: Any) -> Row:
        """A new record; it is in the database at once."""
        table = table_of(model)
        self._may_write(table, adds=True)
        wire = _wire_fields(table, model(**fields))
        row, _outcome = self._record(table, self.next_id, wire, Past())
        return row  # type: ignore[return-value]

    def edit(self, row: SyncedModel, changes: Mapping[str, Any], *, seen: str | None = None) -> Outcome:
        """Set fields. `seen` is the version token of the form; without it the writer saw the row as it is
        now.

        Names are columns, or `values.<key>` for a keyed column. Values equal to what is shown are left out
        when the row is fresh.
        """
        table = table_of(type(row))
        self._may_write(table)
        present = table.model.objects.select_for_update().get(pk=row.pk)
        past = past_of(present) if seen is None else past_in(seen, present)
        wire = {name: self._wire(table, name, value) for name, value in changes.items()}
        if seen is None:
            wire = _differing(table, present, wire)
        if not wire:
            return "applied"
        return self._record(table, row.pk, wire, past)[1]

    def remove(self, row: SyncedModel, *, seen: str | None = None) -> Outcome:
        """A tombstone: the record was entered in error. It stays readable in its history."""
        return self._mark_gone(row, True, seen)

    def bring_back(self, row: SyncedModel, *, seen: str | None = None) -> Outcome:
        """Take a tombstone back."""
        return self._mark_gone(row, False, seen)

    def _mark_gone(self, row: SyncedModel, gone: bool, seen: str | None) -> Outcome:
        table = table_of(type(row))
        self._may_write(table)
        present = table.model.objects.select_for_update().get(pk=row.pk)
        past = past_of(present) if seen is None else past_in(seen, present)
        return self._record(table, row.pk, {GONE: gone}, past)[1]

    def _wire(self, table: Table, name: str, value: Any) -> Value:
        if table.sync.rules.get(name) == "fixed":
            raise Problem(
                "fixed-field", _("This value was set once and does not change."), fields={name: _("fixed")}
            )
        column = table.column_of(name)
        if column is not None and isinstance(value, SyncedModel):
            value = value.pk
        return _checked(name, lambda: table.wire(name, value))

    def _may_write(self, table: Table, *, adds: bool = False) -> None:
        if self.repeated:
            raise RuntimeError("a repeated save writes nothing; return what it made the first time")
        if table.sync.owner == "central" and not current_node().is_central:
            raise Problem("owned-by-central", _("Only central can change this list."), status=403)
        if table.sync.append_only and not adds:
            sentence = _("This list is only ever added to.")
            raise Problem("append-only", sentence, detail=_("Nothing was changed."), status=403)

    def _record(
        self, table: Table, record_id: UUID, fields: dict[str, Value], past: Past
    ) -> tuple[SyncedModel, Outcome]:
        if record_id in self._written:
            raise RuntimeError(f"a save writes a record once; {table.name} {record_id} came twice")
        node, replica = current_node(), self._replica
        change = Change(
            replica=replica.uuid,
            seq=replica.head_seq + len(self._changes) + 1,
            save_id=self.save_id,
            ordinal=len(self._changes),
            last=False,
            table=table.name,
            record_id=record_id,
            stamp=node.clock.tick(),
            author=self.by.staff_id,
            device=self.by.device[:LONGEST_DEVICE],
            clock_offset_ms=replica.clock_offset_ms,
            schema=table.sync.schema,
            past=past,
            fields=fields,
        )
        self._changes.append(change)
        self._written.add(record_id)
        settled = settle([arrival_of(change, replica.number, None)], positions=False)[0]
        self._rows.append((table, settled.row))
        self._outcomes[record_id] = settled.outcome
        return settled.row, settled.outcome

    def close(self) -> int:
        """Write the log and the chain; the transaction is still open. Answers the new head."""
        if not self._changes:
            return self._replica.head_seq
        crash_point("save.before-log")
        self._changes[-1] = _as_last(self._changes[-1])
        if current_node().is_central:
            self._take_positions()
        digest = bytes(self._replica.head_digest)
        rows = []
        for change in self._changes:
            body = _not_too_large(canonical(change))
            digest = chain_digest(digest, body)
            rows.append(_log_row(self._replica, change, body, digest))
        insert(ChangeRow, rows)
        keep_outcomes(self.save_id, self.by.staff_id, self._outcomes)
        self._replica.head_seq = self._changes[-1].seq
        self._replica.head_digest = digest
        self._replica.last_stamp = self._changes[-1].stamp
        Replica.objects.filter(pk=self._replica.pk).update(
            head_seq=self._replica.head_seq,
            head_digest=digest,
            last_stamp=self._replica.last_stamp,
        )
        crash_point("save.before-commit")
        return self._replica.head_seq

    def _take_positions(self) -> None:
        origin = self._replica.number
        assign_positions([(table, [(row, origin, False)]) for table, row in self._rows])
        with door():
            for table, row in self._rows:
                table.model.objects.filter(pk=row.pk).update(
                    position=row.position, other_position=row.other_position, origin=row.origin
                )


def _not_too_large(body: bytes) -> bytes:
    """What no request could carry would stop everything behind it for ever."""
    if len(body) > LARGEST_CHANGE:
        raise Problem(
            "too-large",
            _("This is too much for one record."),
            detail=_("Shorten the text; nothing was saved."),
        )
    return body


def _as_last(change: Change) -> Change:
    from dataclasses import replace

    return replace(change, last=True)


def _log_row(replica: Replica, change: Change, body: bytes, digest: bytes) -> ChangeRow:
    return ChangeRow(
        replica=replica,
        seq=change.seq,
        save_id=change.save_id,
        table=change.table,
        record_id=change.record_id,
        body=body,
        digest=digest,
    )


def _checked(name: str, convert: Any) -> Value:
    try:
        value: Value = convert()
    except CodecError as error:
        raise Problem(error.code, _("A value cannot be kept."), fields={name: str(error)}) from error
    return value


def _wire_fields(table: Table, row: SyncedModel) -> dict[str, Value]:
    """Everything that a new row sets; what is at its default is implied and does not travel."""
    fields: dict[str, Value] = {}
    for name, column in table.columns.items():
        value = getattr(row, column.attname)
        if column.keyed:
            for key, inner in value.items():
                if inner is not None:
                    full = f"{name}.{key}"
                    fields[full] = _checked(full, lambda full=full, inner=inner: table.wire(full, inner))
            continue
        wire = _checked(name, lambda column=column, value=value: column.codec.wire(value))
        if wire is not None and wire != column.default_wire:
            fields[name] = wire
    return fields


def _differing(table: Table, row: SyncedModel, wire: dict[str, Value]) -> dict[str, Value]:
    """Leave out what the row shows already, unless the field is contested: then choosing is a decision."""
    state = state_of_row(table, row)
    kept: dict[str, Value] = {}
    for name, value in wire.items():
        heads = state.get(name, ())
        column = table.column_of(name)
        shown = heads[0].value if heads else None if column is None or column.keyed else column.default_wire
        if len(heads) > 1 or not same_value(shown, value):
            kept[name] = value
    return kept


@contextmanager
def recording(*, by: Author, save_id: UUID | None = None) -> Iterator[Save]:
    """One save in one durable transaction. On a repeat of `save_id`, `save.repeated` is true and nothing may
    be written.
    """
    node = current_node()
    try:
        with transaction.atomic(durable=True):
            replica = self_replica(lock=True)
            # The row is the truth for all processes of this node: what was stamped, and what a hello
            # corrected.
            node.clock.reset(replica.last_stamp)
            known = (
                save_id is not None and ChangeRow.objects.filter(save_id=save_id, replica=replica).exists()
            )
            save = Save(by, save_id or new_save_id(node.wall(), node.rng), replica, known)
            yield save
            head = save.close()
    except BaseException:
        forget_replicas()
        raise
    crash_point("save.after-commit")
    node.marks.raise_to(newest=_committed, head_seq=head, clock_floor=replica.last_stamp)
    crash_point("save.after-mark")


def _committed() -> dict[str, int]:
    """What other processes have committed since: the mark may say it for them."""
    found = Replica.objects.filter(is_self=True).values_list("head_seq", "last_stamp").first()
    return {"head_seq": found[0], "clock_floor": found[1]} if found else {}
