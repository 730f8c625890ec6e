"""What no healthy clinic makes: changes that its own checks would have refused, requests that lie.

Lives here: `slip_in` (changes into a clinic's own log, chain and all, past every local check), `Talk` (a
signed conversation with central of which every part can be falsified) and `traces` (all that central keeps,
to see that a refusal changed nothing). Not here: what must come of it (`test_intake.py`,
`test_bad_batches.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from sync.carriers.http import Session
from sync.carriers.server import Reply
from sync.carriers.signing import Wire, sign
from sync.conversation import open_session, say_hello
from sync.core.merge import Past, Value
from sync.core.protocol import (
    Change,
    Receipt,
    canonical,
    chain_digest,
    derive_id,
    encode_changes,
    from_canonical,
    new_save_id,
    open_receipt,
)
from sync.exchanges import UploadAnswer, unpack
from sync.feed.models import Gate, Subscription
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.ledger.replicas import self_replica
from sync.node import current_node
from sync.problems import PROBLEM_JSON
from sync.review.models import Aside
from sync.upload import earlier_seqs
from sync.vault.keys import node_key, receipt_keys
from tests.world import Site, World


@dataclass
class Part:
    """One change of a save to be slipped in; without a record id it makes its record."""

    table: str
    fields: dict[str, Value]
    record_id: UUID | None = None
    past: Past = field(default_factory=Past)
    altered: dict[str, Any] = field(default_factory=dict)


def patient(name: str = "Ana", **fields: Value) -> Part:
    return Part("patients", {"given_name": name, "registered_on": 1_789_000_000_000, **fields})


def card(of: UUID, value: str = "P-1", **fields: Value) -> Part:
    return Part("identifiers", {"patient": of.bytes, "system": "passport", "value": value, **fields})


def edit(of: UUID, past: Past, **fields: Value) -> Part:
    return Part("patients", dict(fields), of, past)


def slip_in(site: Site, *parts: Part, save_id: UUID | None = None) -> list[Change]:
    """One save into the log of the site that is acting; its rows stay as they are."""
    with transaction.atomic():
        replica = self_replica(lock=True)
        save = save_id or new_save_id(site.node.wall(), site.node.rng)
        changes = [
            _change(replica, save, place, part, last=place == len(parts) - 1)
            for place, part in enumerate(parts)
        ]
        digest = bytes(replica.head_digest)
        for change in changes:
            body = canonical(change)
            digest = chain_digest(digest, body)
            ChangeRow.objects.create(
                replica=replica,
                seq=change.seq,
                save_id=change.save_id,
                table=change.table[:40],
                record_id=change.record_id,
                body=body,
                digest=digest,
            )
        replica.head_seq, replica.head_digest = changes[-1].seq, digest
        replica.last_stamp = current_node().clock.floor
        replica.save()
    site.node.marks.raise_to(head_seq=replica.head_seq)
    return changes


def _change(replica: Replica, save: UUID, place: int, part: Part, *, last: bool) -> Change:
    made: dict[str, Any] = {
        "replica": replica.uuid,
        "seq": replica.head_seq + 1 + place,
        "save_id": save,
        "ordinal": place,
        "last": last,
        "table": part.table,
        "record_id": part.record_id or derive_id(save, place),
        "stamp": current_node().clock.tick(),
        "author": UUID(int=5),
        "device": "tablet",
        "clock_offset_ms": 0,
        "schema": 1,
        "past": part.past,
        "fields": part.fields,
    }
    return Change(**{**made, **part.altered})


def logged(*seqs: int) -> list[Change]:
    """Changes of the acting site's own log: all, or from one seq to another."""
    rows = ChangeRow.objects.filter(replica__is_self=True).order_by("seq")
    if seqs:
        rows = rows.filter(seq__gte=seqs[0], seq__lte=seqs[-1])
    return [from_canonical(bytes(row.body)) for row in rows]


class Talk:
    """A clinic's conversation with central after a good hello."""

    def __init__(self, world: World, site: Site) -> None:
        self.world, self.site = world, site
        with world.at(site):
            self.session: Session = open_session()
            self.heard = say_hello(self.session).answer
            self.key = node_key()

    def packed(self, changes: Sequence[Change]) -> bytes:
        with self.world.at(self.site):
            earlier = earlier_seqs(Replica.objects.get(is_self=True), changes)
        return encode_changes(changes, earlier, level=1)

    def wire(self, door: str, body: bytes, seqs: tuple[int, int] = (0, 0), **lies: Any) -> Wire:
        """A signed request. `lies` replace what is signed: key, node, replica, nonce, created_ms."""
        wire = Wire("POST", f"https://central.example/sync/v1/{door}", body)
        truth: dict[str, Any] = {
            "key": self.key,
            "node": UUID(self.session.known.node),
            "replica": self.session.replica,
            "nonce": self.session.nonce,
            "created_ms": self.session.created_ms,
        }
        said = {**truth, **lies}
        sign(wire, said.pop("key"), seqs=seqs, **said)
        return wire

    def batch(self, changes: Sequence[Change], **lies: Any) -> Wire:
        return self.wire("changes", self.packed(changes), (changes[0].seq, changes[-1].seq), **lies)

    def send(self, wire: Wire) -> Reply:
        link = self.site.link
        assert link is not None
        return link.replay(wire)

    def receipts(self, reply: Reply) -> list[Receipt]:
        """What central signed in this reply, verified with the key that the clinic pinned."""
        assert reply.status == 200, reply.body
        with self.world.at(self.site):
            keys = receipt_keys()
        return [open_receipt(envelope, keys) for envelope in unpack(UploadAnswer, reply.body).receipts]


def problem(reply: Reply) -> dict[str, Any]:
    """The refusal in a reply, checked to be an RFC 9457 document."""
    assert reply.content_type == PROBLEM_JSON, (reply.status, reply.body[:200])
    document: dict[str, Any] = msgspec.json.decode(reply.body)
    assert document["status"] == reply.status >= 400
    assert document["type"] == f"urn:posta:problem:{document['code']}"
    assert document["title"]
    return document


def stranger() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def traces(world: World, site: Site | None = None) -> dict[str, Any]:
    """Everything that a batch may change at central (or there)."""
    where = site or world.central
    with world.at(where):
        kept: Mapping[str, Callable[[], Any]] = {
            "log": lambda: list(
                ChangeRow.objects.order_by("replica", "seq").values_list("replica", "seq", "state", "digest")
            ),
            "receipts": lambda: list(ReceiptRow.objects.order_by("id").values_list("digest", flat=True)),
            "heads": lambda: dict(Replica.objects.values_list("uuid", "head_seq")),
            "asides": lambda: list(Aside.objects.order_by("id").values_list("seq_from", "code", "state")),
            "gates": lambda: dict(Gate.objects.values_list("table", "last_position")),
            "subscriptions": lambda: Subscription.objects.count(),
        }
        found = {name: read() for name, read in kept.items()}
    found["log"] = [(*row[:3], bytes(row[3])) for row in found["log"]]
    found["receipts"] = [bytes(digest) for digest in found["receipts"]]
    return {**found, "shown": world.shown(where), "digests": world.digests(where)}
