"""One Django field per question.

Lives here: `AnswerField`, which cleans what its control posted into the stored form, and `AnswerBoundField`,
what templates ask of a field. Not here: the rules of values (`values.py`), the form (`stage_form.py`).
"""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from clinic.forms.controls import Control, Raw
from clinic.forms.filed import FileControl
from clinic.forms.refusals import BadValue
from clinic.forms.state import FieldState
from clinic.forms.values import Stored, clean
from clinic.programs.definition import ElementDefinition


class AnswerBoundField(BoundField):
    """A question on the page."""

    field: AnswerField

    @property
    def element(self) -> ElementDefinition:
        return self.field.element

    @property
    def kind(self) -> str:
        """Which of `_field.html`'s shapes it has: line, choices, tick, parts or file."""
        return self.field.control.kind

    @property
    def target(self) -> str:
        """The id of the first thing to fill in, for links from the error summary."""
        return f"{self.auto_id}{self.field.control.first_part}"

    @property
    def before(self) -> str:
        """What the form showed, as the page carries it along."""
        stored = self.field.before
        return ",".join(stored) if isinstance(stored, list) else stored or ""

    @property
    def state(self) -> FieldState:
        """What rules have made of it."""
        return self.field.state

    @property
    def kept(self) -> str:
        """The answer of a question that is taken away, as the page carries it along."""
        stored = self.field.state.answer
        return ",".join(stored) if isinstance(stored, list) else stored or ""

    @property
    def signature(self) -> str:
        """How it looks now, in short."""
        return self.field.state.signature([str(error) for error in self.errors])

    def value(self) -> Raw:
        posted: Raw | None = self.data if self.form.is_bound else None
        if self.field.state.restored is not None and not any(posted or ()):
            return self.field.control.shown(self.field.state.restored)
        return self.field.control.shown(self.field.before) if posted is None else posted


class AnswerField(forms.Field):
    """One question. `before` is the stored answer that the page showed; it stands when nobody touched the
    control.
    """

    bound_field_class = AnswerBoundField

    def __init__(
        self,
        element: ElementDefinition,
        control: Control,
        *,
        before: Stored | None,
        today: date,
        language: str | None,
        compulsory: bool,
    ) -> None:
        super().__init__(
            required=False,
            widget=control,
            label=element.label.spoken(language),
            help_text=_hint(element, language),
        )
        self.element, self.before, self.today, self.compulsory = element, before, today, compulsory
        self.state = FieldState(required=element.compulsory)
        if isinstance(self.control, FileControl):
            self.control.about = str(self.label)

    @property
    def control(self) -> Control:
        return cast(Control, self.widget)

    def clean(self, value: Raw | None) -> Stored | None:
        """The stored form of what was posted; None posted means that the page did not ask."""
        answer = (
            self.before if value is None or value == self.control.shown(self.before) else self._cleaned(value)
        )
        if answer is None and self.compulsory:
            raise ValidationError(
                pgettext("form", "Answer this: %(label)s."), "required", {"label": self.label}
            )
        return answer

    def _cleaned(self, raw: Raw) -> Stored | None:
        try:
            answer = self.control.answer(raw, self.before, self.today)
            return clean(
                self.element.value_type,
                answer,
                today=self.today,
                codes=[option.code for option in self.element.options],
                allow_future=self.element.allow_future_date,
            )
        except BadValue as bad:
            raise ValidationError(_(bad.sentence), bad.code, dict(bad.named)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data is not None and data != self.control.shown(self.before)


def _hint(element: ElementDefinition, language: str | None) -> str:
    """The description, unless it only says the label again."""
    hint = element.description.spoken(language)
    return "" if hint == element.label.spoken(language) else hint
