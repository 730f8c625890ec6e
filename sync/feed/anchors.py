"""Which anchors central must still know, and which it may forget.

Lives here: `knows_cursor` (may a clinic that names this position and anchor go on from there?), `reported`
(what a node's hello tells of its cursors) and `forget_anchors`. Not here: how anchors are given
(`positions.py`).

Each transaction at central leaves an anchor in each table that it touched. A clinic that has told, in a hello
that was believed, that it stands at a position will not name an older one again – unless it was put back from
a backup. So anchors below the least of what all nodes told are forgotten, and up to there a position is
believed without one: it was given before central forgot, and a central that is put back to before it was
given remembers again. A laptop that is never heard of again holds its anchors until it is revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction

from sync.feed.models import Anchor, Gate
from sync.feed.positions import SUBSCRIPTIONS
from sync.models import EnrolledNode


def knows_cursor(gate: Gate | None, at: int, anchor: bytes) -> bool:
    """Whether this timeline of central gave that anchor at that position; a cursor in the middle of a table
    has none. Position 0 is known to everybody.
    """
    if at == 0:
        return True
    if gate is None or at > gate.last_position:
        return False
    if not anchor or at < gate.anchored_from:
        return True
    return Anchor.objects.filter(table=gate.table, position=at, anchor=anchor).exists()


def reported(cursors: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A node's cursors as its row keeps them."""
    return msgspec.msgpack.encode({table: at for table, (at, _anchor) in cursors.items()})


def forget_anchors() -> int:
    """Forget what no node needs any more; answers how many anchors went."""
    nodes = [
        (node.mode, _positions(node))
        for node in EnrolledNode.objects.filter(joined_at__isnull=False, revoked_at=None)
    ]
    gone = 0
    for table in list(Gate.objects.values_list("table", flat=True)):
        everybody = table != SUBSCRIPTIONS
        stands = [at.get(table, 0) for mode, at in nodes if everybody or mode == EnrolledNode.Mode.SUBSCRIBED]
        gone += _forget_below(table, min(stands)) if stands else 0
    return gone


def _positions(node: EnrolledNode) -> dict[str, Any]:
    known: dict[str, Any] = msgspec.msgpack.decode(bytes(node.cursors)) if node.cursors else {}
    return known


def _forget_below(table: str, least: int) -> int:
    with transaction.atomic():
        gate = Gate.objects.select_for_update().get(pk=table)
        if least <= gate.anchored_from:
            return 0
        gate.anchored_from = least
        gate.save(update_fields=["anchored_from"])
        return int(Anchor.objects.filter(table=table, position__lt=least).delete()[0])
