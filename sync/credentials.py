"""How a node's credential is used: a new key's first use, and two that use one credential side by side.

Lives here: `promote` (the new key is the pinned one now), and what notices a copied key or a copied laptop
that does not give itself away by a stale token or a fork: `came_from` (two addresses by turns), `used` and
`shown` (a token that only somebody else can have). These raise an alarm and refuse nothing: an address may
change, and an answer may be lost. Not here: fencing (`sync/hello.py`), revoking (`sync/standing.py`).
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from django.db import transaction

from sync.alarms import note
from sync.ledger.models import Replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.vault.keys import key_id_of

PARALLEL: Final = "parallel-use"
BY_TURNS_MS: Final = 10 * 60_000
SETTLED_MS: Final = 60_000  # nothing that was on its way when a token was first used is on its way any longer
TURNS: Final = 4
TWICE_IN_A_ROW: Final = 4


def promote(node: EnrolledNode) -> None:
    """The new key has been used: from here on it is the pinned one, and the old one opens nothing."""
    with transaction.atomic():
        present = EnrolledNode.objects.select_for_update().get(pk=node.pk)
        if present.next_key and bytes(present.next_key) == bytes(node.next_key):
            present.public_key, present.next_key = bytes(present.next_key), b""
            present.save(update_fields=["public_key", "next_key"])
            used_id = key_id_of(bytes(present.public_key))
            SecurityEvent.objects.create(
                at=current_node().wall(),
                code="key-rotated",
                node_uuid=node.uuid,
                sentence=f"The key {used_id} was used for the first time; the one before is dead.",
            )
    node.public_key, node.next_key = bytes(node.next_key), b""


def came_from(node: EnrolledNode, address: str) -> None:
    """A request of this node came from there. There, elsewhere, there again and elsewhere again within
    minutes is two laptops.
    """
    ways: list[Any] = list(node.seen.get("ways", []))
    if not address or (ways and ways[-1][0] == address):
        return
    now = current_node().wall()
    ways = [*ways, [address, now]][-TURNS:]
    _keep(node, ways=ways)
    places = [one for one, _at in ways]
    if len(ways) == TURNS and places[:2] == places[2:] and now - ways[0][1] <= BY_TURNS_MS:
        _alarm(node, f"Requests come from {places[0]} and {places[1]} by turns.")


def used(node: EnrolledNode, replica: Replica, token: str) -> None:
    """A request came under a nonce of this token. Who uses the newest has kept it; the one before is then
    known to nobody but a copy.
    """
    mark, since = node.seen.get("used", ["", 0])
    if token == replica.token:
        if mark != _mark(token):
            _keep(node, used=[_mark(token), current_node().wall()])
    elif mark == _mark(replica.token) and current_node().wall() - since > SETTLED_MS:
        _alarm(node, "A request came under a nonce that this laptop had replaced.")


def shown(node: EnrolledNode, replica: Replica, token: str) -> None:
    """Hello shows a token, before it is rotated. The one before may be shown because an answer was lost; not
    when the newest has been used since, nor each time.
    """
    if not replica.token or token not in (replica.token, replica.token_before):
        return
    mark, since = node.seen.get("used", ["", 0])
    count = int(node.seen.get("twice", 0))
    newest_before = bool(node.seen.get("newest", False))
    if token == replica.token:
        _keep(node, newest=True, twice=0 if newest_before else count)
        return
    _keep(node, newest=False, twice=count + newest_before)
    if mark == _mark(replica.token) and current_node().wall() - since > SETTLED_MS:
        _alarm(node, "Hello shows a token that this laptop had replaced.")
    elif count + newest_before >= TWICE_IN_A_ROW:
        _keep(node, twice=0)
        _alarm(node, "Each token is shown twice, as by two laptops by turns.")


def _mark(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:12]


def _keep(node: EnrolledNode, **told: Any) -> None:
    if node.seen == {**node.seen, **told}:
        return
    node.seen = {**node.seen, **told}
    EnrolledNode.objects.filter(pk=node.pk).update(seen=node.seen)


def _alarm(node: EnrolledNode, sentence: str) -> None:
    note(PARALLEL, f"Two may be using this credential. {sentence}", node.uuid)
