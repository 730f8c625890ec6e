"""Whatever people write: a stored answer is its own stored form, and a page posts back what it showed."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clinic.forms.refusals import BadValue
from clinic.forms.stage_form import build_form, changed_values
from clinic.forms.values import FILES, Stored, clean
from clinic.programs.document import ValueType
from tests.clinic.forms.page import page_of
from tests.clinic.forms.samples import FEW, MANY, TODAY, options, question, stage

T = ValueType
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=80)
DECIMALS = st.decimals(-99999, 99999, places=3).map(str)
DAYS = st.dates(date(1850, 1, 1), TODAY)
IDS = st.from_regex(r"[A-Za-z][A-Za-z0-9]{10}", fullmatch=True)
DEGREES = st.floats(-90, 90).map(lambda number: f"{number:.6f}")
POINTS = st.lists(st.floats(-90, 90), min_size=2, max_size=2)
TIMES = st.times().map(lambda hour: hour.replace(microsecond=0).isoformat())

ANSWERS: dict[ValueType, st.SearchStrategy[Any]] = {
    T.TEXT: TEXTS,
    T.LONG_TEXT: LINES,
    T.MULTI_TEXT: st.lists(st.sampled_from([code for code, _name in FEW]), min_size=1),
    T.LETTER: st.characters(categories=["L"]),
    T.PHONE_NUMBER: st.from_regex(r"\+?[0-9]{3}[0-9 ]{0,8}[0-9]", fullmatch=True),
    T.EMAIL: st.emails(),
    T.BOOLEAN: st.booleans(),
    T.TRUE_ONLY: st.just("true"),
    T.DATE: DAYS.map(date.isoformat),
    T.DATETIME: st.datetimes(datetime(1850, 1, 1), datetime.combine(TODAY, time.max)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=0).isoformat()
    ),
    T.TIME: TIMES,
    T.NUMBER: DECIMALS,
    T.UNIT_INTERVAL: st.decimals(0, 1, places=4).map(str),
    T.PERCENTAGE: st.decimals(0, 100, places=2).map(str),
    T.INTEGER: st.integers(-(2**31), 2**31 - 1),
    T.INTEGER_POSITIVE: st.integers(1, 2**31 - 1),
    T.INTEGER_NEGATIVE: st.integers(-(2**31), -1),
    T.INTEGER_ZERO_OR_POSITIVE: st.integers(0, 2**31 - 1),
    T.USERNAME: st.from_regex(r"[\w.@+-]{2,30}", fullmatch=True),
    T.COORDINATE: st.tuples(DEGREES, DEGREES).map(",".join),
    T.ORGANISATION_UNIT: st.uuids().map(str) | IDS,
    T.REFERENCE: st.uuids().map(str) | IDS,
    T.AGE: DAYS.map(date.isoformat),
    T.URL: st.from_regex(r"https?://[a-z]{1,9}\.org/[^\s\x00-\x1f\x7f-\x9f]{0,20}", fullmatch=True),
    T.GEOJSON: POINTS.map(lambda point: json.dumps({"type": "Point", "coordinates": point})),
}
TYPED = sorted(ANSWERS)


def stored_form(value_type: ValueType, answer: Any) -> Stored:
    codes = [code for code, _name in FEW] if value_type is T.MULTI_TEXT else []
    try:
        stored = clean(value_type, answer, today=TODAY, codes=codes)
    except BadValue as bad:
        assume(bad.code not in ("control-character", "not-a-url", "not-an-email", "not-a-letter"))
        raise
    assume(stored is not None)
    assert stored is not None
    return stored


def test_every_type_but_files_is_tried() -> None:
    assert set(ANSWERS) == set(ValueType) - FILES


@pytest.mark.parametrize("value_type", TYPED)
@given(picked=st.data())
@settings(max_examples=60, deadline=None)
def test_a_stored_answer_is_its_own_stored_form(value_type: ValueType, picked: st.DataObject) -> None:
    stored = stored_form(value_type, picked.draw(ANSWERS[value_type]))
    assert stored_form(value_type, stored) == stored


@pytest.mark.parametrize("value_type", TYPED)
@given(picked=st.data())
@settings(max_examples=25, deadline=None)
def test_a_page_that_nobody_touched_changes_nothing(value_type: ValueType, picked: st.DataObject) -> None:
    stored = stored_form(value_type, picked.draw(ANSWERS[value_type]))
    asked = stage(question(value_type))
    shown = page_of(build_form(asked, initial={"answer": stored}, today=TODAY))
    form = build_form(asked, shown.post(), today=TODAY)
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"answer": stored}
    assert changed_values(form) == {}


def filled(value_type: ValueType, stored: Stored) -> dict[str, str | list[str]]:
    """The controls a person fills in to say this."""
    if value_type is T.COORDINATE and isinstance(stored, str):
        longitude, latitude = stored.strip("[]").split(",")
        return {"answer__latitude": latitude, "answer__longitude": longitude}
    return {"answer__date" if value_type is T.AGE else "answer": stored}


@pytest.mark.parametrize("value_type", TYPED)
@given(picked=st.data())
@settings(max_examples=25, deadline=None)
def test_what_a_person_fills_in_is_the_change(value_type: ValueType, picked: st.DataObject) -> None:
    stored = stored_form(value_type, picked.draw(ANSWERS[value_type]))
    asked = stage(question(value_type))
    empty = page_of(build_form(asked, today=TODAY))
    form = build_form(asked, empty.post(**filled(value_type, stored)), today=TODAY)
    assert form.is_valid(), form.errors
    assert changed_values(form) == {"answer": stored}


@pytest.mark.parametrize("pairs", [FEW, MANY], ids=["buttons", "list"])
@given(picked=st.data())
@settings(max_examples=25, deadline=None)
def test_a_chosen_option_is_shown_and_posted_back(
    pairs: tuple[tuple[str, str], ...], picked: st.DataObject
) -> None:
    code = picked.draw(st.sampled_from([code for code, _name in pairs]))
    asked = stage(question(T.TEXT, options=options(*pairs)))
    shown = page_of(build_form(asked, initial={"answer": code}, today=TODAY))
    form = build_form(asked, shown.post(), today=TODAY)
    assert form.is_valid(), form.errors
    assert (form.cleaned_data, changed_values(form)) == ({"answer": code}, {})


@given(answer=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
@settings(max_examples=300, deadline=None)
def test_nothing_that_is_sent_breaks_a_question(answer: Any) -> None:
    for value_type in ValueType:
        try:
            stored = clean(value_type, answer, today=TODAY, codes=["A"] if value_type is T.MULTI_TEXT else [])
        except BadValue as bad:
            assert str(bad)
        else:
            assert stored is None or stored
