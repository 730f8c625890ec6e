"""Positions: a record's place in central's feed, fixed at commit.

Lives here: `take` – lock the counters (sorted), then hand out consecutive positions. The counter row is
locked before it is read and held to the end of the transaction, so positions become visible in order and a
cursor can never pass one that is still to commit. Records are locked before counters, everywhere, so writers
cannot lock each other out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.feed.models import Anchor, Gate
from sync.node import current_node
from sync.records import SyncedModel

SUBSCRIPTIONS = "_subscriptions"
LANE = 0  # the one lane there is; a lane would have gates and cursors of its own


@dataclass(slots=True)
class Run:
    """Consecutive positions, handed out once each."""

    next: int

    def take(self) -> int:
        position = self.next
        self.next += 1
        return position


def take(counts: Mapping[str, int]) -> dict[str, Run]:
    """Lock the gates of these tables and reserve that many positions in each. Call it last before the rows
    are written.
    """
    names = sorted(name for name, count in counts.items() if count)
    _ensure_gates(names)
    node = current_node()
    runs: dict[str, Run] = {}
    gates = list(Gate.objects.select_for_update().filter(table__in=names).order_by("table"))
    for gate in gates:
        runs[gate.table] = Run(gate.last_position + 1)
        gate.last_position += counts[gate.table]
        gate.last_modified = node.wall()
        gate.anchor = node.rng.randbytes(8)
    Gate.objects.bulk_update(gates, ["last_position", "last_modified", "anchor"])
    Anchor.objects.bulk_create(
        Anchor(table=gate.table, position=gate.last_position, anchor=gate.anchor) for gate in gates
    )
    return runs


def _ensure_gates(names: Iterable[str]) -> None:
    names = list(names)
    known = set(Gate.objects.filter(table__in=names).values_list("table", flat=True))
    missing = [name for name in names if name not in known]
    if missing:
        Gate.objects.bulk_create([Gate(table=name) for name in missing], ignore_conflicts=True)


def place(row: SyncedModel, position: int, origin: int, *, unseen: bool) -> None:
    """Note news from `origin` at `position`.

    An echo is not sent back, but where the merge brought together more than `origin` had seen, it is news for
    `origin` too. (To compare with where the others' news stood before would lose it: the record has moved on,
    and the cursor of a run that is reading may have passed that place.)
    """
    row.position = position
    row.origin = origin
    row.other_position = position if unseen else 0
