"""Questions that a picture or a file answers.

Lives here: the control. What is chosen goes to the laptop by itself; the form carries the id of an
attachment, so that drafts, rules and a save that waits on the tablet carry it like any answer. Not here: the
other controls (`controls.py`), choosing and keeping (`registry/attachments`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from clinic.forms.controls import Control
from registry.attachments.shapes import Shown, Sort, picker


class FileControl(Control):
    """Take or choose, look at, replace, remove. `look` tells what the id of an answer shows."""

    template_name = "forms/controls/file.html"
    kind: ClassVar[str] = "file"
    first_part: ClassVar[str] = "_file"

    def __init__(self, sort: Sort) -> None:
        super().__init__()
        self.sort: Sort = sort
        self.about = ""
        self.patient_id: UUID | None = None
        self.look: Callable[[str], Shown | None] = _nothing

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["picker"] = picker(
            name=name,
            auto_id=context["widget"]["attrs"].get("id") or f"id_{name}",
            sort=self.sort,
            value=value or "",
            patient_id=self.patient_id,
            file=self.look(value) if value else None,
            about=self.about,
        )
        return context


def _nothing(_file_id: str) -> Shown | None:
    return None
