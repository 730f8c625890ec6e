"""`manage.py conflicts`: what two people wrote differently."""

from __future__ import annotations

from typing import Any

from sync.commanding import NodeCommand, Result
from sync.review.selectors import ConflictShown, conflicts_shown


class Command(NodeCommand):
    help = "The fields that hold different values, and who wrote which."

    def answer(self, options: dict[str, Any]) -> Result:
        found = conflicts_shown()
        lines = [line for one in found for line in _lines(one)]
        return Result([one.plain() for one in found], lines)


def _lines(one: ConflictShown) -> list[str]:
    return [
        f"{one.id}  {one.table} {one.record}  {one.field_label}",
        *(
            f"    {head.text}  ({head.by}, {head.at:%Y-%m-%d %H:%M}, {head.device}, {head.place})"
            for head in one.heads
        ),
    ]
