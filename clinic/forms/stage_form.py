"""A stage as a form.

Lives here: `build_form` (definition → Django form) and `changed_values` (what a person changed, and nothing
else). Not here: values (`values.py`), controls (`controls.py`), pages (`templates/forms/stage_form.html`,
which stands between the form tags of the visit's page). Read next: `fields.py`.

Every control posts the answer it showed under `initial-<name>`. A change is what differs from *that*, not
from the database: a colleague's newer weight is not contradicted by a box that nobody touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils import timezone
from django.utils.translation import get_language

from clinic.forms.controls import Control, control_for
from clinic.forms.fields import AnswerBoundField, AnswerField
from clinic.forms.state import FieldState, Panel
from clinic.forms.values import Stored
from clinic.programs.definition import ElementDefinition, SectionDefinition, StageDefinition
from clinic.programs.document import ValueType
from sync.node import current_node

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What some questions choose from: (id, name) of places, (user name, name) of people."""

    places: Choices = ()
    people: Choices = ()

    def of(self, element: ElementDefinition) -> Choices:
        if element.value_type is ValueType.ORGANISATION_UNIT:
            return self.places
        return self.people if element.value_type is ValueType.USERNAME else ()


@dataclass(frozen=True, slots=True)
class FormSection:
    """A section's questions, bound."""

    section: SectionDefinition
    fields: list[AnswerBoundField]

    @property
    def uid(self) -> str:
        return self.section.uid

    @property
    def hidden(self) -> bool:
        """Whether nothing of it applies."""
        return bool(self.fields) and all(field.state.hidden for field in self.fields)

    @property
    def name(self) -> str:
        return str(self.section.name)

    @property
    def description(self) -> str:
        return str(self.section.description)


class StageForm(forms.Form):
    """One stage's questions. Field names are the keys of the answers."""

    default_renderer = TemplatesSetting
    use_required_attribute = False

    def __init__(
        self,
        stage: StageDefinition,
        posted: Mapping[str, Any] | None,
        initial: Mapping[str, Any],
        prefix: str | None,
        *,
        today: date,
        completing: bool,
        suggestions: Suggestions,
    ) -> None:
        super().__init__(data=posted, prefix=prefix, auto_id="id_%s")
        self.stage, self.today, self.completing, self.suggestions = stage, today, completing, suggestions
        self.panel, self.live = Panel(), False
        self.beside: list[dict[str, str]] = []  # what is wrong on the page around the form
        for element in stage.elements:
            self.fields[element.key] = self._field(element, initial.get(element.key))

    def _field(self, element: ElementDefinition, stored: Stored | None) -> AnswerField:
        language = get_language()
        return AnswerField(
            element,
            self._control(element, language),
            before=self._before(element.key, stored),
            today=self.today,
            language=language,
            compulsory=element.compulsory and (self.completing or self.stage.complete_to_save),
        )

    def _control(self, element: ElementDefinition, language: str | None) -> Control:
        return control_for(
            element, today=self.today, language=language, suggested=self.suggestions.of(element)
        )

    def _before(self, key: str, stored: Stored | None) -> Stored | None:
        """The answer the page showed: as it was carried along, else as it is now."""
        name = self.add_initial_prefix(key)
        if not self.is_bound or name not in self.data:
            return stored or None
        return self._carried(key, name)

    def _carried(self, key: str, name: str) -> Stored | None:
        """A stored answer that the page carries along."""
        text = str(self.data[name]).replace("\r\n", "\n")
        element = self.stage.element(key)
        if element is not None and element.value_type is ValueType.MULTI_TEXT:
            return text.split(",") if text else None
        return text or None

    @cached_property
    def kept(self) -> dict[str, Stored]:
        """The answers of questions that rules took away, which the page kept."""
        if not self.is_bound:
            return {}
        names = {key: f"kept-{self.add_prefix(key)}" for key in self.fields}
        found = {key: self._carried(key, name) for key, name in names.items() if name in self.data}
        return {key: stored for key, stored in found.items() if stored is not None}

    @cached_property
    def signatures(self) -> dict[str, str]:
        """How each question looks that is not as it was built; asked for when all is said."""
        bound = {key: self[key] for key in self.fields}
        found = {key: one.signature for key, one in bound.items() if isinstance(one, AnswerBoundField)}
        return {key: text for key, text in found.items() if text != _as_built(self.fields[key])}

    def signed(self) -> str:
        """The same, as the page carries it along."""
        return " ".join(f"{key}:{text}" for key, text in self.signatures.items())

    def forget_missing(self) -> None:
        """Nobody has tapped Save: what is not answered yet is not wrong yet."""
        for key in list(self.errors):
            if any(error.code == "required" for error in self.errors.as_data()[key]):
                del self.errors[key]

    def sections(self) -> Iterator[FormSection]:
        """The sections with their fields, for templates."""
        for section in self.stage.sections:
            yield FormSection(section, [self[element.key] for element in section.elements])  # type: ignore[misc]

    def problems(self) -> list[dict[str, str]]:
        """What is wrong, each with the id to jump to."""
        found = list(self.beside)
        found += [{"target": "", "message": str(message)} for message in self.non_field_errors()]
        for name in self.errors:
            if name in self.fields:
                bound = self[name]
                found += [
                    {"target": bound.target, "message": _named(str(bound.label), str(message))}  # type: ignore[attr-defined]
                    for message in bound.errors
                ]
        return found


def _as_built(field: forms.Field) -> str:
    return _signature_of(isinstance(field, AnswerField) and field.element.compulsory)


@lru_cache(maxsize=2)
def _signature_of(required: bool) -> str:
    return FieldState(required=required).signature([])


def _named(label: str, message: str) -> str:
    """A sentence above the form must say which question it is about."""
    return message if label in message else f"{label}: {message}"


def build_form(
    stage: StageDefinition,
    posted: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    prefix: str | None = None,
    *,
    today: date | None = None,
    completing: bool = True,
    suggestions: Suggestions | None = None,
) -> StageForm:
    """The form of a stage. `initial` are the stored answers by key. Not `completing` = compulsory questions
    may wait, unless the stage insists.
    """
    return StageForm(
        stage,
        posted,
        initial or {},
        prefix,
        today=today or timezone.localdate(current_node().now()),
        completing=completing,
        suggestions=suggestions or Suggestions(),
    )


def changed_values(form: StageForm) -> dict[str, Stored | None]:
    """Only what differs from what the page showed; None is an answer taken back. The form is valid."""
    before = {key: field.before for key, field in form.fields.items() if isinstance(field, AnswerField)}
    return {key: form.cleaned_data[key] for key in before if form.cleaned_data[key] != before[key]}
