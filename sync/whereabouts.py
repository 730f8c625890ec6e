"""Where records have been received, for lists of them: true at the instant it is read, never remembered.

Lives here: `whereabouts`, a few queries however many records there are. A record is at central when every
value it shows here is: each was written by another replica, and so came from central, or lies below what
verified receipts cover. Not here: the same for every value a field ever had (`sync/ledger/selectors.py`), the
node's totals (`sync/status.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from uuid import UUID

from django.db.models import Q

from sync.ledger.models import Replica
from sync.ledger.replicas import uuid_of
from sync.node import current_node
from sync.records import SyncedModel
from sync.review.models import Aside
from sync.rowstate import state_of_row
from sync.tables import table_of


class Whereabouts(StrEnum):
    """How far a record has come. `aside`: central has it, and waits for something before it counts there."""

    HERE = "here"
    ASIDE = "aside"
    CENTRAL = "central"


def whereabouts(rows: Collection[SyncedModel]) -> dict[UUID, Whereabouts]:
    """How far each of these records has come, as they were read.

    The order of the reads matters: first the rows (by the caller), then the watermarks, then what central set
    aside. A receipt that comes between two of them makes the answer late, never wrong.
    """
    if current_node().is_central:
        return dict.fromkeys((row.pk for row in rows), Whereabouts.CENTRAL)
    acked = dict(Replica.objects.filter(Q(is_self=True) | Q(head_seq__gt=0)).values_list("uuid", "acked_seq"))
    told = {row.pk: {dot for dot in _dots(row) if dot[0] in acked} for row in rows}
    aside = _set_aside(dot for dots in told.values() for dot in dots)
    return {pk: _how_far(dots, acked, aside) for pk, dots in told.items()}


def _how_far(
    mine: Iterable[tuple[UUID, int]], acked: dict[UUID, int], aside: set[tuple[UUID, int]]
) -> Whereabouts:
    dots = list(mine)
    if any(seq > acked[replica] for replica, seq in dots):
        return Whereabouts.HERE
    return Whereabouts.ASIDE if aside.intersection(dots) else Whereabouts.CENTRAL


def _dots(row: SyncedModel) -> Iterator[tuple[UUID, int]]:
    """Who wrote what this record shows, and as which of their changes."""
    if row.versions is None:
        yield uuid_of(row.made_replica), row.made_seq
        return
    for heads in state_of_row(table_of(type(row)), row).values():
        for head in heads:
            yield head.write.dot.replica, head.write.dot.seq


def _set_aside(dots: Iterable[tuple[UUID, int]]) -> set[tuple[UUID, int]]:
    """Those that belong to a save which central holds or has put into quarantine."""
    seqs: dict[UUID, set[int]] = defaultdict(set)
    for replica, seq in dots:
        seqs[replica].add(seq)
    ranges = Aside.objects.filter(replica_uuid__in=list(seqs)).values_list(
        "replica_uuid", "seq_from", "seq_to"
    )
    return {
        (replica, seq) for replica, first, last in ranges for seq in seqs[replica] if first <= seq <= last
    }
