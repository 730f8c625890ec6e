"""Which documents may be published, and the key that each answer keeps for ever."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from clinic.programs.document import ProgramDocument, SectionPart, StageElementPart, ValueType
from clinic.programs.policy import (
    MAX_ELEMENTS,
    BadDefinition,
    check_document,
    default_rule,
    with_keys,
)
from tests.clinic.programs.samples import (
    ANSWERS,
    CHILD,
    FOLLOW_UP,
    GROWTH,
    NOTE,
    STATUS,
    WEIGHT,
    with_element,
    with_stage,
)


def changed(**changes: Any) -> ProgramDocument:
    return msgspec.structs.replace(CHILD, **changes)


TOO_MANY = tuple(msgspec.structs.replace(NOTE, uid=f"e{number}") for number in range(MAX_ELEMENTS + 1))
NO_CODE = msgspec.structs.replace(ANSWERS.options[0], code="")
COMMA = msgspec.structs.replace(ANSWERS.options[0], code="A,B")
BAD: dict[str, tuple[ProgramDocument, str, str]] = {
    "another format": (changed(posta_program=2), "unknown-format", "format 2"),
    "no name": (changed(name=""), "no-name", "230"),
    "long name": (changed(name="x" * 231), "no-name", "230"),
    "long code": (changed(code="x" * 101), "no-name", "230"),
    "id with a slash": (changed(uid="a/b"), "bad-id", "a/b"),
    "element without id": (with_element(CHILD, "note0", uid=""), "bad-id", "''"),
    "element twice": (changed(elements=(WEIGHT, STATUS, NOTE, NOTE)), "repeated-id", "note0"),
    "stage twice": (changed(stages=(GROWTH, GROWTH)), "repeated-id", "growth0"),
    "option set twice": (changed(option_sets=(ANSWERS, ANSWERS)), "repeated-id", "set0"),
    "option twice": (
        changed(option_sets=(msgspec.structs.replace(ANSWERS, options=ANSWERS.options * 2),)),
        "repeated-code",
        "GOOD",
    ),
    "option without code": (
        changed(option_sets=(msgspec.structs.replace(ANSWERS, options=(NO_CODE,)),)),
        "repeated-code",
        "Status",
    ),
    "no stages": (changed(stages=()), "no-stages", "Child health"),
    "unknown option set": (changed(option_sets=()), "missing-reference", "set0"),
    "unknown element": (changed(elements=(WEIGHT, STATUS)), "missing-reference", "note0"),
    "section with a stranger": (
        with_stage(CHILD, "follow0", sections=(SectionPart(uid="s", name="S", elements=("note0",)),)),
        "missing-reference",
        "note0",
    ),
    "asked twice": (
        with_stage(CHILD, "follow0", elements=(StageElementPart(element="note0"),) * 2),
        "repeated-question",
        "note0",
    ),
    "in two sections": (
        with_stage(CHILD, "growth0", sections=GROWTH.sections * 2),
        "repeated-question",
        "status0",
    ),
    "several answers of nothing": (
        with_element(CHILD, "note0", value_type=ValueType.MULTI_TEXT),
        "no-options",
        "Note",
    ),
    "several answers with a comma": (
        msgspec.structs.replace(
            with_element(CHILD, "status0", value_type=ValueType.MULTI_TEXT),
            option_sets=(msgspec.structs.replace(ANSWERS, options=(COMMA,)),),
        ),
        "no-options",
        "Status",
    ),
    "a NUL": (with_element(CHILD, "note0", name="a\0b"), "nul-character", "Child health"),
    "a NUL after a backslash": (with_element(CHILD, "note0", name="a\\\0b"), "nul-character", "Child health"),
    "too many elements": (changed(elements=TOO_MANY), "too-large", "5000"),
    "too many bytes": (changed(description="x" * 8_000_001), "too-large", "8 MB"),
}


def test_the_sample_may_be_published() -> None:
    check_document(CHILD)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_document_is_refused_in_a_sentence(case: str) -> None:
    document, code, said = BAD[case]
    with pytest.raises(BadDefinition) as refused:
        check_document(document)
    assert refused.value.code == code
    assert said in str(refused.value)


def test_a_written_backslash_and_zeros_are_no_nul() -> None:
    check_document(with_element(CHILD, "note0", name="\\u0000"))


def keys(document: ProgramDocument) -> dict[str, str]:
    return {part.uid: part.key for part in document.elements}


def test_the_key_is_the_code_and_without_one_the_uid() -> None:
    assert keys(with_keys(CHILD)) == {"weight0": "WEIGHT", "status0": "STATUS", "note0": "note0"}


@pytest.mark.parametrize("code", ["VPD 1", "A.B", "1A", "A-B", "é", "x" * 61])
def test_a_code_that_makes_no_name_for_a_field_is_not_a_key(code: str) -> None:
    assert keys(with_keys(with_element(CHILD, "weight0", code=code)))["weight0"] == "weight0"


def test_two_questions_with_one_code_have_two_keys() -> None:
    same = with_element(CHILD, "status0", code="WEIGHT")
    assert keys(with_keys(same)) == {"weight0": "weight0", "status0": "status0", "note0": "note0"}


def test_a_code_that_is_anothers_uid_is_not_a_key() -> None:
    assert keys(with_keys(with_element(CHILD, "weight0", code="note0")))["weight0"] == "weight0"


def test_a_question_keeps_its_key_when_its_code_changes() -> None:
    first = with_keys(CHILD)
    second = with_keys(with_element(CHILD, "weight0", code="WEIGHT_KG"), [first])
    assert keys(second)["weight0"] == "WEIGHT"


def test_a_key_never_passes_to_another_question() -> None:
    first = with_keys(CHILD)
    without = changed(
        elements=(msgspec.structs.replace(WEIGHT, uid="weight1"), STATUS, NOTE),
        stages=(msgspec.structs.replace(FOLLOW_UP, elements=(StageElementPart(element="weight1"),)),),
    )
    assert keys(with_keys(without, [first]))["weight1"] == "weight1"


@pytest.mark.parametrize(
    ("value_type", "coded", "rule"),
    [
        (ValueType.NUMBER, False, "ask"),
        (ValueType.BOOLEAN, False, "ask"),
        (ValueType.TEXT, True, "ask"),
        (ValueType.TEXT, False, "latest"),
        (ValueType.LONG_TEXT, False, "latest"),
        (ValueType.PHONE_NUMBER, False, "latest"),
    ],
)
def test_measurements_and_choices_ask_and_words_show_the_latest(
    value_type: ValueType, coded: bool, rule: str
) -> None:
    assert default_rule(value_type, coded=coded) == rule
