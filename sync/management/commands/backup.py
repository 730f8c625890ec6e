"""`manage.py backup`: an encrypted snapshot that has been opened and checked before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.vault.backup import make_backup, read_manifest


class Command(NodeCommand):
    help = "Write a backup of this node's database and verify it. The node may go on working."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", default="", help="directory; by default backups/ in POSTA_DATA")

    def answer(self, options: dict[str, Any]) -> Result:
        path = make_backup(Path(options["to"]) if options["to"] else None)
        manifest, _start = read_manifest(path)
        plain = {
            "file": str(path),
            "bytes": path.stat().st_size,
            "head_seq": manifest.head_seq,
            "verified": True,
        }
        line = _("%(file)s: verified, up to change %(seq)d.") % {"file": path, "seq": manifest.head_seq}
        return Result(plain, [line])
