"""`manage.py forget_second_step USERNAME`: telephone and recovery codes are lost, no colleague can help."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext_lazy as _

from registry.commands import Answer, AnsweringCommand
from registry.staff.backends import plain_username
from registry.staff.models import StaffMember
from registry.staff.services import forget_second_step
from sync.ledger.recording import Author
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Take somebody's second step away (central); clinics follow with their next sync."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")

    def answer(self, options: dict[str, Any]) -> Answer:
        staff = StaffMember.objects.living().filter(username=plain_username(options["username"])).first()
        if staff is None:
            raise Problem("unknown-staff", _("There is nobody with this user name."), status=404)
        forget_second_step(by=Author(None, "command line"), staff=staff)
        return {"username": staff.username, "second_step": "forgotten"}
