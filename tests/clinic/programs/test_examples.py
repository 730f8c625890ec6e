"""Our own programs: complete in five languages, and every kind of field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clinic.programs import examples
from clinic.programs.definition import ProgramDefinition, resolve
from clinic.programs.document import ValueType, canonical
from clinic.programs.policy import check_document, with_keys

LANGUAGES = ("es", "fr", "hi", "ar")
SAME_WORD = {("Plan", "es"), ("Convulsions", "fr")}


def definition(name: str) -> ProgramDefinition:
    return resolve(with_keys(examples.example(name)))


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_may_be_published(name: str) -> None:
    check_document(examples.example(name))


@pytest.mark.parametrize("name", examples.NAMES)
def test_nothing_in_the_file_is_misspelt(name: str) -> None:
    written = (Path(examples.__file__).parent / f"{name}.json").read_text()
    kept = json.loads(canonical(examples.example(name)))
    assert kept | {"posta_program": 1} == json.loads(written)


def test_there_is_no_other_example() -> None:
    with pytest.raises(KeyError):
        examples.example("../examples/outpatient")


def texts(part: Any) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    if isinstance(part, dict):
        if (
            "uid" in part
            and "name" in part
            and "_answers_" not in str(part["uid"])
            and "condition" not in part
        ):
            yield part["name"], part.get("translations", {})
        for inner in part.values():
            yield from texts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from texts(inner)


@pytest.mark.parametrize("name", examples.SHIPPED)
def test_a_shipped_program_is_complete_in_every_language(name: str) -> None:
    named = list(texts(json.loads(canonical(examples.example(name)))))
    lacking = [
        (said, language)
        for said, translations in named
        for language in LANGUAGES
        if not translations.get(language, {}).get("name") and (said, language) not in SAME_WORD
    ]
    assert len(named) > 20
    assert lacking == []


def test_the_outpatient_day_is_triage_consultation_pharmacy() -> None:
    stages = definition("outpatient").stages
    assert [(stage.code, stage.station) for stage in stages] == [
        ("triage", "triage"),
        ("consultation", "provider"),
        ("pharmacy", "pharmacy"),
    ]


@pytest.mark.parametrize("key", ["weight", "diagnosis", "diagnosis_code", "medicines", "pregnant", "outcome"])
def test_what_decides_about_a_person_is_asked(key: str) -> None:
    element = definition("outpatient").element(key)
    assert element is not None and element.merge_rule == "ask"


@pytest.mark.parametrize("key", ["complaint", "history", "dispensing_notes", "referred_to"])
def test_words_show_the_latest(key: str) -> None:
    element = definition("outpatient").element(key)
    assert element is not None and element.merge_rule == "latest"


def test_field_kinds_has_all_27() -> None:
    stage = definition("field_kinds").stage("all")
    assert stage is not None
    assert {element.value_type for element in stage.elements} == set(ValueType)
    assert len(ValueType) == 27
