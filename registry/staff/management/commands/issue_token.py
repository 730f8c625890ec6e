"""`manage.py issue_token USERNAME`: a bearer token for the API, printed once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext_lazy as _

from registry.commands import Answer, AnsweringCommand
from registry.staff.backends import plain_username
from registry.staff.models import Account
from registry.staff.sessions import issue_token
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Issue a bearer token for the API; it is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")

    def answer(self, options: dict[str, Any]) -> Answer:
        name = plain_username(options["username"])
        account = Account.objects.filter(username=name, is_active=True).first()
        if account is None:
            raise Problem("unknown-user", _("Nobody here has this user name."), fields={"username": name})
        return {"username": account.username, "token": issue_token(account)}

    def in_words(self, answer: Answer) -> str:
        return str(answer["token"])
