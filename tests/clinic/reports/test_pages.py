"""The pages of reports, as a coordinator sees them at the clinic and the office at central."""

from __future__ import annotations

import re
from xml.etree.ElementTree import fromstring

import pytest
from django.test import Client

from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports.conftest import Readers
from tests.clinic.reports.past import Past
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

WEEK = {"from": "2026-11-16", "to": "2026-11-22"}
PAGES = ("", "illnesses/", "visits/", "stock/", "programs/")


@pytest.fixture
def tablet(readers: Readers) -> Client:
    return browser(readers.carmen)


@pytest.fixture
def office(day: Day, readers: Readers) -> Client:
    day.node.role = "central"
    return browser(day.cast.olga)


def shown(tablet: Client, which: str = "", **query: str) -> str:
    response = tablet.get(f"/reports/{which}", query or WEEK)
    assert response.status_code == 200
    return response.content.decode()


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("<main")[2]).split())


@pytest.mark.parametrize("which", PAGES)
def test_an_empty_week_says_so(tablet: Client, which: str) -> None:
    page = plain(shown(tablet, which))
    assert "No visits in these days." in page or "Nothing in these days." in page


@pytest.mark.parametrize("which", PAGES)
def test_no_page_brings_a_style_or_a_script_along(
    shelf: Shelf, past: Past, tablet: Client, which: str
) -> None:
    visit = past.visit()
    past.diagnosis(visit, "J06.9")
    shelf.receive("AMOX", 100)
    shelf.give(shelf.prescribe("AMOX", visit=visit, quantity=15), 15)
    page = shown(tablet, which)
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    for drawing in re.findall(r'<svg[^>]*class="chart__drawing".*?</svg>', page, re.DOTALL):
        fromstring(drawing)  # noqa: S314 - it is ours
    assert ("chart__drawing" in page) is (which not in ("", "programs/"))


def test_the_register_leads_to_the_visit(past: Past, tablet: Client) -> None:
    visit = past.visit()
    page = shown(tablet)
    assert f'href="/visits/{visit.pk}/"' in page
    assert tablet.get(f"/visits/{visit.pk}/").status_code == 200


def test_the_head_of_the_table_stands_on_every_sheet(past: Past, tablet: Client) -> None:
    past.visit()
    page = shown(tablet)
    assert page.count("<thead>") == 1
    assert "data-print" in page


def test_figures_and_words_of_a_day(past: Past, tablet: Client) -> None:
    visit = past.visit()
    past.step(visit, "sent", "triage", 0)
    past.step(visit, "claimed", "triage", 20)
    past.step(visit, "closed", "triage", 70)
    past.diagnosis(visit, "J06.9")
    page = plain(shown(tablet, "visits/"))
    assert "1 visit · 1 closed" in page
    assert "Triage 1 20 20 20 0" in page
    assert "Whole visit 1 70 70 70 1" in page
    assert "Wed 18 Nov 2026 1" in page
    ill = plain(shown(tablet, "illnesses/"))
    assert "X – Breathing" in ill
    assert "J06.9 – Cough and cold" in ill


def test_who_is_neither_known_by_sex_nor_by_age_has_a_column(past: Past, tablet: Client) -> None:
    assert "Age not known" not in plain(shown(tablet, "illnesses/"))
    past.diagnosis(past.visit(patient=past.patient("unknown", None)), "J06.9")
    page = plain(shown(tablet, "illnesses/"))
    assert "Age not known" in page
    assert "Not known" in page


def test_days_that_make_no_sense_show_today_and_links_of_today(tablet: Client) -> None:
    page = shown(tablet, **{"from": "2026-11-20", "to": "2026-11-01"})
    assert "The first day must come before the last. You see today." in page
    assert "2026-11-01" not in page.partition("<main")[2]
    assert "/reports/register.csv?period=today" in page


def test_links_keep_the_days(tablet: Client) -> None:
    page = shown(tablet)
    assert "/reports/illnesses/?from=2026-11-16&amp;to=2026-11-22" in page
    assert "/reports/register.csv?from=2026-11-16&amp;to=2026-11-22" in page


def test_a_page_number_that_is_none_is_the_first(past: Past, tablet: Client) -> None:
    past.visit()
    for number in ("x", "-1", "0", "9" * 30):
        page = tablet.get("/reports/", WEEK | {"page": number})
        assert page.status_code == 200


def test_a_place_of_somebody_else_is_the_page_for_nobody(past: Past, day: Day, tablet: Client) -> None:
    past.visit(facility=day.cast.darien)
    for which in PAGES:
        answers = {
            tablet.get(f"/reports/{which}", {"facility": place}).status_code for place in ("DAR", "NONE")
        }
        assert answers == {404}
    assert "No visits in these days." in plain(shown(tablet))


def test_who_may_not_look_is_told_and_has_no_link(day: Day, tablet: Client) -> None:
    for member in (day.cast.rosa, day.tina, day.pia):
        assert browser(member).get("/reports/").status_code == 403
        assert 'href="/reports/"' not in browser(member).get("/find/").content.decode()
    assert 'href="/reports/"' in tablet.get("/find/").content.decode()
    assert tablet.get("/reports/everything/").status_code == 404
    assert Client().get("/reports/").status_code == 302


def test_central_counts_every_clinic_and_filters(past: Past, day: Day, office: Client) -> None:
    past.diagnosis(past.visit(), "I10")
    past.diagnosis(past.visit(facility=day.cast.darien), "I10")
    past.diagnosis(past.visit(facility=day.cast.darien, category="anc"), "I10")
    assert "2 places" in plain(shown(office, "visits/"))
    assert "3 visits" in plain(shown(office, "visits/"))
    assert "2 visits" in plain(shown(office, "visits/", **WEEK, area="PA-2"))
    assert "3 visits" in plain(shown(office, "visits/", **WEEK, area="PA"))
    assert "1 visit ·" in plain(shown(office, "visits/", **WEEK, facility="BOC"))
    page = shown(office, **WEEK, facility="DAR")
    assert re.search(r'<option value="[^"]+" selected>Darién</option>', page)
    assert f"facility={day.cast.darien.pk}" in page
    assert office.get("/reports/", WEEK | {"area": "PA-1", "facility": "DAR"}).status_code == 404


def test_a_clinic_with_one_place_offers_no_choice_of_places(tablet: Client) -> None:
    page = shown(tablet)
    assert 'name="facility"' not in page
    assert 'name="area"' not in page
