"""The daily register: one line for each visit, what stands in it, and what does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.pharmacy.prescribing import cancel_line
from clinic.referrals.services import cancel, refer
from clinic.reports import register as page
from clinic.reports.register import Line, every_line, register
from registry.staff.policy import Authority, Role
from registry.staff.selectors import authority_of
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports.conftest import Ask, Readers
from tests.clinic.reports.past import NOON, Past
from tests.clinic.visits.day import Day


@pytest.fixture
def ana(day: Day) -> Authority:
    return authority_of(day.cast.ana.pk)


def lines(ask: Ask, who: Authority, **query: str) -> list[Line]:
    return register(ask(**query), who).lines


def test_a_line_says_what_the_paper_one_says(
    shelf: Shelf, day: Day, past: Past, ask: Ask, ana: Authority
) -> None:
    patient = past.patient(
        "male", date(2020, 11, 19), given_name="Beto", family_name="Smith", village=day.cast.island
    )
    visit = past.visit(NOON, patient)
    past.event(visit, {"diagnosis": "Cough", "diagnosis_code": "J06.9", "visit_kind": "FOLLOW_UP"})
    shelf.prescribe("AMOX", visit=visit, quantity=15)
    refer(
        by=day.ana,
        patient=patient,
        facility=day.cast.bocas,
        reason="X-ray",
        to_facility=day.cast.darien,
        visit=visit,
    )
    (line,) = lines(ask, ana)
    assert (line.name, line.sex, line.age, line.village) == (
        "Beto Smith",
        "Male",
        "5 years",
        "Isla Bastimentos",
    )
    assert (line.category, line.coming, line.place) == ("General OPD", "Follow-up", "Bocas del Toro")
    assert line.diagnosis == ["Cough", "J06.9 – Cough and cold"]
    assert line.treatment == ["Amoxicillin 500 mg capsule, 15 capsules"]
    assert line.referred == ["Darién"]


def test_what_only_the_form_says_stands_there_too(past: Past, ask: Ask, ana: Authority) -> None:
    past.event(past.visit(), {"medicines": "ORS", "referred_to": "Hospital"})
    (line,) = lines(ask, ana)
    assert (line.treatment, line.referred, line.coming) == (["ORS"], ["Hospital"], "")


def test_what_was_taken_back_does_not_stand_there(
    shelf: Shelf, day: Day, past: Past, ask: Ask, ana: Authority
) -> None:
    visit = past.visit()
    past.diagnosis(visit, "I10", gone=True)
    prescription = shelf.prescribe("AMOX", visit=visit, quantity=15)
    cancel_line(by=day.ana, line=shelf.line(prescription), reason="Allergy")
    letter = refer(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        reason="X-ray",
        to_place="City",
        visit=visit,
    )
    cancel(by=day.ana, referral=letter)
    past.visit(gone=True)
    (line,) = lines(ask, ana)
    assert (line.diagnosis, line.treatment, line.referred) == ([], [], [])


def test_a_removed_person_keeps_their_line_and_loses_the_link(past: Past, ask: Ask, ana: Authority) -> None:
    past.visit(patient=past.patient(gone=True))
    (line,) = lines(ask, ana)
    assert (line.hidden, line.linked, line.name) == (False, False, "Name Past")


def test_age_and_sex_may_be_unknown(past: Past, ask: Ask, ana: Authority) -> None:
    past.visit(patient=past.patient("unknown", None))
    (line,) = lines(ask, ana)
    assert (line.age, line.sex) == ("age not known", "Not known")


def test_a_later_print_says_the_age_of_that_day(past: Past, ask: Ask, ana: Authority) -> None:
    past.visit(NOON, past.patient(born=date(2024, 11, 19)))
    past.visit(NOON + timedelta(days=1), past.patient(born=date(2024, 11, 19)))
    assert [line.age for line in lines(ask, ana)] == ["23 months", "2 years"]


def test_whom_somebody_may_not_open_has_no_name(past: Past, day: Day, ask: Ask, readers: Readers) -> None:
    past.diagnosis(past.visit(NOON, past.patient()), "I10")
    carmen = authority_of(readers.carmen.pk)
    elsewhere = Authority(carmen.staff_id, True, frozenset({(Role.PROVIDER, day.cast.darien.pk)}))
    day.node.role = "central"
    (line,) = lines(ask, elsewhere, facility="BOC", period="week")
    assert (line.hidden, line.linked) == (True, False)
    assert (line.name, line.number, line.village) == ("", "", "")
    assert (line.sex, line.diagnosis) == ("Female", ["I10 – High blood pressure"])
    day.node.role = "clinic"
    assert lines(ask, carmen)[0].name == "Name Past", "at the clinic everybody who works there sees them"


def test_pages_and_the_file_hold_every_visit_once(
    past: Past, ask: Ask, ana: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", 4)
    someone = past.patient()
    for minute in (0, 0, 0, 0, 0, 0, 5, 5, 9, 9, 9):  # several at one moment, across the border of a page
        past.visit(NOON + timedelta(minutes=minute), someone)
    asked = ask()
    pages = [register(asked, ana, number) for number in (1, 2, 3)]
    assert [(one.first, len(one.lines), one.following) for one in pages] == [
        (1, 4, 2),
        (5, 4, 3),
        (9, 3, None),
    ]
    paged = [line.visit for one in pages for line in one.lines]
    assert len(set(paged)) == 11
    assert [line.visit for line in every_line(asked, ana)] == paged
    assert register(asked, ana, 99).lines == []
    assert register(asked, ana, -3).number == 1


def test_an_empty_day_has_no_lines(ask: Ask, ana: Authority) -> None:
    assert lines(ask, ana) == []
    assert list(every_line(ask(), ana)) == []


def test_a_longer_register_needs_no_more_queries(past: Past, ask: Ask, ana: Authority) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            register(ask(), ana)
        return len(seen)

    past.diagnosis(past.visit(), "I10")
    queries()  # the program's definition is read once per process
    few = queries()
    for number in range(12):
        past.diagnosis(past.visit(NOON + timedelta(minutes=number)), "I10")
    assert queries() == few


def test_the_order_is_that_of_coming(past: Past, ask: Ask, ana: Authority) -> None:
    for hour in (15, 8, 11):
        past.visit(datetime(2026, 11, 18, hour, tzinfo=UTC))
    assert [line.at.hour for line in lines(ask, ana)] == [8, 11, 15]
