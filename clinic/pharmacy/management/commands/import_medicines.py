"""`manage.py import_medicines FILE`: take over a list of medicines, or say row by row what is wrong with
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from clinic.pharmacy.examples import ESSENTIAL
from clinic.pharmacy.medicines import (
    MAX_BYTES,
    MedicineList,
    import_medicines,
    problems_in_words,
    read_list,
)
from registry.commands import Answer, AnsweringCommand
from sync.ledger.recording import Author
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Import a list of medicines from CSV or XLSX (central). Nothing is written while a row is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file", nargs="?", metavar="FILE", type=Path, help="Without it: our example list."
        )
        parser.add_argument("--check", action="store_true", help="Only say what would happen.")

    def answer(self, options: dict[str, Any]) -> Answer:
        listed = _read(options["file"] or ESSENTIAL)
        if listed.wrong:
            raise Problem(
                "list-has-errors",
                _("%(n)d rows are not right. Nothing was changed.") % {"n": len(listed.wrong)},
                detail="\n" + "\n".join(problems_in_words(listed.wrong)),
            )
        if options["check"]:
            return {"written": False, **listed.counts()}
        return {"written": True, **import_medicines(by=Author(None, "command line"), listed=listed)}


def _read(path: Path) -> MedicineList:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Problem(
            "unreadable-file",
            _("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror or ""},
        ) from None
    return read_list(content=content, name=path.name)
