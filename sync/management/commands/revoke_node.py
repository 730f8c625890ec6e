"""`manage.py revoke_node NAME`: a laptop that may no longer sync."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.standing import revoke
from sync.status import moment


class Command(NodeCommand):
    help = "At central: refuse everything that this laptop asks, from its next request on."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what the laptop is called")
        parser.add_argument("--reason", default="", help="why, for colleagues")

    def answer(self, options: dict[str, Any]) -> Result:
        node = revoke(options["name"], why=options["reason"])
        told = {"node": node.uuid, "name": node.name, "revoked_at": moment(node.revoked_at)}
        return Result(
            told,
            [
                _("%(name)s may no longer sync. What it had sent is kept.") % {"name": node.name},
                _("For a new laptop: manage.py enroll_node with --replace."),
            ],
        )
