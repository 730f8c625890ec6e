"""`manage.py unlock`: ask for the coordinator's passphrase, then serve.

The key goes from the passphrase into an unnamed memory file that the node's processes inherit: it is never on
the disk, in an argument or in the environment. `--create` makes this node's data key at its first start,
`--recovery-key` opens it when the passphrase is forgotten, `--new-passphrase` changes it. `--run` gives the
key to another command of this node instead of serving. Not here: what is on the disk
(`sync/vault/datakey.py`, `sync/vault/recovery.py`), the prompt of an installed laptop (`deploy/laptop`).
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any, Final, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from sync.problems import Problem
from sync.vault.datakey import UNSAFE_PASSPHRASE, create_wrapped_key, hold, unwrap, wrap_again
from sync.vault.recovery import ids_ready, recover, use_up

SHORTEST: Final = 12


class Command(BaseCommand):
    help = "Unlock this node with its passphrase and serve. The passphrase is asked for, or read from stdin."
    requires_system_checks: list[str] = []
    _given: TextIO | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--create", action="store_true", help="first start: make this node's data key")
        way.add_argument("--recovery-key", action="store_true", help="the passphrase is forgotten")
        way.add_argument("--new-passphrase", action="store_true", help="change the passphrase, then stop")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--stdin", action="store_true", help="read from standard input, line by line")
        source.add_argument("--from", type=Path, dest="file", help="read from this file and delete it")
        parser.add_argument("--check", action="store_true", help="only say whether it fits")
        parser.add_argument("--run", nargs=argparse.REMAINDER, help="run this command instead of serving")

    def handle(self, *args: Any, **options: Any) -> None:
        keys = Path(settings.POSTA_DATA) / "keys"
        self._given = _given(options)
        try:
            key = self._opened(keys, options)
        except Problem as problem:
            raise CommandError(" ".join(filter(None, [problem.title, problem.detail]))) from problem
        if options["check"]:
            self.stdout.write(_("The passphrase fits."))
        elif not options["new_passphrase"]:
            _go_on(key, options["run"] or ["serve"])

    def _opened(self, keys: Path, options: dict[str, Any]) -> bytes:
        if options["create"]:
            return create_wrapped_key(keys, self._fresh(_("Passphrase: ")))
        if options["recovery_key"]:
            return self._recovered(keys)
        key = unwrap(keys, self._hidden(_("Passphrase: ")))
        if options["new_passphrase"]:
            wrap_again(keys, key, self._fresh(_("New passphrase: ")))
            (keys / UNSAFE_PASSPHRASE).unlink(missing_ok=True)
            self.stdout.write(_("The new passphrase counts from now on."))
        return key

    def _recovered(self, keys: Path) -> bytes:
        wanted = " ".join(ids_ready(keys))
        self.stdout.write(_("Ask the programme office for the recovery key with the id %s.") % wanted)
        key = recover(keys, self._seen(_("Recovery key: ")))
        use_up(keys, key, self._fresh(_("New passphrase: ")))
        (keys / UNSAFE_PASSPHRASE).unlink(missing_ok=True)
        self.stdout.write(_("The new passphrase counts from now on."))
        self.stdout.write(_("The recovery key is used up. The next sync leaves a new one at central."))
        return key

    def _fresh(self, prompt: str) -> str:
        """A passphrase to be: long enough, and typed twice where somebody types."""
        passphrase = self._hidden(prompt)
        if len(passphrase) < SHORTEST:
            raise CommandError(_("A passphrase has at least %d characters; nothing was changed.") % SHORTEST)
        if self._given is None and getpass.getpass(_("Again: ")) != passphrase:
            raise CommandError(_("The two passphrases differ; nothing was changed."))
        return passphrase

    def _hidden(self, prompt: str) -> str:
        return getpass.getpass(prompt) if self._given is None else self._next_line()

    def _seen(self, prompt: str) -> str:
        """What is used once may be looked at while it is typed."""
        return input(prompt) if self._given is None else self._next_line()

    def _next_line(self) -> str:
        return self._given.readline().rstrip("\n") if self._given else ""


def _given(options: dict[str, Any]) -> TextIO | None:
    """Where the answers are, instead of being typed; None where somebody sits here."""
    if options["stdin"]:
        return sys.stdin
    if options["file"] is None:
        return None
    try:
        given = StringIO(options["file"].read_text())
        options["file"].unlink()
    except OSError as error:
        raise CommandError(_("The passphrase cannot be read: %s") % error.strerror) from None
    return given


def _go_on(key: bytes, command: list[str]) -> None:
    os.environ["POSTA_KEY_FD"] = str(hold(key))
    os.execv(sys.executable, [sys.executable, str(settings.BASE_DIR / "manage.py"), *command])  # noqa: S606
