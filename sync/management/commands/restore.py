"""`manage.py restore FILE`: put a backup back. The database becomes a new replica that follows the old
one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.ledger.birth import take_new_identity
from sync.problems import Problem
from sync.vault.backup import put_back, verify_backup
from sync.vault.rota import fetch_files
from sync.vault.running import claim


class Command(NodeCommand):
    help = "Put a backup back, with the node stopped. The replaced database is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Unlike other commands it does not ask whether the database is the one that the marks remember."""
        try:
            result = self.answer(options)
        except Problem as problem:
            self.refuse(problem, as_json=options["json"])
        else:
            self.say(result, as_json=options["json"])

    def answer(self, options: dict[str, Any]) -> Result:
        path = Path(options["file"]).absolute()
        with claim(Path(settings.POSTA_DATA)):
            verify_backup(path)
            kept = put_back(path)
            files = fetch_files(path.parent)
            call_command("migrate", verbosity=0, interactive=False)
            made = take_new_identity()
        lost = made.lost
        plain = {
            "replica": made.replica.uuid,
            "follows": made.before.uuid,
            "lost": None if lost is None else [lost.start, lost.stop - 1] if lost else [],
            "replaced": str(kept),
            "files": files,
        }
        return Result(plain, _lines(kept, lost))


def _lines(kept: Path, lost: range | None) -> list[str]:
    lines = [_("The backup is back, as a new copy; the replaced database is kept in %s.") % kept]
    if lost is None:
        lines.append(_("What was saved after the backup and not sent cannot be told; ask the staff."))
    elif lost:
        words = _("%(count)d changes (%(first)d to %(last)d) were neither in the backup nor sent.")
        lines.append(words % {"count": len(lost), "first": lost.start, "last": lost.stop - 1})
    else:
        lines.append(_("Everything was in the backup or had been sent."))
    lines.append(_("Sync now: what central has comes back."))
    return lines
