"""Which days and places an address asks about, and for whom."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pytest_django import Settings

from clinic.reports.asked import areas_above, asked_anyway, asked_in, places_for
from clinic.reports.policy import Period, Span
from registry.places.services import add_area, add_facility
from registry.staff.policy import Authority, Role
from registry.staff.selectors import authority_of
from sync.problems import Problem
from tests.clinic.reports.conftest import Ask, Readers
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE

FRIDAY = date(2026, 11, 20)


def refused(ask: Ask, **query: str) -> Problem:
    with pytest.raises(Problem) as found:
        ask(**query)
    return found.value


def test_nothing_asked_is_today(day: Day, readers: Readers) -> None:
    asked = asked_in({}, authority_of(readers.carmen.pk))
    assert (asked.period, asked.span) == (Period.TODAY, Span(FRIDAY, FRIDAY))
    assert asked.query == {"period": "today"}


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ({"from": "2026-11-02"}, Span(date(2026, 11, 2), FRIDAY)),
        ({"to": "2026-11-02"}, Span(date(2026, 11, 2), date(2026, 11, 2))),
        ({"from": "2026-12-24"}, Span(date(2026, 12, 24), date(2026, 12, 24))),
        ({"from": " 2026-11-02 ", "to": "2026-11-03"}, Span(date(2026, 11, 2), date(2026, 11, 3))),
        ({"from": "", "to": "", "period": "week"}, Span(date(2026, 11, 16), FRIDAY)),
    ],
)
def test_half_a_span_is_filled(ask: Ask, query: dict[str, str], span: Span) -> None:
    assert ask(**query).span == span


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"from": "yesterday"}, "not-a-date", "from"),
        ({"from": "2026-02-30", "to": "2026-03-01"}, "not-a-date", "from"),
        ({"to": "٢٠٢٦"}, "not-a-date", "to"),
        ({"from": "2026-11-20", "to": "2026-11-19"}, "wrong-way-round", "to"),
        ({"from": "2020-01-01", "to": "2026-11-19"}, "too-long", "to"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "year-out-of-range", "from"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "year-out-of-range", "from"),
        ({"period": "decade"}, "unknown-period", "period"),
        ({"period": "own"}, "unknown-period", "period"),
    ],
)
def test_days_that_make_no_sense_are_said(ask: Ask, query: dict[str, str], code: str, field: str) -> None:
    problem = refused(ask, **query)
    assert (problem.code, problem.status, list(problem.fields)) == (code, 400, [field])


def test_a_page_shows_today_instead_and_keeps_the_place(day: Day, ask: Ask) -> None:
    everywhere = Authority(None, grants=frozenset({(Role.CENTRAL_ADMIN, None)}))
    asked, wrong = asked_anyway({"from": "never", "facility": "BOC"}, everywhere)
    assert (asked.period, asked.facility, wrong) == (Period.TODAY, day.cast.bocas, "This is not a date.")
    with pytest.raises(Problem) as unknown:
        asked_anyway({"from": "never", "facility": "NOWHERE"}, everywhere)
    assert unknown.value.status == 404


def test_a_day_is_the_clinics(ask: Ask, settings: Settings) -> None:
    settings.TIME_ZONE = "America/Panama"
    asked = ask(**{"from": "2026-11-18", "to": "2026-11-18"})
    assert asked.start == datetime(2026, 11, 18, 5, 0, tzinfo=UTC)
    assert asked.end == datetime(2026, 11, 19, 5, 0, tzinfo=UTC)


def test_an_area_is_everything_inside_it(day: Day, ask: Ask) -> None:
    day.node.role = "central"
    village = add_area(by=THE_NODE, name="El Silencio", code="PA-2-1", parent=day.cast.forest)
    post = add_facility(by=THE_NODE, name="El Silencio", code="SIL", area=village)
    nowhere = add_facility(by=THE_NODE, name="Barco", code="BAR")
    assert set(ask(area="PA-2").places) == {day.cast.darien, post}
    assert set(ask(area=str(village.pk)).places) == {post}
    assert set(ask(area="PA").places) == {day.cast.bocas, day.cast.darien, post}
    assert nowhere in ask().places, "a place without an area is in all of them together"
    assert ask(area="PA-2", facility="SIL").places == (post,)
    problem = refused(ask, area="PA-1", facility="SIL")
    assert (problem.code, problem.fields) == (
        "unknown-place",
        {"facility": "This place is not in that area."},
    )


def test_an_area_without_a_place_is_not_offered(day: Day, ask: Ask) -> None:
    day.node.role = "central"
    add_area(by=THE_NODE, name="Nobody's", code="PA-9")
    assert [area.code for area in areas_above(list(ask().places))] == ["PA", "PA-1", "PA-2"]
    assert refused(ask, area="PA-9").code == "unknown-place"


def test_somebody_elses_place_does_not_exist(day: Day, readers: Readers) -> None:
    carmen = authority_of(readers.carmen.pk)
    assert places_for(carmen) == [day.cast.bocas]
    answers: list[Any] = []
    for place in ("DAR", str(day.cast.darien.pk), "NOWHERE"):
        with pytest.raises(Problem) as found:
            asked_in({"facility": place}, carmen)
        answers.append(found.value.document())
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["status"] == 404
    with pytest.raises(Problem, match="unknown-place"):
        asked_in({"area": "PA-2"}, carmen)


def test_who_has_no_role_for_it_is_told(day: Day) -> None:
    with pytest.raises(Problem, match="not-allowed") as found:
        asked_in({}, authority_of(day.cast.rosa.pk))
    assert found.value.status == 403


def test_the_same_can_be_asked_again(ask: Ask) -> None:
    for query in (
        {"period": "last-month", "facility": "BOC"},
        {"from": "2026-11-01", "to": "2026-11-03", "area": "PA-2"},
    ):
        asked = ask(**query)
        assert ask(**asked.query) == asked
