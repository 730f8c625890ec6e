"""A program version, resolved and frozen: what forms, visits and reports read.

Lives here: `ProgramDefinition` and its parts, their lookups, `Words` (a text in every language it was given
in) and `resolve`, which makes a definition from a stored document. Not here: the stored shape
(`document.py`), fetching and caching by version (`selectors.py`). Read next: `selectors.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from django.utils.translation import get_language

from clinic.programs.document import (
    AttributePart,
    DataElementPart,
    MergeRule,
    OptionSetPart,
    ProgramDocument,
    RulePart,
    SectionPart,
    StageElementPart,
    StagePart,
    Translations,
    ValueType,
)

_NO_TRANSLATIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Words:
    """A text and its translations. `str()` speaks the language of the person being served."""

    default: str
    others: Mapping[str, str] = field(default_factory=lambda: _NO_TRANSLATIONS, hash=False)

    def spoken(self, language: str | None) -> str:
        """In this language, else in its main language ("pt-br" → "pt"), else as it was written."""
        if not self.others or not language:
            return self.default
        language = language.lower()
        return self.others.get(language) or self.others.get(language.partition("-")[0]) or self.default

    def __str__(self) -> str:
        return self.spoken(get_language())

    def __bool__(self) -> bool:
        return bool(self.default)


@dataclass(frozen=True, slots=True)
class OptionDefinition:
    """One answer to choose: `code` is stored, `name` is shown."""

    uid: str
    code: str
    name: Words


@dataclass(frozen=True, slots=True)
class ElementDefinition:
    """One question as one stage asks it."""

    uid: str
    key: str
    code: str
    name: Words
    label: Words
    description: Words
    value_type: ValueType
    options: tuple[OptionDefinition, ...] = ()
    option_set: str = ""
    option_source: str = ""
    unit: str = ""
    merge_rule: MergeRule = "latest"
    compulsory: bool = False
    allow_future_date: bool = False
    display_in_list: bool = False

    def option(self, code: str) -> OptionDefinition | None:
        return next((option for option in self.options if option.code == code), None)


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """A question about the person, asked at enrollment. A `generated` one is a number that we give."""

    element: ElementDefinition
    unique: bool = False
    generated: bool = False


@dataclass(frozen=True, slots=True)
class SectionDefinition:
    """A titled group of questions. The questions that a package left outside every section come last,
    untitled.
    """

    uid: str
    name: Words
    description: Words
    elements: tuple[ElementDefinition, ...]


@dataclass(frozen=True)
class StageDefinition:
    """One form of a program, in order, with its option sets resolved."""

    uid: str
    code: str
    name: Words
    description: Words
    station: str
    sort_order: int
    repeatable: bool
    min_days_from_start: int
    standard_interval_days: int
    from_enrollment_date: bool
    auto_generate: bool
    due_days: tuple[int, ...]
    after: str
    after_days: int
    complete_to_save: bool
    occurred_label: Words
    due_label: Words
    sections: tuple[SectionDefinition, ...]

    @cached_property
    def elements(self) -> tuple[ElementDefinition, ...]:
        return tuple(element for section in self.sections for element in section.elements)

    @cached_property
    def _by_key(self) -> dict[str, ElementDefinition]:
        return {element.key: element for element in self.elements}

    def element(self, key: str) -> ElementDefinition | None:
        """The question whose answer is kept under this key."""
        return self._by_key.get(key)


def entry_form(elements: tuple[ElementDefinition, ...]) -> StageDefinition:
    """Questions about the person as a form: what a stage is, without being one of the program's."""
    none = Words("")
    return StageDefinition(
        uid="",
        code="",
        name=none,
        description=none,
        station="",
        sort_order=0,
        repeatable=False,
        min_days_from_start=0,
        standard_interval_days=0,
        from_enrollment_date=False,
        auto_generate=False,
        due_days=(),
        after="",
        after_days=0,
        complete_to_save=True,
        occurred_label=none,
        due_label=none,
        sections=(SectionDefinition("", none, none, elements),) if elements else (),
    )


@dataclass(frozen=True)
class ProgramDefinition:
    """One version of a program, resolved."""

    uid: str
    code: str
    name: Words
    description: Words
    registration: bool
    enrollment_label: Words
    incident_label: Words
    incident: str
    categories: tuple[str, ...]
    on_request: bool
    until_age: int
    places: tuple[str, ...]
    stages: tuple[StageDefinition, ...]
    attributes: tuple[AttributeDefinition, ...]
    rules: tuple[RulePart, ...]
    variables: tuple[dict[str, Any], ...]
    kept: Mapping[str, tuple[dict[str, Any], ...]]

    def stage(self, name: str) -> StageDefinition | None:
        """A stage by its uid, else by its code."""
        return next((stage for stage in self.stages if stage.uid == name), None) or next(
            (stage for stage in self.stages if name and stage.code == name), None
        )

    @cached_property
    def _by_key(self) -> dict[str, ElementDefinition]:
        return {element.key: element for stage in self.stages for element in stage.elements}

    def element(self, key: str) -> ElementDefinition | None:
        """The question whose answer is kept under this key, in whichever stage asks it."""
        return self._by_key.get(key)

    @cached_property
    def _attributes(self) -> dict[str, AttributeDefinition]:
        return {attribute.element.key: attribute for attribute in self.attributes}

    def attribute(self, key: str) -> AttributeDefinition | None:
        """The question about the person whose answer is kept under this key."""
        return self._attributes.get(key)


def _words(text: str, translations: Translations, name: str) -> Words:
    others = {language: texts[name] for language, texts in translations.items() if texts.get(name)}
    return Words(text, MappingProxyType(others)) if others else Words(text)


def _label(part: DataElementPart | AttributePart) -> Words:
    """The short wording for a form, where there is one; in each language on its own."""
    name = _words(part.name, part.translations, "name")
    if not part.form_name:
        return name
    form_name = _words(part.form_name, part.translations, "form_name")
    return Words(form_name.default, MappingProxyType({**name.others, **form_name.others}))


def _options(option_set: OptionSetPart | None) -> tuple[OptionDefinition, ...]:
    if option_set is None:
        return ()
    return tuple(
        OptionDefinition(option.uid, option.code, _words(option.name, option.translations, "name"))
        for option in option_set.options
    )


class _Resolver:
    """Looks up what a document's parts name, once per document."""

    def __init__(self, document: ProgramDocument) -> None:
        self.elements = {element.uid: element for element in document.elements}
        self.options = {option_set.uid: _options(option_set) for option_set in document.option_sets}

    def element(
        self,
        part: DataElementPart | AttributePart,
        asked: StageElementPart | AttributePart,
    ) -> ElementDefinition:
        return ElementDefinition(
            uid=part.uid,
            key=part.key or part.uid,
            code=part.code,
            name=_words(part.name, part.translations, "name"),
            label=_label(part),
            description=_words(part.description, part.translations, "description"),
            value_type=part.value_type,
            options=self.options.get(part.option_set, ()),
            option_set=part.option_set,
            option_source=part.option_source if isinstance(part, DataElementPart) else "",
            unit=part.unit if isinstance(part, DataElementPart) else "",
            merge_rule=part.merge_rule,
            compulsory=asked.compulsory,
            allow_future_date=asked.allow_future_date,
            display_in_list=asked.display_in_list,
        )

    def sections(self, stage: StagePart) -> Iterator[SectionDefinition]:
        asked = {part.element: self.element(self.elements[part.element], part) for part in stage.elements}
        for section in stage.sections:
            yield _section(section, tuple(asked.pop(uid) for uid in section.elements))
        if asked:
            yield SectionDefinition("", Words(""), Words(""), tuple(asked.values()))

    def stage(self, position: int, stage: StagePart) -> StageDefinition:
        return StageDefinition(
            uid=stage.uid,
            code=stage.code,
            name=_words(stage.name, stage.translations, "name"),
            description=_words(stage.description, stage.translations, "description"),
            station=stage.station,
            sort_order=position,
            repeatable=stage.repeatable,
            min_days_from_start=stage.min_days_from_start,
            standard_interval_days=stage.standard_interval_days,
            from_enrollment_date=stage.from_enrollment_date,
            auto_generate=stage.auto_generate,
            due_days=stage.due_days,
            after=stage.after,
            after_days=stage.after_days,
            complete_to_save=stage.complete_to_save,
            occurred_label=_words(stage.occurred_label, stage.translations, "occurred_label"),
            due_label=_words(stage.due_label, stage.translations, "due_label"),
            sections=tuple(self.sections(stage)),
        )


def _section(part: SectionPart, elements: tuple[ElementDefinition, ...]) -> SectionDefinition:
    return SectionDefinition(
        uid=part.uid,
        name=_words(part.name, part.translations, "name"),
        description=_words(part.description, part.translations, "description"),
        elements=elements,
    )


def resolve(document: ProgramDocument) -> ProgramDefinition:
    """The definition of an acceptable document (`policy.check_document` has passed)."""
    resolver = _Resolver(document)
    return ProgramDefinition(
        uid=document.uid,
        code=document.code,
        name=_words(document.name, document.translations, "name"),
        description=_words(document.description, document.translations, "description"),
        registration=document.registration,
        enrollment_label=_words(document.enrollment_label, document.translations, "enrollment_label"),
        incident_label=_words(document.incident_label, document.translations, "incident_label"),
        incident=document.incident,
        until_age=document.until_age,
        categories=document.categories,
        on_request=document.on_request,
        places=document.places,
        stages=tuple(resolver.stage(position, stage) for position, stage in enumerate(document.stages)),
        attributes=tuple(
            AttributeDefinition(resolver.element(part, part), part.unique, part.generated)
            for part in document.attributes
        ),
        rules=document.rules,
        variables=document.variables,
        kept=MappingProxyType(document.kept),
    )
