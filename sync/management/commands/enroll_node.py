"""`manage.py enroll_node NAME --facility CODE…`: central's one-time code for a new clinic laptop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.enrolment import facilities_named, offer, offered
from sync.models import EnrolledNode
from sync.nodes import CONSEQUENCES
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
            "--mode",
            choices=EnrolledNode.Mode.values,
            help="which patients it may hold. subscribed: those of its own area, and those it has seen; "
            "others are not found there. everything: all of the programme; a stolen laptop then holds all. "
            "Without it a new laptop is subscribed, and one offered before stays as it was",
        )
        parser.add_argument(
            "--replace", action="store_true", help="a new laptop takes the place of one that joined"
        )

    def answer(self, options: dict[str, Any]) -> Result:
        places = facilities_named(options["facility"])
        before = (
            EnrolledNode.objects.filter(name=options["name"].strip()).values_list("mode", flat=True).first()
        )
        mode = options["mode"] or before or EnrolledNode.Mode.SUBSCRIBED.value
        code = offer(name=options["name"], facilities=places, mode=mode, replace=options["replace"])
        node = offered(options["name"])
        until = moment(node.code_expires)
        told = {
            "node": node.uuid,
            "name": node.name,
            "code": code,
            "valid_until": until,
            "facilities": places,
            "mode": node.mode,
        }
        works = _("Type it on the new laptop: it works once, until %(until)s.") % {"until": until}
        return Result(
            told, [code, works, _("Which patients may this laptop hold?"), str(CONSEQUENCES[node.mode])]
        )
