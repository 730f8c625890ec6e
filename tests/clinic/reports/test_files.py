"""Reports as files: what a spreadsheet makes of them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from clinic.reports import register
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports.conftest import Readers
from tests.clinic.reports.past import Past
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

WEEK = {"from": "2026-11-16", "to": "2026-11-20"}
EVERY_FILE = ("register", "illnesses", "visits", "stock", "programs")


@pytest.fixture
def tablet(readers: Readers) -> Client:
    return browser(readers.carmen)


def rows_of(response: Any) -> list[list[str]]:
    content = b"".join(response.streaming_content)
    assert content.startswith("\ufeff".encode())
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("which", EVERY_FILE)
def test_every_file_has_a_name_and_comes_in_a_stream(tablet: Client, which: str) -> None:
    response: HttpResponse = tablet.get(f"/reports/{which}.csv", WEEK)  # type: ignore[assignment]  # a test's answer
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{which}-2026-11-16-2026-11-20.csv"'
    assert response["Cache-Control"] == "no-store"
    assert rows_of(response)


def test_a_file_of_one_day_is_named_for_it(tablet: Client) -> None:
    assert 'filename="visits-2026-11-20.csv"' in tablet.get("/reports/visits.csv")["Content-Disposition"]


def test_the_register_keeps_accents_and_disarms_formulas(past: Past, tablet: Client) -> None:
    evil = '=HYPERLINK("http://x","y")'
    visit = past.visit(patient=past.patient(given_name=evil, family_name="Ábrego"))
    past.event(visit, {"diagnosis": "@SUM(A1)", "medicines": 'two\nlines, "quoted"'})
    head, line = rows_of(tablet.get("/reports/register.csv", WEEK))
    told = dict(zip(head, line, strict=True))
    assert told["Name"] == f"'{evil} Ábrego"
    assert told["Diagnosis"] == "'@SUM(A1)"
    assert told["Treatment"] == 'two\nlines, "quoted"'
    assert (told["Date"], told["Time"], told["Place"]) == ("2026-11-18", "12:00", "Bocas del Toro")


def test_a_long_register_is_written_a_part_at_a_time(
    past: Past, tablet: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "PAGE", 3)
    someone = past.patient()
    for _number in range(8):
        past.visit(patient=someone)
    assert len(rows_of(tablet.get("/reports/register.csv", WEEK))) == 9


def test_the_file_has_the_rare_diagnoses_as_well(
    past: Past, tablet: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.reports.shapes.MOST_CODES", 1)
    for code in ("I10", "I10", "J06.9", "A09.9"):
        past.diagnosis(past.visit(), code)
    page = tablet.get("/reports/illnesses/", WEEK).content.decode()
    assert "2 rarer diagnoses are only in the file." in page
    assert "Diarrhoea" not in page
    names = [row[0] for row in rows_of(tablet.get("/reports/illnesses.csv", WEEK)) if row]
    assert {"I10 – High blood pressure", "A09.9 – Diarrhoea", "J06.9 – Cough and cold"} <= set(names)


def test_the_stock_stays_numbers(shelf: Shelf, tablet: Client) -> None:
    shelf.receive("AMOX", 100)
    shelf.move("AMOX", -120)
    (line,) = [row for row in rows_of(tablet.get("/reports/stock.csv")) if row[0].startswith("Amoxicillin")]
    assert line[2:] == ["100", "120", "0", "0", "-20"]


def test_a_file_speaks_the_readers_language_to_its_end(past: Past, tablet: Client, day: Day) -> None:
    """The lines are made while they are sent, after the page's own code has returned."""
    past.visit(patient=past.patient("female", None))
    told = tablet.get("/reports/register.csv", WEEK, headers={"accept-language": "es"})
    page = tablet.get("/reports/", WEEK, headers={"accept-language": "es"}).content.decode()
    line = rows_of(told)[1]
    assert line[5] in page
    assert line[5] != "Female"


@pytest.mark.parametrize("which", EVERY_FILE)
def test_days_that_make_no_sense_make_no_file(tablet: Client, which: str) -> None:
    assert tablet.get(f"/reports/{which}.csv", {"from": "never"}).status_code == 400


def test_there_is_no_other_file(tablet: Client, day: Day) -> None:
    assert tablet.get("/reports/everything.csv").status_code == 404
    assert browser(day.cast.rosa).get("/reports/register.csv").status_code == 403
    assert tablet.get("/reports/register.csv", {"facility": "DAR"}).status_code == 404
    assert Client().get("/reports/register.csv").status_code == 302
