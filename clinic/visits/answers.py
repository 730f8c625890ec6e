"""Answers on their way in, whoever sends them.

Lives here: `cleaned_answers`, which turns what a page or a program sent into stored answers by the same
codecs as the page's form (`clinic/forms/values.py`), or refuses with a code per field; and `answer_typed`,
the same for what a person writes on a review page. Not here: writing them (`services.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from django.utils.translation import gettext as _

from clinic.forms.coded import clean_code
from clinic.forms.refusals import BadValue
from clinic.forms.values import Stored, clean
from clinic.programs.definition import ElementDefinition, StageDefinition
from clinic.visits.models import Enrollment, StageEvent
from clinic.visits.timeline import stage_behind
from registry.people.selectors import today
from sync.problems import Problem

Answers: TypeAlias = "dict[str, Stored | None]"
_OTHER_CODES: Final = {"not-an-option": "unknown-option"}


def element_named(stage: StageDefinition, name: str) -> ElementDefinition | None:
    """A question of the stage by the key of its answers, else by its code, else by its uid."""
    return (
        stage.element(name)
        or next((element for element in stage.elements if name and element.code == name), None)
        or next((element for element in stage.elements if element.uid == name), None)
    )


def cleaned_answers(stage: StageDefinition, said: Mapping[str, Any]) -> Answers:
    """Stored answers by key; None takes an answer back. All that is wrong is said at once, with a code for
    each field.
    """
    on = today()
    kept: Answers = {}
    refused: dict[str, tuple[str, str]] = {}
    for name, answer in said.items():
        element = element_named(stage, str(name))
        if element is None:
            refused[str(name)] = ("unknown-element", _("This form has no such question."))
            continue
        try:
            kept[element.key] = _cleaned(element, answer, on)
        except BadValue as bad:
            refused[str(name)] = (_OTHER_CODES.get(bad.code, bad.code), _(bad.sentence) % bad.named)
    if refused:
        raise _problem(refused)
    return kept


def answer_typed(table: str, row: Any, field: str, text: str) -> Stored | None:
    """The answer that a typed text means; None where the field is not an answer."""
    column, _dot, key = field.partition(".")
    answered = isinstance(row, StageEvent | Enrollment) and column == "values"
    stage = stage_behind(row) if answered else None
    if stage is None or stage.element(key) is None:
        return None
    try:
        return cleaned_answers(stage, {key: text})[key]
    except Problem as problem:
        sentence = " ".join(problem.fields.values())
        raise Problem(problem.code, problem.title, fields={"value": sentence}) from None


def _cleaned(element: ElementDefinition, answer: Any, on: date) -> Stored | None:
    stored = _plain(element, answer, on)
    return clean_code(element.option_source, stored) if element.option_source and stored else stored


def _plain(element: ElementDefinition, answer: Any, on: date) -> Any:
    return clean(
        element.value_type,
        answer,
        today=on,
        codes=[option.code for option in element.options],
        allow_future=element.allow_future_date,
    )


def missing_answers(stage: StageDefinition, values: Mapping[str, Any]) -> list[str]:
    """The keys of what the stage insists on and nobody has answered."""
    return [element.key for element in stage.elements if element.compulsory and not values.get(element.key)]


def refuse_missing(stage: StageDefinition, keys: Iterable[str]) -> None:
    """Say which answers a finished stage cannot do without."""
    missing = {key: ("missing-answer", _("Answer this.")) for key in keys}
    if missing:
        raise _problem(missing)


def _problem(refused: Mapping[str, tuple[str, str]]) -> Problem:
    """The first refusal's code stands for all; `codes` has each one's own."""
    first = next(iter(refused.values()))
    return Problem(
        first[0],
        first[1] if len(refused) == 1 else _("Some answers are not right."),
        fields={_field(name): sentence for name, (_code, sentence) in refused.items()},
        extra={"codes": {_field(name): code for name, (code, _sentence) in refused.items()}},
    )


def _field(name: str) -> str:
    """The input's name, which may be anything, so that it can be said again."""
    return f"values.{name[:100].encode(errors='replace').decode()}"
