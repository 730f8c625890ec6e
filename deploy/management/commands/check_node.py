"""`manage.py check_node`: is this node fit to open the clinic day?"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from deploy.fitness.finding import Finding
from deploy.fitness.looking import is_fit, look
from sync.commanding import NodeCommand, Result, table_lines
from sync.node import current_node


class Command(NodeCommand):
    help = "Is this node fit to open the clinic day? One line for each thing, and what to do about it."
    requires_system_checks: list[str] = []  # they are one of its lines

    def ready(self) -> None:
        """A database that does not open is a line of the answer."""

    def answer(self, options: dict[str, Any]) -> Result:
        found = look()
        fit = is_fit(found)
        node = current_node()
        told = {"fit": fit, "role": node.role, "checked_at": node.now()}
        return Result(told | {"checks": [one.plain() for one in found]}, _lines(found, fit), fit)


def _lines(found: list[Finding], fit: bool) -> list[str]:
    rows = [(one.word, one.label, f"{one.sentence} {one.todo}".strip()) for one in found]
    verdict = _("Fit to open the clinic day.") if fit else _("Not fit to open the clinic day.")
    return [*table_lines(rows), verdict]
