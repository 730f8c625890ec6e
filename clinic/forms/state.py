"""What rules have made of a question, for its template.

Lives here: `FieldState`, `Message`, and `Panel`, the part of a form where rules speak to whoever fills it in.
A page carries the `signature` of every question that is not as it was built; the answer to a change holds
only the questions whose signature is another one now. Not here: making them (`ruled.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from zlib import crc32

from clinic.forms.values import Stored


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence and its kind: `danger`, `needs-you`."""

    kind: str
    text: str


@dataclass(slots=True)
class FieldState:
    """How a question stands. `answer` is the rule's where it is `assigned`, the kept one where it is
    `hidden`; `restored` is one that is back.
    """

    required: bool = False
    hidden: bool = False
    assigned: bool = False
    answer: Stored | None = None
    text: str = ""
    restored: Stored | None = None
    narrowed: str = ""
    said: list[Message] = field(default_factory=list)

    def signature(self, errors: list[str]) -> str:
        """Short, and equal only for what looks the same."""
        told = [self.hidden, self.assigned, self.required, self.text if self.assigned else "", self.narrowed]
        told += [[one.kind, one.text] for one in self.said]
        if self.hidden:
            told.append(self.answer)
        return format(crc32(json.dumps([*told, *errors]).encode()), "x")


@dataclass(slots=True)
class Panel:
    """What rules say about the form as a whole; `cleared` are (question, answer) that do not count now."""

    said: list[Message] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    cleared: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.said or self.texts or self.pairs or self.cleared)
