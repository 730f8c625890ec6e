"""Clinics as central sees them.

Lives here: one line per enrolled node for the page and the API: its state in a word, when it was last
heard of, what it still has to send. Not here: how a node joins (`sync/enrolment.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sync.enrolment import facilities
from sync.ledger.models import Replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.status import moment

SILENT_AFTER_MS: Final = 24 * 3_600_000
CONSEQUENCES: Final[Mapping[str, Any]] = {
    EnrolledNode.Mode.SUBSCRIBED.value: gettext_lazy(
        "Those of its own area, and those it has seen. Others are not found there."
    ),
    EnrolledNode.Mode.EVERYTHING.value: gettext_lazy(
        "All patients of the programme. A stolen laptop then holds all."
    ),
}
"""What it means for a clinic to hold some patients or all, for whoever invites it."""
FENCES: Final = ("second-replica", "fenced", "stale-token", "rolled-back")


@dataclass(frozen=True, slots=True)
class NodeShown:
    """One clinic."""

    id: UUID
    name: str
    facilities: list[str]
    state: str
    state_word: str
    last_contact: datetime | None
    backlog: int | None
    replica: str
    fenced: bool
    fenced_reason: str
    app_version: str
    clock_offset_s: float | None
    holds: str


def nodes_shown(nodes: Iterable[EnrolledNode]) -> list[NodeShown]:
    """These nodes, in a few queries however many there are."""
    rows = list(nodes)
    names = {key: name for key, _code, name in facilities()}
    live = Replica.objects.filter(standing=Replica.Standing.LIVE, node_uuid__isnull=False)
    replicas = dict(live.values_list("node_uuid", "uuid"))
    fences: dict[UUID | None, SecurityEvent] = {}
    for event in SecurityEvent.objects.filter(
        code__in=FENCES, node_uuid__in=[node.uuid for node in rows]
    ).order_by("pk"):
        fences[event.node_uuid] = event
    return [_shown(node, names, replicas.get(node.uuid), fences.get(node.uuid)) for node in rows]


def silent_nodes() -> QuerySet[EnrolledNode]:
    """The clinics that joined and have not been heard of for a day."""
    since = current_node().wall() - SILENT_AFTER_MS
    joined = EnrolledNode.objects.filter(joined_at__isnull=False, revoked_at__isnull=True)
    return joined.filter(Q(last_contact__lt=since) | Q(last_contact__isnull=True))


def _shown(
    node: EnrolledNode, names: dict[str, str], replica: UUID | None, fence: SecurityEvent | None
) -> NodeShown:
    reason = _fenced_reason(node, fence)
    state, word = ("danger", _("Fenced")) if reason else _state(node)
    return NodeShown(
        id=node.uuid,
        name=node.name,
        facilities=[names.get(str(key), str(key)) for key in node.facilities],
        state=state,
        state_word=word,
        last_contact=moment(node.last_contact),
        backlog=None if node.last_contact is None else node.backlog,
        replica="" if replica is None else replica.hex[:6],
        fenced=bool(reason),
        fenced_reason=reason,
        app_version=node.software,
        clock_offset_s=None if node.last_contact is None else round(node.clock_offset_ms / 1000, 1),
        holds=str(EnrolledNode.Mode(node.mode).label),
    )


def _fenced_reason(node: EnrolledNode, fence: SecurityEvent | None) -> str:
    """Why it may not sync now. A fence that stands was raised by the last contact there was."""
    if node.revoked_at is not None:
        return _("Its key has been revoked.")
    if fence is not None and node.last_contact is not None and fence.at + 1000 >= node.last_contact:
        return fence.sentence
    return ""


def _state(node: EnrolledNode) -> tuple[str, str]:
    if node.joined_at is None:
        waiting = node.code_expires > current_node().wall()
        return ("waiting", _("Not joined yet")) if waiting else ("needs-you", _("Code expired"))
    if node.last_contact is None or current_node().wall() - node.last_contact > SILENT_AFTER_MS:
        return "needs-you", _("Silent")
    return ("waiting", _("Sending")) if node.backlog else ("done", _("All here"))
