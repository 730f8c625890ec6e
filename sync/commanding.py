"""What the commands of sync have in common.

Lives here: `NodeCommand`: one answer as text for people or as one line of JSON for programs, a refusal
as one sentence on stderr, and an exit code that is 0 only if it holds. Before it answers it makes sure
that this database is the one its marks remember. Not here: what a command does
(`sync/management/commands`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from sync.ledger.birth import ensure_replica
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Result:
    """An answer: `plain` for programs, `lines` for people, and whether it holds."""

    plain: Mapping[str, Any] | Sequence[Any]
    lines: Iterable[str]
    holds: bool = True


class NodeCommand(BaseCommand):
    """A command about this node."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON on stdout")

    def ready(self) -> None:
        """Before the answer: this database is the one that its marks remember."""
        ensure_replica()

    def answer(self, options: dict[str, Any]) -> Result:
        """Do it, and say what came of it."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.ready()
            result = self.answer(options)
        except Problem as problem:
            self.refuse(problem, as_json=options["json"])
        else:
            self.say(result, as_json=options["json"])
            if not result.holds:
                raise SystemExit(1)

    def say(self, result: Result, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(as_json_text(result.plain))
            self.stdout.flush()
            return
        for line in result.lines:
            self.stdout.write(line)

    def refuse(self, problem: Problem, *, as_json: bool) -> None:
        """One sentence for people (and what to do), the problem document for programs; exit code 1."""
        if as_json:
            self.stdout.write(as_json_text(problem.document()))
        sentences = [problem.title, problem.detail]
        self.stderr.write(" ".join(sentence for sentence in sentences if sentence))
        raise SystemExit(1)


def as_json_text(plain: Any) -> str:
    return json.dumps(plain, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def table_lines(rows: Sequence[Sequence[object]]) -> list[str]:
    """Columns that stand under each other."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    ]
