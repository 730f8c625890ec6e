"""An age or what is known of a date becomes a date and whether it is an estimate; what cannot be is said in a
sentence.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.people.birth import birth_date_from_age, birth_of, date_from_parts, number_in
from registry.people.digits import western
from registry.refusals import Refused

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("typed", ["1990", "١٩٩٠", "۱۹۹۰", "१९९०", " 1990 "])
def test_digits_of_every_script(typed: str) -> None:
    assert number_in(typed, "birth_date", "?") == 1990


@pytest.mark.parametrize("typed", ["", "  "])
def test_nothing_is_no_number(typed: str) -> None:
    assert number_in(typed, "birth_date", "?") is None


@pytest.mark.parametrize("typed", ["x", "-1", "1.5", "²", "1234567"])
def test_what_is_no_number(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        number_in(typed, "birth_date", "a sentence")
    assert refused.value.fields == {"birth_date": "a sentence"}


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ((17, 5, 1990), (date(1990, 5, 17), False)),
        ((29, 2, 2024), (date(2024, 2, 29), False)),
        ((None, 5, 1990), (date(1990, 5, 15), True)),
        ((None, None, 1990), (date(1990, 7, 1), True)),
    ],
)
def test_what_is_known_of_a_date(parts: tuple[int | None, int | None, int], kept: tuple[date, bool]) -> None:
    assert date_from_parts(*parts) == kept


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((29, 2, 2023), "no-such-day"),
        ((31, 4, 1990), "no-such-day"),
        ((0, 4, 1990), "no-such-day"),
        ((1, 13, 1990), "no-such-month"),
        ((1, 1, 90), "year-short"),
        ((1, 1, None), "year-missing"),
        ((1, None, 1990), "month-missing"),
    ],
)
def test_dates_that_are_none(parts: tuple[int | None, int | None, int | None], code: str) -> None:
    with pytest.raises(Refused) as refused:
        date_from_parts(*parts)
    assert refused.value.code == code
    assert "birth_date" in refused.value.fields


@given(st.integers(0, 36), st.dates(date(2000, 1, 1), date(2090, 12, 31)))
def test_an_age_in_months_is_true_on_its_day(months: int, today: date) -> None:
    born = birth_date_from_age(months, today, "months")
    lived = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    assert born <= today
    assert abs(lived - months) <= (1 if today.day > 28 else 0)


def test_an_age_in_days_is_exact() -> None:
    assert birth_of(None, 5, False, TODAY, "days") == (TODAY - timedelta(days=5), False)
    assert birth_of(None, 5, False, TODAY, "months")[1]


def test_this_year_is_not_the_future() -> None:
    assert birth_of(date(2026, 7, 1), None, True, date(2026, 3, 1)) == (date(2026, 3, 1), True)
    with pytest.raises(Refused):
        birth_of(date(2026, 7, 1), None, False, date(2026, 3, 1))


@pytest.mark.parametrize(("age", "unit"), [(190, "years"), (2000, "months"), (50_000, "days"), (-1, "years")])
def test_nobody_is_that_old(age: int, unit: str) -> None:
    with pytest.raises(Refused) as refused:
        birth_date_from_age(age, TODAY, unit)  # type: ignore[arg-type]  # parametrised words
    assert refused.value.fields["age_years"] == "An age lies between 0 and 130 years."


@given(st.text(max_size=50))
def test_only_digits_change(text: str) -> None:
    assert len(western(text)) == len(text)
    assert western(western(text)) == western(text)
