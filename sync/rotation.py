"""A node changes its key: one signed exchange, safe to break off anywhere at either end.

Lives here: central's door `rotate`, the clinic's `rotate`. The clinic keeps the new key beside the old one
before it says a word; central keeps it beside the pinned one and believes both until a request signed with
the new one has come. So whichever side stops, and wherever, the next contact works and the next attempt ends
what was begun. Not here: the files (`sync/vault/keys.py`), the first use (`sync/credentials.py`), who may
sync at all (`sync/standing.py`).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sync.carriers.server import Caller, endpoint, refusal
from sync.conversation import BROKEN_OFF, open_session, say_hello, state_of
from sync.crash import crash_point
from sync.exchanges import Body, Name, unpack
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import Problem
from sync.run import lease_holder
from sync.vault.keys import key_id_of, next_key, node_key, pinned, public_bytes, take_next_key

PURPOSE: Final = b"posta rotate 1\0"


class RotateRequest(Body):
    """The new public key, and its own signature over the node's id and itself: whoever offers it has it."""

    key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    proof: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


class RotateAnswer(Body):
    """The id of the key that central believes from its first use on."""

    key_id: Name


def _said(node: bytes, key: bytes) -> bytes:
    return PURPOSE + node + key


# --- central ---------------------------------------------------------------------------------------------


@endpoint("rotate")
def receive_key(caller: Caller, body: bytes) -> bytes:
    """Central's door: keep the key beside the pinned one. The request is signed with the pinned one."""
    ask = unpack(RotateRequest, body)
    try:
        Ed25519PublicKey.from_public_bytes(ask.key).verify(ask.proof, _said(caller.node.uuid.bytes, ask.key))
    except (InvalidSignature, ValueError):
        raise refusal("bad-key", "The new key does not prove itself.", 400) from None
    if EnrolledNode.objects.filter(public_key=ask.key).exclude(pk=caller.node.pk).exists():
        raise refusal("bad-key", "The new key is another node's.", 400)
    with transaction.atomic():
        node = EnrolledNode.objects.select_for_update().get(pk=caller.node.pk)
        if ask.key not in (bytes(node.public_key), bytes(node.next_key)):
            node.next_key = ask.key
            node.save(update_fields=["next_key"])
            SecurityEvent.objects.create(
                at=current_node().wall(),
                code="key-offered",
                node_uuid=node.uuid,
                sentence=f"A new key {key_id_of(ask.key)} was offered, signed with the old one.",
            )
    return RotateAnswer(key_id_of(ask.key)).pack()


# --- clinic ----------------------------------------------------------------------------------------------


def rotate() -> str:
    """Change this laptop's key with central's knowledge; answers the new key's id. Raises a `Problem`."""
    known = pinned()
    if current_node().is_central or known is None:
        raise Problem(
            "not-joined", _("Only a laptop that has joined central changes its key with it."), status=409
        )
    if lease_holder() is not None:
        raise Problem("busy", _("A sync run is on its way. Try again when it has ended."), status=409)
    try:
        session = open_session()
        try:
            say_hello(session)
            fresh = next_key()
            public = public_bytes(fresh)
            proof = fresh.sign(_said(bytes.fromhex(known.node.replace("-", "")), public))
            crash_point("rotate.before-send")
            unpack(RotateAnswer, session.post("rotate", RotateRequest(public, proof).pack()))
            crash_point("rotate.before-swap")
            take_next_key()
            crash_point("rotate.after-swap")
            say_hello(session)
        finally:
            session.carrier.close()
    except BROKEN_OFF as error:
        _state, reason = state_of(error)
        raise Problem(
            "not-rotated",
            _("The key was not changed to its end: %(reason)s") % {"reason": reason},
            detail=_("Nothing is broken. Run the command again."),
            status=503,
        ) from None
    return key_id_of(public_bytes(node_key()))
