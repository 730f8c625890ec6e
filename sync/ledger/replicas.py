"""This database's replicas: which number stands for which UUID, and which one is ours.

Lives here: the lookups between a replica's UUID (on the wire, in the merge) and its small local number (in
rows), and the birth of this database's own replica. Not here: what central thinks of a replica
(`sync/intake.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sync.core.protocol import first_digest
from sync.ledger.models import Receipt, Replica
from sync.node import Node, current_node
from sync.vault.keys import pinned


class _Known(NamedTuple):
    number: dict[UUID, int]
    uuid: dict[int, UUID]


def _cache(node: Node) -> _Known:
    known: _Known = node.kept.setdefault("replicas", _Known({}, {}))
    return known


def forget_replicas() -> None:
    """Drop what this process remembers: after a rollback or a restore."""
    current_node().kept.pop("replicas", None)
    current_node().kept.pop("self_uuid", None)


def number_of(uuid: UUID, *, node_uuid: UUID | None = None, node_name: str = "") -> int:
    """The local number of a replica; a replica first heard of gets one."""
    known = _cache(current_node()).number
    number = known.get(uuid)
    if number is None:
        row = Replica.objects.filter(uuid=uuid).first()
        if row is None:
            return introduce(uuid, node_uuid=node_uuid, node_name=node_name).number
        number = known[uuid] = row.number
    return number


def introduce(uuid: UUID, *, node_uuid: UUID | None = None, node_name: str = "") -> Replica:
    """Keep a replica that this database had not heard of. Not cached: the transaction may yet roll back."""
    made, _ = Replica.objects.get_or_create(
        uuid=uuid,
        defaults={"node_uuid": node_uuid, "node_name": node_name, "head_digest": first_digest(uuid)},
    )
    return made


def uuid_of(number: int) -> UUID:
    """The UUID behind a local number."""
    known = _cache(current_node()).uuid
    uuid = known.get(number)
    if uuid is None:
        uuid = known[number] = Replica.objects.only("uuid").get(number=number).uuid
    return uuid


def self_replica(*, lock: bool = False) -> Replica:
    """This database's own replica; `lock=True` holds it to the end of the transaction (gapless seq in commit
    order).
    """
    rows = Replica.objects.select_for_update() if lock else Replica.objects.all()
    return rows.get(is_self=True)


def line_before(replica: Replica) -> list[Replica]:
    """The replicas that this one follows after restores, the oldest first."""
    line: list[Replica] = []
    while replica.follows is not None and (before := Replica.objects.filter(uuid=replica.follows).first()):
        line.insert(0, before)
        replica = before
    return line


def self_uuid() -> UUID:
    node = current_node()
    if "self_uuid" not in node.kept:
        node.kept["self_uuid"] = self_replica().uuid
    found: UUID = node.kept["self_uuid"]
    return found


def central_uuid() -> UUID | None:
    """Central's replica as this database knows it: itself at central, the pinned one at a clinic."""
    node = current_node()
    if node.is_central:
        return self_uuid()
    known = pinned()
    return None if known is None else UUID(known.central_replica)


def received_by_receipt(seqs: Iterable[int], of: int | None = None) -> dict[int, int]:
    """For changes of a replica (by its number; None is this one): central's receiving stamp, as the verified
    receipts say. Absent = no receipt says so.
    """
    mine = Receipt.objects.filter(replica__is_self=True) if of is None else Receipt.objects.filter(replica=of)
    found: dict[int, int] = {}
    for seq in set(seqs):
        stamp = mine.filter(seq_from__lte=seq, seq_to__gte=seq).values_list("received", flat=True).first()
        if stamp is not None:
            found[seq] = stamp
    return found
