"""`manage.py issue_numbers --node NAME --count N`: a block of registration numbers for one clinic (central).

The block goes to the clinic with its next contact.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils.translation import gettext_lazy as _

from registry.commands import Answer, AnsweringCommand
from registry.numbers.issuing import issue_block
from sync.ledger.models import Replica
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Issue a block of registration numbers to a clinic (central)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--node", help="The node's name.")
        whom.add_argument("--replica", type=UUID, help="A replica's id.")
        parser.add_argument("--count", type=int, default=None, help="How many; without it, a full pool.")

    def answer(self, options: dict[str, Any]) -> Answer:
        replica = options["replica"] or _live_replica(options["node"])
        block = issue_block(replica=replica, size=options["count"])
        return {
            "block": str(UUID(bytes=block["id"])),
            "replica": str(replica),
            "prefix": block["prefix"],
            "count": len(block["numbers"]),
        }


def _live_replica(node_name: str) -> UUID:
    live = Replica.objects.filter(node_name=node_name, standing=Replica.Standing.LIVE).order_by("-number")
    found = live.values_list("uuid", flat=True).first()
    if found is None:
        raise Problem("unknown-node", _("There is no live clinic of this name."), fields={"node": node_name})
    return found
