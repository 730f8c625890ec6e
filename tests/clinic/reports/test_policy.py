"""Days that make sense, ages, who may look, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clinic.reports.policy import (
    LONGEST,
    AgeGroup,
    Period,
    Sex,
    Span,
    age_group,
    can_see_reports,
    check_see_reports,
    check_span,
    is_believed,
    is_believed_score,
    safe_cell,
    span_of,
)
from registry.refusals import Refused
from registry.staff.policy import Authority, Role

FRIDAY = date(2026, 11, 20)


def test_the_usual_periods() -> None:
    assert span_of(Period.TODAY, FRIDAY) == Span(FRIDAY, FRIDAY)
    assert span_of(Period.WEEK, FRIDAY) == Span(date(2026, 11, 16), FRIDAY)
    assert span_of(Period.MONTH, FRIDAY) == Span(date(2026, 11, 1), FRIDAY)
    assert span_of(Period.LAST_MONTH, FRIDAY) == Span(date(2026, 10, 1), date(2026, 10, 31))
    assert span_of(Period.LAST_MONTH, date(2026, 1, 31)) == Span(date(2025, 12, 1), date(2025, 12, 31))


@given(some.dates(date(1901, 1, 1), date(2190, 1, 1)))
def test_no_usual_period_is_refused_or_ends_in_the_future(today: date) -> None:
    for period in set(Period) - {Period.OWN}:
        span = span_of(period, today)
        check_span(span)
        assert span.last <= today


@pytest.mark.parametrize(
    ("first", "last", "code", "field"),
    [
        (FRIDAY, FRIDAY - timedelta(days=1), "wrong-way-round", "to"),
        (FRIDAY - LONGEST - timedelta(days=1), FRIDAY, "too-long", "to"),
        (date(1, 1, 1), FRIDAY, "year-out-of-range", "from"),
        (FRIDAY, date(9999, 12, 31), "year-out-of-range", "to"),
    ],
)
def test_days_that_make_no_sense_are_refused(first: date, last: date, code: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        check_span(Span(first, last))
    assert refused.value.code == code
    assert list(refused.value.fields) == [field]


def test_the_longest_span_is_allowed() -> None:
    check_span(Span(FRIDAY - LONGEST, FRIDAY))


@pytest.mark.parametrize(
    ("years", "group"),
    [
        (None, AgeGroup.UNKNOWN),
        (0, AgeGroup.INFANT),
        (1, AgeGroup.CHILD),
        (4, AgeGroup.CHILD),
        (5, AgeGroup.SCHOOL),
        (14, AgeGroup.SCHOOL),
        (15, AgeGroup.YOUNG),
        (24, AgeGroup.YOUNG),
        (25, AgeGroup.ADULT),
        (49, AgeGroup.ADULT),
        (50, AgeGroup.OLDER),
        (120, AgeGroup.OLDER),
    ],
)
def test_age_groups_meet_without_a_gap(years: int | None, group: AgeGroup) -> None:
    assert age_group(years) is group


def test_a_sex_that_this_version_does_not_know_is_not_known() -> None:
    assert [Sex.of(text) for text in ("female", "male", "other", "unknown", "new-word", "")] == [
        *(Sex.FEMALE, Sex.MALE, Sex.OTHER, Sex.UNKNOWN, Sex.UNKNOWN, Sex.UNKNOWN)
    ]


def test_who_sees_reports() -> None:
    here, there = uuid4(), uuid4()
    for role in Role:
        who = Authority(None, grants=frozenset({(role, here)}))
        expected = role in {Role.PROVIDER, Role.COORDINATOR, Role.CENTRAL_ADMIN}
        assert can_see_reports(who, [here]) is can_see_reports(who) is expected
        assert not can_see_reports(who, [there])
    with pytest.raises(Refused, match="not-allowed"):
        check_see_reports(Authority(None, grants=frozenset({(Role.REGISTRAR, here)})))
    assert not can_see_reports(Authority(None, active=False, grants=frozenset({(Role.COORDINATOR, here)})))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+507 6000",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\u202e=1",
        "＝1",
        "＠x",
        "\tplain",
        " \rplain",
    ],
)
def test_a_formula_is_only_a_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["José", "", "12.4 kg", "–", "a=b", "1–4", "محمد", "'quoted"])
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


def test_numbers_stay_numbers() -> None:
    assert [safe_cell(value) for value in (-3, 0, 2.5, None)] == ["-3", "0", "2.5", ""]


@given(some.text(max_size=40))
def test_no_text_reaches_a_spreadsheet_as_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert cell in (text, f"'{text}")
    assert not cell.lstrip(" \u00a0\u200b\ufeff").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    out = io.StringIO(newline="")
    csv.writer(out).writerow([cell, "next"])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [cell, "next"]


def test_what_nobody_measures_is_not_believed() -> None:
    assert is_believed("weight", "kg", 12.4)
    assert not is_believed("weight", "kg", 1240)
    assert not is_believed("bp_systolic", "mmHg", 12)
    assert is_believed("glucose", "mg/dL", 180)
    assert not is_believed("glucose", "mmol/L", 180)
    assert is_believed("haemoglobin", "g/dL", 1e9), "of what we know nothing, everything is drawn"
    assert is_believed_score("height", -6)
    assert not is_believed_score("weight", 5.01)
