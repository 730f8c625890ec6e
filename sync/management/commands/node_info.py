"""`manage.py node_info`: who this node is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection

from sync.commanding import NodeCommand, Result, table_lines
from sync.core.protocol import PROTOCOL_VERSION
from sync.ledger.replicas import self_replica
from sync.models import EnrolledNode
from sync.node import current_node
from sync.status import node_name
from sync.vault.keys import key_id_of, node_key, pinned, public_bytes, timeline


class Command(NodeCommand):
    help = "Who this node is: role, name, replica, keys, central."

    def answer(self, options: dict[str, Any]) -> Result:
        told = _common() | (_central() if current_node().is_central else _clinic())
        return Result(
            told, table_lines([(name, "–" if value is None else value) for name, value in told.items()])
        )


def _common() -> dict[str, Any]:
    node, replica = current_node(), self_replica()
    return {
        "role": node.role,
        "name": node_name(),
        "replica": str(replica.uuid),
        "follows": str(replica.follows) if replica.follows else None,
        "key_id": key_id_of(public_bytes(node_key())),
        "version": str(getattr(settings, "POSTA_VERSION", "")),
        "protocol": PROTOCOL_VERSION,
        "directory": str(node.data_dir),
        "database": connection.display_name,
    }


def _central() -> dict[str, Any]:
    return {
        "timeline": str(timeline()),
        "nodes": EnrolledNode.objects.filter(joined_at__isnull=False).count(),
    }


def _clinic() -> dict[str, Any]:
    known = pinned()
    if known is None:
        return {"joined": False}
    return {
        "joined": True,
        "node": known.node,
        "central": known.url,
        "central_key_id": known.key_id,
        "timeline": known.timeline,
        "facilities": known.facilities,
    }
