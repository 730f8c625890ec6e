"""`manage.py add_staff USERNAME --role …`: add a member of staff at central."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext_lazy as _

from registry.commands import Answer, AnsweringCommand
from registry.places.models import Facility
from registry.places.selectors import facility_named
from registry.staff.policy import Role
from registry.staff.services import add_staff
from sync.ledger.recording import Author
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Add a member of staff (central)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="Full name.")
        parser.add_argument("--role", action="append", default=[], choices=[role.value for role in Role])
        parser.add_argument("--facility", action="append", default=[], help="Code, name or id; without: all.")
        parser.add_argument("--language", default="en")
        parser.add_argument("--password-stdin", action="store_true", help="Read the password from stdin.")

    def answer(self, options: dict[str, Any]) -> Answer:
        places: list[Facility | None] = [_facility(text) for text in options["facility"]]
        member = add_staff(
            by=Author(None, "command line"),
            username=options["username"],
            full_name=options["name"],
            language=options["language"],
            grants=[(role, place) for role in options["role"] for place in places or [None]],
            password=sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None,
        )
        return {"staff_id": str(member.pk), "username": member.username, "roles": options["role"]}


def _facility(text: str) -> Facility:
    found = facility_named(text)
    if found is None:
        raise Problem("unknown-facility", _("There is no such facility."), fields={"facility": text})
    return found
