"""`manage.py import_programs FILE…`: publish programs from DHIS2 packages or documents of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from clinic.exchange.dhis2.package import MAX_BYTES
from clinic.exchange.dhis2.services import ProgramFile, import_programs, read_programs
from clinic.programs.examples import SHIPPED, example
from registry.commands import Answer, AnsweringCommand
from sync.ledger.recording import Author
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Import programs: DHIS2 metadata packages (JSON) or program documents of Posta (central)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("files", nargs="*", metavar="FILE", type=Path)
        parser.add_argument("--shipped", action="store_true", help="also the programs that come with Posta")

    def answer(self, options: dict[str, Any]) -> Answer:
        # Every file is read before the first is published: a bad one means that nothing was imported.
        files = [_file(path) for path in options["files"]]
        if options["shipped"]:
            files += [ProgramFile(name, [example(name)], {}) for name in SHIPPED]
        if not files:
            raise Problem("no-files", _("Name a file, or say --shipped. Nothing was imported."))
        by = Author(None, "command line")
        return {
            "files": [
                {"file": file.name, "programs": [made.plain() for made in import_programs(file=file, by=by)]}
                for file in files
            ]
        }

    def in_words(self, answer: Answer) -> str:
        return "\n".join(
            line for file in answer["files"] for program in file["programs"] for line in _lines(program)
        )


def _file(path: Path) -> ProgramFile:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # one byte past the limit says that it is too large
    except OSError as error:
        reason = error.strerror or ""
        raise Problem(
            "unreadable-file",
            _("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": reason},
        ) from None
    return read_programs(content=content, name=path.name)


def _lines(program: dict[str, Any]) -> Iterator[str]:
    outcome = "new" if program["created"] else "unchanged"
    name = program["code"] or program["uid"]
    yield f"{program['program']} ({name}): version {program['version']}, {outcome}"
    for name, count in program["counts"].items():
        held = program["in_file"].get(name, count)
        rest = f" of {held} in the file" if held != count else ""
        yield f"  {name.replace('_', ' ')}: {count}{rest}"
    for fault in program["off"]:
        yield f"  off: {fault['name']} ({fault['rule']}): {fault['reason']}"
