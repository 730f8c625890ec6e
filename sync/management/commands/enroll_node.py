"""`manage.py enroll_node NAME --facility CODE…`: central's one-time code for a new clinic laptop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.enrolment import facilities_named, offer, offered
from sync.models import EnrolledNode
from sync.status import moment


class Command(NodeCommand):
    help = "At central: make a one-time code for a new clinic laptop; it is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what the clinic is called")
        parser.add_argument(
            "--facility", action="append", default=[], metavar="CODE", help="a facility it serves"
        )
        parser.add_argument(
            "--mode", default=EnrolledNode.Mode.EVERYTHING.value, choices=EnrolledNode.Mode.values
        )
        parser.add_argument(
            "--replace", action="store_true", help="a new laptop takes the place of one that joined"
        )

    def answer(self, options: dict[str, Any]) -> Result:
        places = facilities_named(options["facility"])
        code = offer(
            name=options["name"], facilities=places, mode=options["mode"], replace=options["replace"]
        )
        node = offered(options["name"])
        until = moment(node.code_expires)
        told = {
            "node": node.uuid,
            "name": node.name,
            "code": code,
            "valid_until": until,
            "facilities": places,
        }
        return Result(
            told, [code, _("Type it on the new laptop: it works once, until %(until)s.") % {"until": until}]
        )
