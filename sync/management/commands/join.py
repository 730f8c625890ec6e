"""`manage.py join URL CODE`: this laptop joins central."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.enrolment import join


class Command(NodeCommand):
    help = "Join central with the one-time code that its page shows."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("url", help="central's address, https://…")
        parser.add_argument("code", help="the one-time code")

    def answer(self, options: dict[str, Any]) -> Result:
        known = join(options["url"], options["code"])
        told = {
            "node": known.node,
            "name": known.node_name,
            "central": known.url,
            "facilities": known.facilities,
        }
        return Result(
            told,
            [_("This laptop is now %(name)s, of %(url)s.") % {"name": known.node_name, "url": known.url}],
        )
