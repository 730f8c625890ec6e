"""Stored answers in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from clinic.forms.wording import answer_text, answered
from clinic.programs.document import ValueType
from tests.clinic.forms.samples import FEW, options, question, stage

T = ValueType


@pytest.mark.parametrize(
    ("value_type", "stored", "text"),
    [
        (T.TEXT, "fever", "fever"),
        (T.BOOLEAN, "true", "Yes"),
        (T.BOOLEAN, "false", "No"),
        (T.BOOLEAN, "maybe", "maybe"),
        (T.TRUE_ONLY, "true", "Yes"),
        (T.DATE, "2025-11-20", "20 Nov 2025"),
        (T.DATE, "last spring", "last spring"),
        (T.AGE, "1990-01-02", "2 Jan 1990"),
        (T.DATETIME, "2025-11-20T09:05", "20 Nov 2025, 09:05"),
        (T.DATETIME, "soon", "soon"),
        (T.PERCENTAGE, "98", "98 %"),
        (T.COORDINATE, "[-82.24,9.34]", "latitude 9.34, longitude -82.24"),
        (T.IMAGE, "DiszpKrYNg8", "a file"),
        (T.MULTI_TEXT, ["A", "OLD"], "First, OLD"),
        (T.TEXT, "", ""),
        (T.TEXT, None, ""),
        (T.MULTI_TEXT, [], ""),
    ],
)
def test_an_answer_in_words(value_type: ValueType, stored: Any, text: str) -> None:
    assert answer_text(question(value_type), stored) == text


def test_a_number_says_its_unit() -> None:
    assert answer_text(question(T.NUMBER, unit="kg"), "12.4") == "12.4 kg"


def test_an_option_says_its_name() -> None:
    element = question(T.TEXT, options=options(*FEW))
    assert [answer_text(element, code) for code in ("B", "OLD")] == ["Second", "OLD"]


def test_what_the_program_does_not_explain_is_shown_as_it_is_kept() -> None:
    assert answer_text(None, "x") == "x"
    assert answer_text(None, ["x", "y"]) == "x, y"


def test_a_date_is_written_as_the_reader_writes_it() -> None:
    with override("fr"):
        assert answer_text(question(T.DATE), "2025-11-20") == "20 novembre 2025"


def test_a_stages_answers_stand_in_the_forms_order() -> None:
    asked = stage(
        question(T.NUMBER, "weight", unit="kg"), question(T.TEXT, "notes"), question(T.TEXT, "more")
    )
    told = answered(asked, {"more": "b", "weight": "12", "notes": "", "unknown": "x"})
    assert told == [("About weight", "12 kg"), ("About more", "b")]
