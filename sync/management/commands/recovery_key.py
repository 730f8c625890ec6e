"""`manage.py recovery_key NAME`: what opens a laptop whose passphrase is forgotten."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.models import EnrolledNode
from sync.problems import Problem
from sync.recovery import give_out, held_for


class Command(NodeCommand):
    help = "At central: print a laptop's recovery key, once somebody who is known has asked for it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what the laptop is called")
        parser.add_argument("--reason", required=True, help="why, for colleagues")
        parser.add_argument("--id", default="", help="the id that the laptop shows; by default the newest")

    def answer(self, options: dict[str, Any]) -> Result:
        node = EnrolledNode.objects.filter(name=options["name"].strip()).first()
        if node is None:
            raise Problem("unknown-node", _("Central knows no laptop of this name."), status=404)
        newest = next((one.key_id for one in held_for(node)), "")
        key_id = options["id"].strip().upper() or newest
        key = give_out(node, key_id, why=options["reason"])
        told = {"node": node.uuid, "name": node.name, "id": key_id, "recovery_key": key}
        return Result(
            told,
            [
                _("%(name)s, id %(id)s: %(key)s") % {"name": node.name, "id": key_id, "key": key},
                _("Noted. Read it aloud; it works once."),
            ],
        )
