"""`manage.py readmit_node NAME`: a person has decided which copy of a laptop lives."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.standing import readmit


class Command(NodeCommand):
    help = "At central: let the next copy of a fenced laptop in; the others are fenced again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what the laptop is called")

    def answer(self, options: dict[str, Any]) -> Result:
        live = readmit(options["name"])
        told = {"name": options["name"].strip(), "replica": live.uuid, "last_seq": live.head_seq}
        return Result(
            told,
            [
                _("The next copy of %(name)s that syncs is the live one.") % {"name": told["name"]},
                _("Sync now on the laptop that lives. Keep the other one off."),
            ],
        )
