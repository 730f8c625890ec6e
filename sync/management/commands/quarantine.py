"""`manage.py quarantine`: the saves that central keeps aside."""

from __future__ import annotations

from typing import Any

from sync.commanding import NodeCommand, Result
from sync.review.aside import AsideShown, asides_shown


class Command(NodeCommand):
    help = "The saves that are set aside or held, and why."

    def answer(self, options: dict[str, Any]) -> Result:
        found = asides_shown()
        return Result([one.plain() for one in found], map(_line, found))


def _line(one: AsideShown) -> str:
    return f"{one.id}  {one.state} ({one.code})  {one.what}: {one.sentence}"
