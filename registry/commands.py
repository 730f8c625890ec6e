"""What the registry's commands have in common.

Lives here: `--json`, one answer in both forms, and that a refusal is one sentence and exit code 1.
Not here: what a command does (`<room>/management/commands`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.answers import problem_from
from registry.refusals import Refused
from sync.problems import Problem

Answer = Mapping[str, Any]


class AnsweringCommand(BaseCommand):
    """A command that answers once: as text for people, as one line of JSON for programs."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Answer in JSON.")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Do it, and say what was done."""
        raise NotImplementedError

    def in_words(self, answer: Answer) -> str:
        """The same answer for people."""
        return "\n".join(f"{name}: {value}" for name, value in answer.items())

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.answer(options)
        except (Problem, Refused) as refused:
            self._refuse(refused if isinstance(refused, Problem) else problem_from(refused), options["json"])
        else:
            self.stdout.write(json.dumps(answer) if options["json"] else self.in_words(answer))

    def _refuse(self, problem: Problem, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(problem.document()))
        sentences = [problem.title, problem.detail, *problem.fields.values()]
        raise CommandError(" ".join(dict.fromkeys(part for part in sentences if part)))
