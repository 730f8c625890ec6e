"""`manage.py verify_backup FILE`: would this backup open, and is it whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.vault.backup import verify_backup


class Command(NodeCommand):
    help = "Open a backup aside and check its signature, its pages and its log. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file")

    def answer(self, options: dict[str, Any]) -> Result:
        manifest = verify_backup(Path(options["file"]))
        plain = {"verified": True, "head_seq": manifest.head_seq, "made_at": manifest.made_at}
        return Result(plain, [_("The backup is whole, up to change %d.") % manifest.head_seq])
