"""Reports for programs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports.conftest import Readers
from tests.clinic.reports.past import Past
from tests.clinic.visits.day import Day

WEEK = {"from": "2026-11-16", "to": "2026-11-22"}
CALLS = ("register", "morbidity", "visits", "stock", "programs")


def told(day: Day, which: str, **query: str) -> Any:
    response = day.api().get(f"/api/v1/reports/{which}/", query or WEEK)
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize("which", CALLS)
def test_every_answer_says_what_it_is_about(day: Day, which: str) -> None:
    answer = told(day, which)
    assert (answer["first"], answer["last"]) == ("2026-11-16", "2026-11-22")
    assert answer["facilities"] == [str(day.cast.bocas.pk)]


def test_the_register(past: Past, day: Day) -> None:
    visit = past.visit()
    past.diagnosis(visit, "I10")
    answer = told(day, "register")
    (line,) = answer["lines"]
    assert (line["visit"], line["patient"]) == (str(visit.pk), str(visit.patient_id))
    assert line["diagnosis"] == ["I10 – High blood pressure"]
    assert (line["coming"], answer["next"]) == ("New problem", None)
    assert told(day, "register", **WEEK, page="2")["lines"] == []
    no_page = day.api().get("/api/v1/reports/register/", {**WEEK, "page": "x"})
    assert (no_page.status_code, no_page.json()["code"]) == (400, "bad-page")


def test_whoever_was_cared_for_here_is_named_wherever_they_are_registered(past: Past, day: Day) -> None:
    patient = past.patient(registered_at=day.cast.darien)
    past.visit(patient=patient)
    day.node.role = "central"
    (line,) = told(day, "register")["lines"]
    assert (line["patient"], line["name"]) == (str(patient.pk), "Name Past")


def test_morbidity(past: Past, day: Day) -> None:
    past.diagnosis(past.visit(), "I10")
    past.diagnosis(past.visit(), "I10", "FOLLOW_UP")
    past.diagnosis(past.visit(patient=past.patient("unknown", None)), "ZZZ")
    past.diagnosis(past.visit(), "")
    answer = told(day, "morbidity")
    assert answer["uncoded"] == 1
    assert answer["chapters"] == [
        {"key": "IX", "new": 1, "again": 1, "counts": {"female": {"25-49": 1}}},
        {"key": "", "new": 1, "again": 0, "counts": {"unknown": {"unknown": 1}}},
    ]
    assert [line["key"] for line in answer["codes"]] == ["I10", "ZZZ"]


def test_visits(past: Past, day: Day) -> None:
    visit = past.visit()
    past.step(visit, "sent", "triage", 0)
    past.step(visit, "claimed", "triage", 12)
    past.step(visit, "closed", "triage", 90)
    answer = told(day, "visits")
    assert (answer["total"], answer["closed"]) == (1, 1)
    assert (answer["hours"], answer["days"]) == ({"12": 1}, {"2026-11-18": 1})
    assert answer["categories"] == {"general": 1}
    one = {"people": 1, "median": 12, "ninth_decile": 12, "longest": 12, "an_hour_or_more": 0}
    assert answer["waits"] == {"triage": one}
    assert answer["whole_visit"]["an_hour_or_more"] == 1


def test_stock(shelf: Shelf, day: Day) -> None:
    shelf.receive("AMOX", 100)
    shelf.give(shelf.prescribe("AMOX", quantity=15), 15)
    (line,) = told(day, "stock")["medicines"]
    assert (line["code"], line["received"], line["given"], line["left"]) == ("AMOX", 100, 15, 85)


def test_programs(day: Day) -> None:
    day.enrolled(day.patient())
    (line,) = told(day, "programs")["programs"]
    assert (line["active"], line["new"], line["completed"]) == (1, 1, 0)


@pytest.mark.parametrize("which", CALLS)
def test_refusals_have_a_code_and_name_the_part(day: Day, which: str, readers: Readers) -> None:
    address = f"/api/v1/reports/{which}/"
    wrong = day.api().get(address, {"from": "2026-11-20", "to": "2026-11-01"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong-way-round")
    assert list(wrong.json()["errors"]) == ["to"]
    unknown = day.api().get(address, {"facility": "DAR"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-place")
    assert unknown.json() == day.api().get(address, {"facility": "NONE"}).json()
    forbidden = day.api(day.cast.rosa).get(address)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "not-allowed")
    assert day.api().post(address, {}).status_code == 405
