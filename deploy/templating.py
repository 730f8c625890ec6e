"""Django's templates, in which no text can turn the sentence round.

Lives here: the template engine of all pages and parts of pages. Characters that override or embed a
direction never leave it, whoever typed them into whichever field: names, notes, messages, what a form
shows again. Plain marks (LRM, RLM) stay, Arabic needs them. Not here: how a name is set apart from the words
around it (the `bdi` filter, `deploy/templatetags/posta_ui.py`), what the API and files hand out: that is
data, unchanged.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates, Template
from django.utils.safestring import SafeString, mark_safe

# Written as text or as a reference, a browser takes both.
_TURNS: Final = re.compile(
    "[\u202a-\u202e\u2066-\u2069]|&#(?:0*(?:823[4-8]|829[4-7])|[xX]0*(?:202[a-eA-E]|206[6-9]));?"
)


def straight(html: str) -> str:
    """The same without characters that override or embed a direction."""
    return _TURNS.sub("", html)


class StraightTemplate:
    """A template of Django's, whose text is made straight."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def __getattr__(self, name: str) -> Any:
        return getattr(self._template, name)

    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> SafeString:
        made = self._template.render(context, request)
        return mark_safe(straight(made))  # noqa: S308 - the engine's own output, shortened


class StraightTemplates(DjangoTemplates):
    """The engine of `settings.TEMPLATES`."""

    def from_string(self, template_code: str) -> Any:
        return StraightTemplate(super().from_string(template_code))

    def get_template(self, template_name: str) -> Any:
        return StraightTemplate(super().get_template(template_name))
