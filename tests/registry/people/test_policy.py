"""What may be said of a person: names in any script, dates that can be, and nothing that turns a page
around.
"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.people import policy
from registry.people.birth import birth_date_from_age, birth_of
from registry.refusals import Refused

TODAY = date(2026, 11, 20)
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  José   Luis ", "José Luis"),
        ("Jose\u0301", "José"),
        ("Ana\tMaría\n", "Ana María"),
        ("\u200fAna\u200e", "Ana"),
        ("\u2066Ana\u2069", "Ana"),
        ("می\u200cنا", "می\u200cنا"),
        ("क्‍ष", "क्‍ष"),
        ("🙂", "🙂"),
        ("\x07Bell", "Bell"),
        ("", ""),
    ],
)
def test_names_are_kept_as_people_write_them(typed: str, kept: str) -> None:
    assert policy.clean_name(typed, "given_name") == kept


@given(st.text(max_size=100))
def test_a_cleaned_name_is_clean(text: str) -> None:
    try:
        cleaned = policy.clean_name(text, "given_name")
    except Refused as refused:
        assert refused.code in {"nul-character", "broken-text", "too-long"}
    else:
        assert policy.clean_name(cleaned, "given_name") == cleaned
        assert not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" or c < " " for c in cleaned)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0b", "nul-character"),
        ("x" * 101, "too-long"),
        ("x" * 100_000, "too-long"),
        ("a\ud800", "broken-text"),
    ],
)
def test_names_that_cannot_be_kept(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        policy.clean_name(text, "family_name")
    assert (refused.value.code, list(refused.value.fields)) == (code, ["family_name"])


@pytest.mark.parametrize(("given_name", "family"), [("", ""), ("...", "-"), ("", "123")])
def test_a_person_has_a_name(given_name: str, family: str) -> None:
    with pytest.raises(Refused, match="name-missing"):
        policy.check_named(given_name, family)


@pytest.mark.parametrize(("given_name", "family"), [("Sukarno", ""), ("", "王"), ("ሰላም", "")])
def test_one_name_is_enough(given_name: str, family: str) -> None:
    policy.check_named(given_name, family)


@given(st.integers(0, 130), days)
def test_an_age_stays_true_on_the_day_it_was_said(age: int, today: date) -> None:
    birth = birth_date_from_age(age, today)
    assert (birth.month, birth.day) == (7, 1)
    assert policy.age_in_years(birth, today) == age
    policy.check_birth_date(birth, today)


@pytest.mark.parametrize(
    ("age", "today", "birth"),
    [
        (34, date(2026, 11, 20), date(1992, 7, 1)),
        (34, date(2026, 3, 1), date(1991, 7, 1)),
        (34, date(2026, 7, 1), date(1992, 7, 1)),
        (34, date(2026, 6, 30), date(1991, 7, 1)),
        (0, date(2026, 11, 20), date(2026, 7, 1)),
        (0, date(2026, 2, 1), date(2025, 7, 1)),
        (130, date(2026, 11, 20), date(1896, 7, 1)),
    ],
)
def test_the_rule_for_ages(age: int, today: date, birth: date) -> None:
    assert birth_date_from_age(age, today) == birth


@pytest.mark.parametrize("age", [-1, 131, 1990])
def test_ages_nobody_has(age: int) -> None:
    with pytest.raises(Refused, match="age-out-of-range"):
        birth_date_from_age(age, TODAY)


@pytest.mark.parametrize(
    ("birth", "code"),
    [
        (date(2026, 11, 21), "birth-date-in-future"),
        (date(1895, 11, 20), "age-out-of-range"),
        (date(1, 1, 1), "age-out-of-range"),
    ],
)
def test_birth_dates_nobody_has(birth: date, code: str) -> None:
    with pytest.raises(Refused, match=code):
        policy.check_birth_date(birth, TODAY)


def test_birthdays() -> None:
    assert policy.age_in_years(date(2000, 11, 20), TODAY) == 26
    assert policy.age_in_years(date(2000, 11, 21), TODAY) == 25
    assert policy.age_in_years(date(2004, 2, 29), date(2027, 2, 28)) == 22
    assert policy.age_in_years(TODAY, TODAY) == 0


def test_a_date_wins_over_an_age() -> None:
    assert birth_of(date(1990, 5, 17), 80, False, TODAY) == (date(1990, 5, 17), False)
    assert birth_of(date(1990, 5, 17), None, True, TODAY) == (date(1990, 5, 17), True)
    assert birth_of(None, 3, False, TODAY) == (date(2023, 7, 1), True)
    with pytest.raises(Refused, match="birth-date-missing"):
        birth_of(None, None, False, TODAY)


@pytest.mark.parametrize(
    "phone", ["6612-3456", "+507 6612 3456", "(507) 66123456", "6612-3456 / 777-1234", ""]
)
def test_phones_as_people_write_them(phone: str) -> None:
    assert policy.clean_phone(f" {phone} ") == phone


@pytest.mark.parametrize("phone", ["٦٦١٢-٣٤٥٦", "६६१२-३४५६", "۶۶۱۲-۳۴۵۶"])
def test_phones_are_kept_in_digits_that_every_telephone_has(phone: str) -> None:
    assert policy.clean_phone(phone) == "6612-3456"


@pytest.mark.parametrize("name", ["\u202egnip", "Ana \u202dlive\u202c"])
def test_a_name_that_shows_other_letters_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="turned-text"):
        policy.clean_name(name, "given_name")


@pytest.mark.parametrize("phone", ["none", "call Ana", "---", "66<script>"])
def test_what_is_no_phone(phone: str) -> None:
    with pytest.raises(Refused, match="not-a-phone"):
        policy.clean_phone(phone)


@pytest.mark.parametrize(
    ("pair", "kept"),
    [
        (("Passport", " PA 0123 "), ("passport", "PA 0123")),
        (("urn:oid:2.16.840", "x"), ("urn:oid:2.16.840", "x")),
        (("posta:number", "k7 204581 5"), ("posta:number", "K7-204581-5")),
    ],
)
def test_identifiers_are_kept_in_one_way(pair: tuple[str, str], kept: tuple[str, str]) -> None:
    assert policy.clean_pair(*pair) == kept


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("pass port", "1"), "unknown-system"),
        (("", "1"), "unknown-system"),
        (("passport", "  "), "identifier-missing"),
        (("passport", "1\0"), "nul-character"),
        (("posta:number", "K7-204581-4"), "wrong-check-digit"),
        (("posta:number", "hello"), "not-a-number"),
        (("posta:provisional", "K7-204581-5"), "not-a-number"),
    ],
)
def test_identifiers_that_are_refused(pair: tuple[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        policy.clean_pair(*pair)


def test_sexes() -> None:
    for sex in ("female", "male", "other", "unknown"):
        policy.check_sex(sex)
    with pytest.raises(Refused, match="unknown-code"):
        policy.check_sex("F")
