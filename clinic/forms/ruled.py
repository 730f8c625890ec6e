"""A form that follows its program's rules.

Lives here: `follow`, which runs the rules over what a form says and lets the form show what they want:
questions that do not apply are taken away, answers that a rule gives are shown and cannot be typed, what a
rule says stands beside its question. And `answer_assigned`, the stored answer of a text that a rule assigns.
Not here: the rules (`clinic/programs/effects.py`), who asks (`clinic/visits/ruling.py`), the page
(`templates/forms/`). Read next: `state.py`.

Nothing is lost without a word: the answer to a question that is taken away stays on the page, unseen, under
`kept-<name>`; it is listed as long as the question is away, and it is back when the question is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from django.utils.translation import gettext as _

from clinic.expressions.values import CannotEvaluate
from clinic.forms.controls import ChoicesControl, SearchControl
from clinic.forms.fields import AnswerField
from clinic.forms.refusals import BadValue
from clinic.forms.stage_form import StageForm
from clinic.forms.state import Message
from clinic.forms.values import Stored, clean
from clinic.forms.wording import answer_text
from clinic.programs.definition import ElementDefinition, StageDefinition
from clinic.programs.document import ValueType
from clinic.programs.effects import Effects, Said, Store

Run: TypeAlias = "Callable[[Mapping[str, Any]], Effects]"
_DIGITS: Final = 12
_WHOLE: Final = frozenset(kind for kind in ValueType if kind.value.startswith("INTEGER"))
_DECIMALS: Final = frozenset({ValueType.NUMBER, ValueType.PERCENTAGE, ValueType.UNIT_INTERVAL})


def sections_of(stage: StageDefinition) -> dict[str, frozenset[str]]:
    """The questions of each section, by its uid."""
    return {section.uid: frozenset(element.key for element in section.elements) for section in stage.sections}


def answer_assigned(stage: StageDefinition, today: Any) -> Store:
    """What a rule's text means as the answer to a question of this stage."""

    def store(key: str, text: str) -> Stored | None:
        element = stage.element(key)
        if element is None:
            return text
        try:
            return clean(
                element.value_type,
                _fitting(element, text),
                today=today,
                codes=[option.code for option in element.options],
                allow_future=True,
            )
        except BadValue as bad:
            raise CannotEvaluate(f"{text[:40]!r} does not fit {element.key}: {bad.code}") from None

    return store


def _fitting(element: ElementDefinition, text: str) -> str:
    """A number with the digits that are kept; the code of an option that is named."""
    if element.options and element.option(text) is None:
        return next((option.code for option in element.options if option.name.default == text), text)
    if element.value_type in _WHOLE | _DECIMALS:
        try:
            return format(Decimal(f"{Decimal(text):.{_DIGITS}g}"), "f")
        except ArithmeticError:
            return text
    return text


def follow(form: StageForm, run: Run, *, saving: bool) -> Effects:
    """Run the rules over the form and shape it. Not `saving`: the person is still filling in."""
    effects = run(_said(form))
    for key, field in form.fields.items():
        if isinstance(field, AnswerField):
            _shape(form, key, field, effects)
    for said in effects.warnings:
        _tell(form, said, "needs-you")
    for said in effects.errors:
        _refuse(form, said) if saving else _tell(form, said, "danger")
    for said in effects.complete_errors if form.completing else ():
        _refuse(form, said) if saving else _tell(form, said, "danger")
    for said in effects.complete_warnings:
        _tell(form, said, "needs-you")
    form.panel.texts = [str(said) for said in effects.texts]
    form.panel.pairs = [(str(said.words), said.data) for said in effects.pairs]
    _settle(form, effects, saving=saving)
    return effects


def _said(form: StageForm) -> dict[str, Any]:
    """The answers as they are on the page, those taken away among them."""
    if not form.is_bound:
        return {key: field.before for key, field in _fields(form) if field.before is not None}
    form.is_valid()
    answers = {key: form.cleaned_data.get(key) for key, _field in _fields(form)}
    for key, kept in form.kept.items():
        if answers.get(key) is None and key not in form.errors:
            answers[key] = kept
    return {key: answer for key, answer in answers.items() if answer is not None}


def _fields(form: StageForm) -> list[tuple[str, AnswerField]]:
    return [(key, field) for key, field in form.fields.items() if isinstance(field, AnswerField)]


def _shape(form: StageForm, key: str, field: AnswerField, effects: Effects) -> None:
    state = field.state
    answered = effects.assigned.get(key) if key in effects.assigned else None
    state.hidden = key in effects.hidden
    state.assigned = key in effects.assigned
    state.required = (field.element.compulsory or key in effects.required) and not state.hidden
    if state.assigned:
        state.answer = answered
        state.text = answer_text(field.element, answered)
    elif state.hidden:
        state.answer = _kept(form, key, field)
        if state.answer is not None:
            form.panel.cleared.append((str(field.label), answer_text(field.element, state.answer)))
    else:
        state.restored = form.kept.get(key)
    _narrow(field, effects, key)


def _kept(form: StageForm, key: str, field: AnswerField) -> Stored | None:
    """What a question that is taken away had been answered with."""
    if not form.is_bound:
        return field.before
    typed: Stored | None = form.cleaned_data.get(key)
    return typed or form.kept.get(key)


def _narrow(field: AnswerField, effects: Effects, key: str) -> None:
    control = field.control
    if isinstance(control, ChoicesControl | SearchControl):
        left = [(code, label) for code, label in control.choices if not code or effects.allows(key, code)]
        if len(left) < len(control.choices):
            control.choices = left
            field.state.narrowed = ",".join(code for code, _label in left)


def _tell(form: StageForm, said: Said, kind: str) -> None:
    field = form.fields.get(said.key)
    if isinstance(field, AnswerField) and not field.state.hidden:
        field.state.said.append(Message(kind, str(said)))
    elif not said.key:
        form.panel.said.append(Message(kind, str(said)))


def _refuse(form: StageForm, said: Said) -> None:
    field = form.fields.get(said.key)
    there = isinstance(field, AnswerField) and not field.state.hidden
    form.add_error(said.key if there else None, str(said))


def _settle(form: StageForm, effects: Effects, *, saving: bool) -> None:
    """What is said in the end: the rules' answers, nothing for what does not apply, and what is missing."""
    if not form.is_bound:
        return
    for key, field in _fields(form):
        state = field.state
        untouchable = state.hidden or state.assigned
        if untouchable:
            form.errors.pop(key, None)
        if untouchable or key not in form.errors:
            answer = effects.values.get(key)
            if not untouchable and form.cleaned_data.get(key) is not None and answer is None:
                form.panel.cleared.append(
                    (str(field.label), answer_text(field.element, form.cleaned_data[key]))
                )
            form.cleaned_data[key] = answer
        if saving and state.required and not field.compulsory and form.completing:
            missing = key not in form.errors and form.cleaned_data.get(key) is None
            if missing:
                form.add_error(key, _("Answer this: %(label)s.") % {"label": field.label})
    if not saving:
        form.forget_missing()
