"""Where a replica begins: its birth, its waking up, and the new identity of a database that was put
back.

Lives here: `ensure_replica` (every start: born once, afterwards compared with the marks outside the
database) and `take_new_identity` (after a restore: R′ follows R). Not here: the marks (`sync/marks.py`),
reading a backup back, what central thinks of a successor (`sync/hello.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from sync.core.protocol import first_digest
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas, self_replica, self_uuid
from sync.marks import Mark
from sync.models import SecurityEvent
from sync.node import Node, current_node
from sync.problems import Problem

_after_restore: list[Callable[[], object]] = []


@dataclass(frozen=True, slots=True)
class Succession:
    """A restored database's new life. `lost` is the range of seqs that were neither in the backup nor
    sent; None where the marks do not tell.
    """

    replica: Replica
    before: Replica
    lost: range | None


def ensure_replica() -> Replica:
    """This database's own replica: born at the first start, checked against the marks at every other.

    Raises a `Problem` where this database is not the one that the marks remember.
    """
    mark, mine = _look()
    if mine is not None and mark.replica != str(mine.uuid):
        mark, mine = _look()  # another process may have given birth between the two looks
    if mine is None:
        mine = _born(mark)
    else:
        _wake(mine, mark)
    self_uuid()
    return mine


def _look() -> tuple[Mark, Replica | None]:
    """Marks first, row second: whoever commits in between only makes the row newer than the mark."""
    mark = current_node().marks.read()
    return mark, Replica.objects.filter(is_self=True).first()


def _born(mark: Mark) -> Replica:
    if mark.head_seq:
        raise Problem(
            "database-missing",
            _("This database is empty, but this node has written before."),
            detail=_("Put the database back from a backup with restore; nothing was created."),
            status=503,
        )
    node = current_node()
    uuid = _mint(node)
    try:
        with transaction.atomic():
            mine = _make_self(node, uuid, first_digest(uuid), mark.clock_floor)
            # After the insert: of two processes that start at once only the winner touches the marks.
            node.marks.begin(uuid)
    except IntegrityError:
        return self_replica()
    return mine


def _mint(node: Node) -> UUID:
    return UUID(int=node.rng.getrandbits(128), version=4)


def _make_self(node: Node, uuid: UUID, digest: bytes, last_stamp: int) -> Replica:
    name = node.name or ("central" if node.is_central else "")
    return Replica.objects.create(
        uuid=uuid, is_self=True, node_name=name, head_digest=digest, last_stamp=last_stamp
    )


def _wake(mine: Replica, mark: Mark) -> None:
    if mark.replica != str(mine.uuid):
        raise Problem(
            "foreign-copy",
            _("This database is a copy that this node does not know."),
            detail=_("Use restore to take it over as a new copy; nothing was changed."),
            status=503,
        )
    if mark.head_seq > mine.head_seq:
        raise Problem(
            "rolled-back",
            _("This database is older than what this node has written."),
            detail=_("Use restore to go on from it as a new copy; nothing was changed."),
            status=503,
            extra={"marked_seq": mark.head_seq, "head_seq": mine.head_seq},
        )
    node = current_node()
    node.marks.raise_to(head_seq=mine.head_seq, acked_seq=mine.acked_seq, clock_floor=mine.last_stamp)
    if node.clock.floor < mine.last_stamp:
        node.clock.reset(mine.last_stamp)


def when_restored(mend: Callable[[], object]) -> None:
    """`mend()` is called when a database was put back: what is kept beside it may be newer."""
    if mend not in _after_restore:
        _after_restore.append(mend)


def take_new_identity() -> Succession:
    """Close this database's replica R and go on as R′, whose chain starts from R's final digest.

    R's unsent tail stays in the log, unsent. Nothing that R issued before (stamps, numbers) is issued again.
    """
    node = current_node()
    mark = node.marks.read()
    try:
        with transaction.atomic():
            before = self_replica(lock=True)
            lost = _lost(before, mark)
            before.is_self, before.standing = False, Replica.Standing.CLOSED
            before.save(update_fields=["is_self", "standing"])
            replica = _follow(node, before, mark.clock_floor)
            _report(lost, before)
            # Before the commit: a power cut in between leaves marks of no database, and restore is repeated.
            node.marks.begin(replica.uuid)
    finally:
        forget_replicas()
    self_uuid()
    if node.clock.floor < replica.last_stamp:
        node.clock.reset(replica.last_stamp)
    for mend in _after_restore:
        mend()
    return Succession(replica, before, lost)


def _follow(node: Node, before: Replica, clock_floor: int) -> Replica:
    uuid, final = _mint(node), bytes(before.head_digest)
    replica = _make_self(
        node, uuid, first_digest(uuid, (before.uuid, final)), max(before.last_stamp, clock_floor)
    )
    replica.follows, replica.follows_digest = before.uuid, final
    replica.node_uuid, replica.node_name = before.node_uuid, before.node_name
    replica.clock_offset_ms = before.clock_offset_ms
    replica.save()
    return replica


def _lost(before: Replica, mark: Mark) -> range | None:
    if mark.replica != str(before.uuid):
        return None
    return range(max(before.head_seq, mark.acked_seq) + 1, mark.head_seq + 1)


def _report(lost: range | None, before: Replica) -> None:
    if lost is None:
        sentence = f"What replica {before.uuid} wrote after change {before.head_seq} is not known here."
    elif lost:
        sentence = (
            f"Changes {lost.start} to {lost.stop - 1} of replica {before.uuid} were never sent and are lost."
        )
    else:
        return
    SecurityEvent.objects.create(at=current_node().wall(), code="lost-range", sentence=sentence)
