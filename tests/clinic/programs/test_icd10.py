"""Finding a diagnosis by code or words, in five languages, with typing errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinic.programs import icd10


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("j06.9", "J06.9"),
        ("J 06.9", "J06.9"),
        ("j069", "J06.9"),
        ("hypertension", "I10"),
        ("hypertention", "I10"),
        ("hipertensión", "I10"),
        ("HIPERTENSION", "I10"),
        ("alta presion", "I10"),
        ("tension élevée", "I10"),
        ("उच्च रक्तचाप", "I10"),
        ("ارتفاع ضغط الدم", "I10"),
        ("diabetes type 2", "E11.9"),
        ("2 diabetes", "E11.9"),
        ("asthama", "J45.9"),
        ("paludisme", "B54"),
        ("pneumonia child", "J18.9"),
    ],
)
def test_the_likeliest_code_is_first(query: str, code: str) -> None:
    assert icd10.find(query)[0].code == code


@pytest.mark.parametrize("query", ["", "  ", "qqqqqqqq", "💉", "(((", "%"])
def test_nothing_is_found_where_nothing_is_meant(query: str) -> None:
    assert icd10.find(query) == []


def test_a_code_is_shown_in_the_readers_language_where_we_have_it() -> None:
    assert icd10.label_of("I10", "fr") == "I10 – Hypertension, tension élevée"
    assert icd10.label_of("I10", "pt-br").startswith("I10 – Essential")
    assert icd10.label_of("A00.0", "ar") == icd10.label_of("A00.0", "en")
    assert icd10.label_of("X99.99") == "X99.99"


def test_the_code_in_a_line_of_text() -> None:
    assert icd10.code_in("I10 – Presión alta") == "I10"
    assert icd10.code_in("  j06,9 ") == "J06.9"
    assert icd10.code_in("Q99.7") is None
    assert icd10.code_in("cough") is None


def test_our_own_words_are_complete_and_name_codes_that_exist() -> None:
    written = json.loads(Path(icd10.__file__).with_name("icd10_words.json").read_text())
    assert [code for code in written if not icd10.is_code(code)] == []
    assert all(len(words) == len(icd10.LANGUAGES) and all(words) for words in written.values())
