"""Programs: who is followed, new, due and overdue, against the working lists."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.reports.followed import Followed, followed_in
from clinic.visits.following import enrol
from clinic.visits.models import Enrollment
from clinic.visits.worklists import ListName, counts
from registry.staff.selectors import authority_of
from tests.clinic.reports.conftest import Ask
from tests.clinic.reports.past import Past
from tests.clinic.visits.care import ago, published
from tests.clinic.visits.day import Day


@pytest.fixture
def pregnancies(day: Day) -> None:
    """Three are followed: one began today, one half a year ago, one is over."""
    (version,) = published(day, "antenatal")
    for days in (0, 180, 250):
        enrol(
            by=day.ana,
            patient=day.patient(),
            program_version=version,
            facility=day.cast.bocas,
            enrolled_on=ago(days),
            incident_on=ago(days + 30),
        )


def test_what_is_counted_is_what_the_lists_say(pregnancies: None, day: Day, ask: Ask) -> None:
    (line,) = followed_in(ask(facility="BOC"))
    listed = counts(authority_of(day.cast.ana.pk), day.cast.bocas)
    assert (line.program, line.active, line.new, line.completed) == ("Antenatal care", 3, 1, 0)
    assert (line.due, line.overdue) == (listed[ListName.DUE], listed[ListName.OVERDUE])
    assert line.overdue


def test_new_are_those_of_the_days(pregnancies: None, day: Day, ask: Ask) -> None:
    half_a_year_ago = (ago(181)).isoformat()
    (line,) = followed_in(ask(**{"from": half_a_year_ago, "to": ago(180).isoformat()}))
    assert line.new == 1
    assert line.active == 3


def test_every_enrollment_is_counted_by_hand(past: Past, day: Day, ask: Ask) -> None:
    for number, status in enumerate(("active", "active", "completed", "cancelled", "active")):
        past.row(
            Enrollment,
            patient=past.patient(),
            program_version=day.child,
            facility=day.cast.darien if number == 4 else day.cast.bocas,
            enrolled_on=day.now.date() - timedelta(days=number),
            status=status,
        )
    past.row(
        Enrollment,
        patient=past.patient(),
        program_version=day.child,
        facility=day.cast.bocas,
        enrolled_on=day.now.date(),
        gone=True,
    )
    (here,) = followed_in(ask(facility="BOC", **{"from": "2026-11-19", "to": "2026-11-20"}))
    assert here == Followed(here.program, active=2, new=2, completed=1, cancelled=1, due=0, overdue=0)
    (all_places,) = followed_in(ask())
    assert all_places.active == 3


def test_nobody_followed_is_no_line(ask: Ask) -> None:
    assert followed_in(ask()) == []
