"""`manage.py publish_lab_tests [FILE]`: the tests that the programme offers, from a JSON list.

Only at central. Without a file the shipped ones. Not here: the shape (`clinic/lab/definition.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from clinic.lab.definition import NotTests, read_tests
from clinic.lab.examples import shipped
from clinic.lab.services import publish_tests
from registry.commands import Answer, AnsweringCommand
from sync.ledger.recording import Author
from sync.problems import Problem


class Command(AnsweringCommand):
    help = "Publish the laboratory tests that the programme offers: a JSON file, or the shipped ones."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, nargs="?")

    def answer(self, options: dict[str, Any]) -> Answer:
        tests = shipped() if options["file"] is None else self._read(options["file"])
        changed = publish_tests(by=Author(None, "publish_lab_tests"), tests=tests)
        return {"tests": len(tests), "changed": changed}

    def in_words(self, answer: Answer) -> str:
        return _("%(tests)d tests are offered; %(changed)d of them are new or changed.") % answer

    def _read(self, path: Path) -> Any:
        try:
            return read_tests(path.read_bytes())
        except OSError as error:
            raise Problem("no-such-file", str(error)) from None
        except NotTests as error:
            raise Problem(
                "not-tests", _("This is not a list of laboratory tests."), detail=str(error)
            ) from None
