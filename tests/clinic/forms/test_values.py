"""Answers and their stored form: what is taken, in which spelling, and what is refused in which sentence."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinic.forms.numbers import ascii_digits, number_text
from clinic.forms.refusals import BadValue
from clinic.forms.values import MAX_BYTES, age_on, birth_date, clean
from clinic.programs.document import ValueType
from tests.clinic.forms.samples import TODAY

T = ValueType
POINT = '{"type":"Point","coordinates":[-82.24,9.34]}'

GOOD: list[tuple[ValueType, Any, Any]] = [
    (T.TEXT, "  fever  ", "fever"),
    (T.TEXT, "two\nlines", "two lines"),
    (T.TEXT, "e\u0301", "é"),
    (T.TEXT, 12, "12"),
    (T.LONG_TEXT, "a\r\nb\rc", "a\nb\nc"),
    (T.LONG_TEXT, "x" * MAX_BYTES, "x" * MAX_BYTES),
    (T.LETTER, "é", "é"),
    (T.LETTER, "अ", "अ"),
    (T.PHONE_NUMBER, "+507  612-3456", "+507 612-3456"),
    (T.PHONE_NUMBER, "٠١٢ ٣٤٥", "012 345"),
    (T.EMAIL, "rosa@example.org", "rosa@example.org"),
    (T.BOOLEAN, "true", "true"),
    (T.BOOLEAN, False, "false"),
    (T.TRUE_ONLY, True, "true"),
    (T.TRUE_ONLY, "false", None),
    (T.TRUE_ONLY, False, None),
    (T.DATE, "2025-11-20", "2025-11-20"),
    (T.DATE, "2025-1-2", "2025-01-02"),
    (T.DATE, "२०२५-११-२०", "2025-11-20"),
    (T.DATE, "2024-02-29", "2024-02-29"),
    (T.DATETIME, "2025-11-20 9:05", "2025-11-20T09:05"),
    (T.DATETIME, "2025-11-20T09:05:00.000", "2025-11-20T09:05"),
    (T.DATETIME, "2025-11-20T09:05:07", "2025-11-20T09:05:07"),
    (T.TIME, "7:30", "07:30"),
    (T.TIME, "23:59:00", "23:59"),
    (T.NUMBER, "12.40", "12.4"),
    (T.NUMBER, "12,4", "12.4"),
    (T.NUMBER, "0,125", "0.125"),
    (T.NUMBER, "007", "7"),
    (T.NUMBER, ".5", "0.5"),
    (T.NUMBER, "-0.0", "0"),
    (T.NUMBER, "١٢٫٥", "12.5"),
    (T.NUMBER, "१२.५", "12.5"),
    (T.NUMBER, "−3", "-3"),
    (T.NUMBER, "\u200e5", "5"),
    (T.NUMBER, 12.5, "12.5"),
    (T.NUMBER, 1e-05, "0.00001"),
    (T.NUMBER, Decimal("1.50"), "1.5"),
    (T.UNIT_INTERVAL, "1", "1"),
    (T.UNIT_INTERVAL, "0.25", "0.25"),
    (T.PERCENTAGE, "98%", "98"),
    (T.PERCENTAGE, "٩٨٪", "98"),
    (T.PERCENTAGE, "100", "100"),
    (T.INTEGER, "-12", "-12"),
    (T.INTEGER, "12.0", "12"),
    (T.INTEGER, 2_147_483_647, "2147483647"),
    (T.INTEGER_POSITIVE, "1", "1"),
    (T.INTEGER_NEGATIVE, "-1", "-1"),
    (T.INTEGER_ZERO_OR_POSITIVE, "०", "0"),
    (T.USERNAME, "rosa.m", "rosa.m"),
    (T.COORDINATE, "[ -82.24 , 9.340 ]", "[-82.24,9.34]"),
    (T.COORDINATE, "-82.24,9.34", "[-82.24,9.34]"),
    (T.COORDINATE, [-82.24, 9.34], "[-82.24,9.34]"),
    (T.ORGANISATION_UNIT, "DiszpKrYNg8", "DiszpKrYNg8"),
    (T.REFERENCE, "0198F6A2-0000-7000-8000-00000000000A", "0198f6a2-0000-7000-8000-00000000000a"),
    (T.AGE, "1990-05-05", "1990-05-05"),
    (T.URL, "https://example.org/a?b=c", "https://example.org/a?b=c"),
    (T.GEOJSON, ' {"type": "Point", "coordinates": [-82.24, 9.34]} ', POINT),
    (T.GEOJSON, {"type": "Point", "coordinates": [-82.24, 9.34]}, POINT),
]

BAD: list[tuple[ValueType, Any, str]] = [
    (T.TEXT, "a\0b", "nul-character"),
    (T.TEXT, "a\x07b", "control-character"),
    (T.TEXT, "a\ud800b", "control-character"),
    (T.TEXT, True, "wrong-kind"),
    (T.TEXT, ["a"], "wrong-kind"),
    (T.TEXT, {"a": 1}, "wrong-kind"),
    (T.LONG_TEXT, "x" * (MAX_BYTES + 1), "too-long"),
    (T.LONG_TEXT, "é" * (MAX_BYTES // 2 + 1), "too-long"),
    (T.LETTER, "ab", "not-a-letter"),
    (T.LETTER, "1", "not-a-letter"),
    (T.PHONE_NUMBER, "12", "not-a-phone"),
    (T.PHONE_NUMBER, "call me", "not-a-phone"),
    (T.PHONE_NUMBER, "1" * 16, "not-a-phone"),
    (T.EMAIL, "rosa", "not-an-email"),
    (T.EMAIL, "rosa@example", "not-an-email"),
    (T.EMAIL, "rosa@@example.org", "not-an-email"),
    (T.EMAIL, "a" * 250 + "@b.co", "not-an-email"),
    (T.BOOLEAN, "yes", "not-yes-no"),
    (T.BOOLEAN, 1, "wrong-kind"),
    (T.TRUE_ONLY, "no", "not-true"),
    (T.DATE, "20/11/2025", "not-a-date"),
    (T.DATE, "2025-02-30", "no-such-day"),
    (T.DATE, "2025-13-01", "no-such-day"),
    (T.DATE, "0000-01-01", "no-such-day"),
    (T.DATE, "2025-11-21", "in-the-future"),
    (T.DATE, "1849-12-31", "far-year"),
    (T.DATETIME, "2025-11-20", "not-a-time"),
    (T.DATETIME, "2025-11-20T24:00", "not-a-time"),
    (T.DATETIME, "2025-11-20T09:05Z", "not-a-time"),
    (T.DATETIME, "2025-11-21T00:00", "in-the-future"),
    (T.TIME, "25:00", "not-a-time"),
    (T.TIME, "9.30", "not-a-time"),
    (T.NUMBER, "twelve", "not-a-number"),
    (T.NUMBER, ".", "not-a-number"),
    (T.NUMBER, "-", "not-a-number"),
    (T.NUMBER, "1e5", "not-a-number"),
    (T.NUMBER, "1,234,567", "not-a-number"),
    (T.NUMBER, float("nan"), "not-a-number"),
    (T.NUMBER, float("inf"), "not-a-number"),
    (T.NUMBER, "1,500", "unclear-comma"),
    (T.NUMBER, "1" * 16, "too-many-digits"),
    (T.UNIT_INTERVAL, "1.01", "out-of-range"),
    (T.UNIT_INTERVAL, "-0.1", "out-of-range"),
    (T.UNIT_INTERVAL, "50%", "not-a-number"),
    (T.PERCENTAGE, "101", "out-of-range"),
    (T.PERCENTAGE, "-1", "out-of-range"),
    (T.INTEGER, "1.5", "not-whole"),
    (T.INTEGER, "2147483648", "out-of-range"),
    (T.INTEGER_POSITIVE, "0", "out-of-range"),
    (T.INTEGER_NEGATIVE, "0", "out-of-range"),
    (T.INTEGER_ZERO_OR_POSITIVE, "-1", "out-of-range"),
    (T.USERNAME, "rosa m", "not-a-username"),
    (T.COORDINATE, "9.34", "not-a-coordinate"),
    (T.COORDINATE, "a,b", "not-a-number"),
    (T.COORDINATE, "0,90.1", "latitude-range"),
    (T.COORDINATE, "-180.5,0", "longitude-range"),
    (T.ORGANISATION_UNIT, "../etc", "not-an-id"),
    (T.REFERENCE, "12", "not-an-id"),
    (T.AGE, "2025-11-21", "in-the-future"),
    (T.URL, "example.org", "not-a-url"),
    (T.URL, "javascript:alert(1)", "not-a-url"),
    (T.URL, "https://", "not-a-url"),
    (T.URL, "http://[::1", "not-a-url"),
    (T.URL, "https://example.org/a b", "not-a-url"),
    (T.URL, "https://example.org/" + "a" * 2000, "not-a-url"),
    (T.GEOJSON, "{}", "not-geojson"),
    (T.GEOJSON, "[1, 2]", "not-geojson"),
    (T.GEOJSON, '{"type":"Point"}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[200,0]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[NaN,0]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[Infinity,0]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[0,0,1e999]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Feature","geometry":null,"properties":{"a":NaN}}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[1]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Point","coordinates":[true,0]}', "not-geojson"),
    (T.GEOJSON, '{"type":"Line","coordinates":[]}', "not-geojson"),
    (T.GEOJSON, '{"type":"LineString","coordinates":{}}', "not-geojson"),
    (T.GEOJSON, '{"type":"Feature","geometry":{},"properties":{}}', "not-geojson"),
    (T.GEOJSON, '{"type":"Feature","geometry":null,"properties":1}', "not-geojson"),
    (T.GEOJSON, "[" * 100_000, "not-geojson"),
    (T.GEOJSON, '{"type":"Feature","geometry":null,"properties":{"a":"\\ud800"}}', "control-character"),
    (T.GEOJSON, {"type": {1}}, "wrong-kind"),
    (T.FILE_RESOURCE, "DiszpKrYNg8", "not-a-file"),
    (T.IMAGE, "../../etc/passwd", "not-a-file"),
]


@pytest.mark.parametrize(("value_type", "answer", "stored"), GOOD)
def test_a_good_answer_has_one_spelling(value_type: ValueType, answer: Any, stored: Any) -> None:
    assert clean(value_type, answer, today=TODAY) == stored


@pytest.mark.parametrize(("value_type", "answer", "code"), BAD)
def test_a_bad_answer_is_refused_in_a_sentence(value_type: ValueType, answer: Any, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        clean(value_type, answer, today=TODAY)
    assert refused.value.code == code
    sentence = str(refused.value)
    assert sentence.endswith((".", "…")) and len(sentence.split()) <= 16


@pytest.mark.parametrize("value_type", list(ValueType))
@pytest.mark.parametrize("nothing", [None, "", "  \n "])
def test_nothing_is_no_answer(value_type: ValueType, nothing: Any) -> None:
    assert clean(value_type, nothing, today=TODAY) is None


def test_a_later_day_is_taken_where_the_question_allows_it() -> None:
    assert clean(T.DATE, "2026-01-01", today=TODAY, allow_future=True) == "2026-01-01"
    assert clean(T.DATETIME, "2026-01-01T10:00", today=TODAY, allow_future=True) == "2026-01-01T10:00"


def test_nobody_is_born_tomorrow_even_then() -> None:
    with pytest.raises(BadValue):
        clean(T.AGE, "2026-01-01", today=TODAY, allow_future=True)


def test_a_far_year_is_a_slip_even_then() -> None:
    with pytest.raises(BadValue) as refused:
        clean(T.DATE, "2500-01-01", today=TODAY, allow_future=True)
    assert refused.value.code == "far-year"


@pytest.mark.parametrize("value_type", [T.TEXT, T.INTEGER_ZERO_OR_POSITIVE, T.NUMBER])
def test_an_option_is_taken_by_its_code(value_type: ValueType) -> None:
    assert clean(value_type, "0", today=TODAY, codes=["0", "1"]) == "0"
    with pytest.raises(BadValue) as refused:
        clean(value_type, "2", today=TODAY, codes=["0", "1"])
    assert refused.value.code == "not-an-option"


def test_an_option_code_is_taken_to_the_letter() -> None:
    assert clean(T.TEXT, " A ", today=TODAY, codes=[" A "]) == " A "
    assert clean(T.TEXT, 1, today=TODAY, codes=["1"]) == "1"
    with pytest.raises(BadValue):
        clean(T.TEXT, "a", today=TODAY, codes=["A"])


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        (["C", "A"], ["A", "C"]),
        ("C,A", ["A", "C"]),
        (["A", "A", ""], ["A"]),
        ([], None),
        ("", None),
        (None, None),
    ],
)
def test_several_answers_stand_in_the_lists_order_once(answer: Any, stored: Any) -> None:
    assert clean(T.MULTI_TEXT, answer, today=TODAY, codes=["A", "B", "C"]) == stored


@pytest.mark.parametrize(
    ("answer", "code"), [(["X"], "not-an-option"), ([1], "wrong-kind"), (5, "wrong-kind")]
)
def test_bad_several_answers(answer: Any, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        clean(T.MULTI_TEXT, answer, today=TODAY, codes=["A"])
    assert refused.value.code == code


@pytest.mark.parametrize(
    "shape",
    [
        '{"type":"LineString","coordinates":[[0,0],[1,1,5]]}',
        '{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}',
        '{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}',
        '{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[0,0]}]}',
        '{"type":"Feature","geometry":{"type":"Point","coordinates":[0,0]},"properties":null}',
        '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"a":"é"}}]}',
    ],
)
def test_every_kind_of_shape(shape: str) -> None:
    assert clean(T.GEOJSON, shape, today=TODAY) == shape


@pytest.mark.parametrize(
    ("age", "born"),
    [
        (("34", "", ""), date(1991, 11, 20)),
        (("0", "8", ""), date(2025, 3, 20)),
        (("", "", "10"), date(2025, 11, 10)),
        (("٣", "١", "٢"), date(2022, 10, 18)),
        (("", "9", ""), date(2025, 2, 20)),
    ],
)
def test_an_age_is_a_birth_date(age: tuple[str, str, str], born: date) -> None:
    assert birth_date(*age, today=TODAY) == born.isoformat()


def test_an_age_at_the_end_of_a_longer_month() -> None:
    assert birth_date("", "9", "", today=date(2025, 11, 30)) == "2025-02-28"


@pytest.mark.parametrize(
    ("age", "code"),
    [(("200", "", ""), "too-old"), (("-1", "", ""), "out-of-range"), (("x", "", ""), "not-a-number")],
)
def test_a_bad_age(age: tuple[str, str, str], code: str) -> None:
    with pytest.raises(BadValue) as refused:
        birth_date(*age, today=TODAY)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (date(1991, 11, 20), (34, 0, 0)),
        (date(1991, 11, 21), (33, 11, 30)),
        (date(2025, 11, 20), (0, 0, 0)),
        (date(2024, 2, 29), (1, 8, 22)),
        (date(2025, 10, 31), (0, 0, 20)),
    ],
)
def test_completed_years_months_and_days(born: date, age: tuple[int, int, int]) -> None:
    assert age_on(born, TODAY) == age


def test_an_age_told_back_is_never_more_than_a_month_off_and_never_in_the_future() -> None:
    for days in range(0, 3000, 7):
        born = TODAY - timedelta(days=days)
        years, months, rest = age_on(born, TODAY)
        told = date.fromisoformat(birth_date(str(years), str(months), str(rest), today=TODAY))
        assert abs((told - born).days) <= 3
        assert told <= TODAY


def test_digits_of_every_script() -> None:
    assert ascii_digits("١٢ ३४ ৫৬ ７８") == "12 34 56 78"


def test_equal_numbers_are_equal_text() -> None:
    assert {number_text(text) for text in ("12.5", "12.50", "+12.5", "012.5", "12,5", "१२.५")} == {"12.5"}
