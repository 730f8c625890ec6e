"""Central decides about a laptop: it may no longer sync, or it is the one that lives.

Lives here: `revoke` and `readmit`, the acts of a person at central. Not here: who may join
(`sync/enrolment.py`), how a request of a revoked node is refused (`sync/carriers/server.py`), why a copy is
fenced (`sync/hello.py`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sync.ledger.models import Replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import Problem

SHORTEST_REASON: Final = 3
LONGEST_REASON: Final = 200


def revoke(name: str, *, why: str = "", by: UUID | None = None) -> EnrolledNode:
    """From the next request on this node is refused. What it had sent stays here, the rest with it."""
    with transaction.atomic():
        node = _node_named(name)
        if node.revoked_at is None:
            node.revoked_at, node.revoked_why = current_node().wall(), why.strip()[:LONGEST_REASON]
            node.next_key = b""
            node.save(update_fields=["revoked_at", "revoked_why", "next_key"])
            _note(node, "node-revoked", f"Revoked at central by {by or 'a command'}.")
    return node


def readmit(name: str) -> Replica:
    """A person has found out which copy of the laptop lives. Central forgets the token that told the copies
    apart; the next copy to say hello gets a new one, and the others are fenced again.

    It helps only a copy that has all that central has: an older one is fenced as rolled back, and one that
    wrote other changes is a fork.
    """
    with transaction.atomic():
        node = _node_named(name)
        if node.revoked_at is not None:
            raise Problem("revoked", _("This node is revoked. Enrol a new laptop."), status=409)
        live = (
            Replica.objects.select_for_update()
            .filter(node_uuid=node.uuid, standing=Replica.Standing.LIVE)
            .first()
        )
        if live is None:
            raise Problem("not-joined", _("No laptop has joined under this name."), status=409)
        live.token = live.token_before = ""
        live.save(update_fields=["token", "token_before"])
        _note(node, "node-readmitted", "A person at central let the next copy of this laptop in.")
    return live


def _node_named(name: str) -> EnrolledNode:
    if not current_node().is_central:
        raise Problem("only-central", _("Only central decides about laptops."), status=409)
    node = EnrolledNode.objects.select_for_update().filter(name=name.strip()).first()
    if node is None:
        raise Problem(
            "unknown-node",
            _("Central knows no laptop of this name."),
            detail=_("Its page “Clinics” lists them."),
            status=404,
        )
    return node


def _note(node: EnrolledNode, code: str, sentence: str) -> None:
    SecurityEvent.objects.create(at=current_node().wall(), code=code, node_uuid=node.uuid, sentence=sentence)
