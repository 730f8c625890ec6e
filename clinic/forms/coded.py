"""A question whose answer is a code of a classification.

Lives here: `CodedControl` (type words or a code, choose from a short list; shown "code – words", kept as the
code) and `clean_code`, the same rule for programs. Not here: the classification (`clinic/programs/icd10.py`),
the short list (`clinic/visits/coding.py`).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import get_language, gettext_noop

from clinic.forms.controls import Control, Raw
from clinic.forms.refusals import BadValue
from clinic.forms.values import Stored
from clinic.programs.icd10 import code_in, find, is_code, label_of

NOT_A_CODE = gettext_noop("Choose a diagnosis from the list.")


class CodedControl(Control):
    """A line, and under it what it may mean. Without scripts the code itself can be typed."""

    template_name = "forms/controls/coded.html"

    def __init__(self, source: str) -> None:
        super().__init__({"dir": "auto", "spellcheck": "false", "autocapitalize": "none"})
        self.source = source

    def shown(self, stored: Stored | None) -> Raw:
        return label_of(stored, get_language()) if isinstance(stored, str) and stored else ""

    def answer(self, raw: Raw, before: Stored | None, today: date) -> object:
        text = raw.strip() if isinstance(raw, str) else ""
        if not text:
            return None
        if isinstance(before, str) and text in (before, label_of(before, get_language())):
            return before
        return clean_code(self.source, text)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["source"] = self.source
        return context


def clean_code(source: str, text: str) -> str:
    """The code that a text names; raises `BadValue`. Words do where they mean one code only."""
    code = text if is_code(text) else code_in(text)
    if code is None:
        meant = find(text, get_language(), limit=2)
        code = meant[0].code if len(meant) == 1 else None
    if code is None:
        raise BadValue("not-an-option", NOT_A_CODE)
    return code
