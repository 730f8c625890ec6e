"""A laptop's recovery key between the laptop and central.

Lives here: the step of a run that brings it, central's door `recovery`, which keeps it sealed, and
`give_out`: a person at central has it read to the laptop's coordinator, with a reason that is kept. Central
looks inside when it comes, so that nobody finds out in need that it does not open. Not here: what it is and
what it opens (`sync/vault/recovery.py`), the page (`deploy/recovery_pages.py`).
See docs/adr/0032-recovery-key.md.
"""

from __future__ import annotations

import logging
from typing import Annotated, Final
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sync.carriers.http import Refused
from sync.carriers.server import Caller, endpoint, refusal
from sync.exchanges import Body, Name, unpack
from sync.models import EnrolledNode, RecoveryKey, SecurityEvent
from sync.node import current_node
from sync.problems import Problem
from sync.run import Run, step
from sync.standing import LONGEST_REASON, SHORTEST_REASON
from sync.vault.envelope import Unopened, opened
from sync.vault.keys import pinned
from sync.vault.recovery import PURPOSE, Inside, delivered, id_of, to_deliver

KEPT: Final = 5  # of one node
NOT_TAKEN: Final = frozenset({"not-found", "not-for-us"})  # an older central: the rest of the run goes on
log = logging.getLogger(__name__)


class RecoveryRequest(Body):
    """A recovery key's id, and the key itself, sealed to central."""

    key_id: Name
    sealed: Annotated[bytes, msgspec.Meta(max_length=2048)]


class RecoveryAnswer(Body):
    """The id of what central now holds."""

    key_id: Name


# --- central ---------------------------------------------------------------------------------------------


@endpoint("recovery")
def receive_recovery(caller: Caller, body: bytes) -> bytes:
    """Central's door. The same one twice is one."""
    ask = unpack(RecoveryRequest, body)
    node = caller.node.uuid
    if _inside(ask.sealed, node, ask.key_id) is None:
        raise refusal("not-for-us", "This recovery key is not sealed to central, or is another node's.", 400)
    with transaction.atomic():
        RecoveryKey.objects.get_or_create(
            node_uuid=node,
            key_id=ask.key_id,
            defaults={"sealed": ask.sealed, "received_at": current_node().wall()},
        )
        newest = RecoveryKey.objects.filter(node_uuid=node).order_by("-pk").values_list("pk", flat=True)
        RecoveryKey.objects.filter(node_uuid=node).exclude(pk__in=list(newest[:KEPT])).delete()
    return RecoveryAnswer(ask.key_id).pack()


def _inside(sealed: bytes, node: UUID, key_id: str) -> str | None:
    """The recovery key in a seal, if it is the one that it is said to be."""
    try:
        inside = msgspec.msgpack.decode(opened(sealed), type=Inside)
    except (Unopened, msgspec.DecodeError):
        return None
    said = (inside.purpose, inside.node, inside.key_id, id_of(inside.recovery_key))
    return inside.recovery_key if said == (PURPOSE, node.bytes, key_id, key_id) else None


def held_for(node: EnrolledNode) -> list[RecoveryKey]:
    """The recovery keys that central holds for a node, the newest first."""
    return list(RecoveryKey.objects.filter(node_uuid=node.uuid).order_by("-pk"))


def give_out(node: EnrolledNode, key_id: str, *, why: str, by: UUID | None = None) -> str:
    """The recovery key in clear, for whoever reads it to the coordinator. Who asked for it and why is kept,
    before it is shown.
    """
    if not current_node().is_central:
        raise Problem("only-central", _("Only central holds recovery keys."), status=409)
    reason = why.strip()[:LONGEST_REASON]
    if len(reason) < SHORTEST_REASON:
        raise Problem("no-reason", _("Say why, for colleagues."), fields={"reason": _("Missing.")})
    with transaction.atomic():
        row = RecoveryKey.objects.select_for_update().filter(node_uuid=node.uuid, key_id=key_id).first()
        if row is None:
            raise Problem(
                "no-recovery-key",
                _("Central holds no such recovery key."),
                detail=_("Compare its id with what the laptop shows."),
                status=404,
            )
        row.given_at, row.given_by, row.given_why = current_node().wall(), by, reason
        row.save(update_fields=["given_at", "given_by", "given_why"])
        SecurityEvent.objects.create(
            at=row.given_at,
            code="recovery-given",
            node_uuid=node.uuid,
            sentence=f"Recovery key {row.key_id} was given out by {by or 'a command'}.",
        )
    found = _inside(bytes(row.sealed), node.uuid, row.key_id)
    if found is None:
        raise Problem("unopened", _("Central's own key does not open this one."), status=409)
    return found


# --- clinic ----------------------------------------------------------------------------------------------


@step("recovery", 15)
def bring_recovery_key(run: Run) -> None:
    """Once after joining, and again after one was used: a run with nothing to bring asks nothing."""
    known, keys = pinned(), current_node().path("keys")
    waiting = None if known is None else to_deliver(keys, known)
    if waiting is not None:
        ask = RecoveryRequest(waiting.key_id, waiting.sealed)
        try:
            answer = unpack(RecoveryAnswer, run.session.post("recovery", ask.pack()))
        except Refused as refused:
            if refused.code not in NOT_TAKEN:
                raise
            log.warning("central does not take this laptop's recovery key: %s", refused.code)
        else:
            delivered(keys, answer.key_id)
