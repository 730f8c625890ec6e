"""Is the access log what was written down?

Lives here: every opening held against the change that made it in the log of changes, whose hash chain
`verify_log` walks: nothing edited, nothing added past the log, nothing missing. Not here: the chain itself
(`sync/ledger/verify.py`), silent repair (there is none). Read next: `docs/adr/0028-access-log.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from registry.access.models import Opening
from sync.core.merge import same_value
from sync.core.protocol import MalformedBatch, from_canonical
from sync.ledger.models import Change, Replica
from sync.rowstate import plain_fields
from sync.tables import table_of

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """One opening that is not what was written."""

    opening_id: UUID
    code: str
    sentence: str


def verify_openings() -> tuple[int, list[Fault]]:
    """How many openings there are, and which of them are not what the log of changes says."""
    table = table_of(Opening)
    faults = list(_lost(table.name))
    number, last = 0, None
    while True:
        rows = Opening.objects.order_by("pk")
        chunk = list((rows.filter(pk__gt=last) if last else rows)[:AT_ONCE])
        if not chunk:
            return number, faults
        number, last = number + len(chunk), chunk[-1].pk
        faults += _altered(chunk)


def _altered(rows: list[Opening]) -> Iterator[Fault]:
    table = table_of(Opening)
    replicas = dict(Replica.objects.values_list("uuid", "number"))
    logged = {
        change.record_id: bytes(change.body)
        for change in Change.objects.filter(table=table.name, record_id__in=[row.pk for row in rows])
    }
    for row in rows:
        if row.pk not in logged:
            if not _comes_from_elsewhere(row):
                yield Fault(row.pk, "unlogged", "It was put in past the log of changes.")
            continue
        if not logged[row.pk]:
            continue  # the content of old changes goes after its time; the chain keeps their digests
        try:
            made = from_canonical(logged[row.pk])
        except MalformedBatch:
            yield Fault(row.pk, "unreadable", "What the log of changes says of it cannot be read.")
            continue
        written = (replicas.get(made.replica), made.seq, made.stamp, made.author, made.device)
        shown = (row.made_replica, row.made_seq, row.made_stamp, row.made_by, row.made_on)
        now = plain_fields(table, row)
        same = made.fields.keys() == now.keys() and all(
            same_value(made.fields[name], now[name]) for name in now
        )
        if row.gone or row.versions is not None or written != shown or not same:
            yield Fault(row.pk, "altered", "It is not what was written.")


def _comes_from_elsewhere(row: Opening) -> bool:
    """A clinic is sent rows of others without their changes; the digests hold those against central's."""
    own = Replica.objects.filter(number=row.made_replica, is_self=True).exists()
    return not own and not Change.objects.filter(replica=row.made_replica, seq=row.made_seq).exists()


def _lost(name: str) -> Iterator[Fault]:
    """Changes that were applied and have no row any more."""
    applied = Change.objects.filter(table=name, state=Change.State.APPLIED)
    ids = set(applied.values_list("record_id", flat=True))
    for key in sorted(ids - set(Opening.objects.values_list("pk", flat=True))):
        yield Fault(key, "missing", "It was written and is not there any more.")
