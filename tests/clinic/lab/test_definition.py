"""What a result means for a person; what people may type."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.lab.definition import (
    Flag,
    LabDefinition,
    NotTests,
    Range,
    in_language,
    judge,
    range_for,
    read_definition,
    read_tests,
    reference_text,
    written,
)
from clinic.lab.examples import shipped
from clinic.lab.values import clean_result
from registry.refusals import Refused

HB = next(test for test in shipped() if test.code == "hb")
MALARIA = next(test for test in shipped() if test.code == "malaria-rdt")
STOOL = next(test for test in shipped() if test.code == "stool-microscopy")


@pytest.mark.parametrize(
    ("value", "sex", "age", "flag"),
    [
        ("12", "female", 30, Flag.NORMAL),
        ("11.9", "female", 30, Flag.LOW),
        ("12.9", "male", 30, Flag.LOW),
        ("10.4", "male", 1, Flag.LOW),
        ("10.5", "male", 1, Flag.NORMAL),
        ("6.9", "female", 4, Flag.CRITICAL),
        ("7", "female", 4, Flag.LOW),
        ("9", "female", 0.2, Flag.NONE),  # no range for newborns: nothing is said
        ("9", "unknown", 30, Flag.NONE),  # the adult ranges are by sex
        ("9", "female", None, Flag.NONE),  # nor without an age
    ],
)
def test_haemoglobin_is_judged_by_sex_and_age(value: str, sex: str, age: float | None, flag: Flag) -> None:
    assert judge(HB, value, sex=sex, age=age) is flag


def test_a_choice_is_judged_by_itself() -> None:
    assert judge(MALARIA, "negative", sex="female", age=3) is Flag.NORMAL
    assert judge(MALARIA, "pf", sex="unknown", age=None) is Flag.CRITICAL
    assert judge(MALARIA, "gone", sex="male", age=3) is Flag.NONE
    assert judge(STOOL, "anything", sex="male", age=3) is Flag.NONE


def test_the_range_of_ones_own_sex_comes_first() -> None:
    ranges = [Range(low="1"), Range(sex="female", low="2")]
    assert range_for(ranges, "female", 30) == ranges[1]
    assert range_for(ranges, "male", 30) == ranges[0]
    assert range_for(ranges, "male", None) == ranges[0]


@pytest.mark.parametrize(
    ("given_range", "text"),
    [
        (Range(low="3.9", high="6"), "3.9–6"),
        (Range(low="12"), "≥ 12"),
        (Range(high="5"), "≤ 5"),
        (Range(critical_high="9"), ""),
    ],
)
def test_a_range_is_printed_as_people_write_it(given_range: Range, text: str) -> None:
    test = LabDefinition(code="x", name="X", kind="number", ranges=(given_range,))
    assert reference_text(test, sex="male", age=40) == text
    assert reference_text(HB, sex="male", age=None) == ""


@given(
    value=st.decimals(0, 100, places=2),
    bounds=st.lists(st.integers(0, 100), min_size=4, max_size=4).map(sorted),
)
def test_flags_follow_the_bounds(value: Decimal, bounds: list[int]) -> None:
    critical_low, low, high, critical_high = bounds
    one = Range(
        low=str(low), high=str(high), critical_low=str(critical_low), critical_high=str(critical_high)
    )
    flag = judge(
        LabDefinition(code="x", name="X", kind="number", ranges=(one,)), str(value), sex="", age=None
    )
    if value < critical_low or value > critical_high:
        assert flag is Flag.CRITICAL
    elif value < low:
        assert flag is Flag.LOW
    elif value > high:
        assert flag is Flag.HIGH
    else:
        assert flag is Flag.NORMAL


def test_every_shipped_test_survives_its_stored_form_and_speaks_five_languages() -> None:
    tests = shipped()
    assert len({test.code for test in tests}) == len(tests) >= 20
    for test in tests:
        assert read_definition(written(test)) == test
        assert set(test.translations) == {"es", "fr", "hi", "ar"}, test.code
        assert (test.kind == "choice") == bool(test.choices), test.code
        for one in test.ranges:
            bounds = [one.critical_low, one.low, one.high, one.critical_high]
            said = [Decimal(bound) for bound in bounds if bound]
            assert said == sorted(said), test.code


def test_a_name_falls_back_to_how_it_was_written() -> None:
    assert in_language("Urine", {"es": "Orina"}, "es-mx") == "Orina"
    assert in_language("Urine", {"es": "Orina"}, "fr") == "Urine"
    assert in_language("Urine", {}, None) == "Urine"


@pytest.mark.parametrize(
    "text", ["", "{}", '[{"code": "x"}]', '[{"code":"x","name":"X","kind":"smell"}]', "\xff"]
)
def test_what_is_no_list_of_tests_is_refused(text: str) -> None:
    with pytest.raises(NotTests):
        read_tests(text)


@pytest.mark.parametrize(
    ("test", "typed", "stored"),
    [
        (HB, " 12,5 ", "12.5"),
        (HB, "١٢٫٥", "12.5"),
        (HB, "012.50", "12.5"),
        (MALARIA, "pf", "pf"),
        (STOOL, " ova of\nAscaris ", "ova of\nAscaris"),
    ],
)
def test_what_people_type_has_one_stored_form(test: LabDefinition, typed: str, stored: str) -> None:
    assert clean_result(test, typed) == stored


@pytest.mark.parametrize(
    ("test", "typed", "code"),
    [
        (HB, "", "missing"),
        (HB, "high", "not-a-number"),
        (HB, "-3", "below-zero"),
        (MALARIA, "yes", "not-an-option"),
        (STOOL, "x" * 1001, "too-long"),
    ],
)
def test_what_cannot_be_a_result_is_refused(test: LabDefinition, typed: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        clean_result(test, typed)
    assert refused.value.code == code
    assert "value" in refused.value.fields


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_number(typed: str) -> None:
    try:
        stored = clean_result(HB, typed)
    except Refused:
        return
    assert clean_result(HB, stored) == stored
    judge(HB, stored, sex="male", age=40)
