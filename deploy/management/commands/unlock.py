"""`manage.py unlock`: ask for the coordinator's passphrase, then serve.

The key goes from the passphrase into an unnamed memory file that the node's processes inherit: it is never on
the disk, in an argument or in the environment. `--create` makes this node's data key at its first start.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sync.problems import Problem
from sync.vault.datakey import create_wrapped_key, hold, unwrap


class Command(BaseCommand):
    help = "Unlock this node with its passphrase and serve. The passphrase is asked for, or read from stdin."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--create", action="store_true", help="first start: make this node's data key")
        parser.add_argument("--stdin", action="store_true", help="read the passphrase from standard input")
        parser.add_argument("--check", action="store_true", help="only say whether the passphrase fits")

    def handle(self, *args: Any, **options: Any) -> None:
        keys = Path(settings.POSTA_DATA) / "keys"
        passphrase = _ask(from_stdin=options["stdin"], twice=options["create"])
        try:
            key = create_wrapped_key(keys, passphrase) if options["create"] else unwrap(keys, passphrase)
        except Problem as problem:
            raise CommandError(" ".join(filter(None, [problem.title, problem.detail]))) from problem
        if options["check"]:
            self.stdout.write("The passphrase fits.")
            return
        os.environ["POSTA_KEY_FD"] = str(hold(key))
        os.execv(sys.executable, [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve"])  # noqa: S606


def _ask(*, from_stdin: bool, twice: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    passphrase = getpass.getpass("Passphrase: ")
    if twice and getpass.getpass("Again: ") != passphrase:
        raise CommandError("The two passphrases differ; nothing was made.")
    return passphrase
