"""A record of another place: found by what somebody carries, opened with a reason, for one shift."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client

from registry.access.models import Elsewhere, Opening
from tests.registry.access.conftest import House
from tests.registry.conftest import browser, make_patient, token_client

SAID = {"reason": "referred", "note": ""}


@pytest.fixture
def iris(house: House) -> Client:
    """Iris works in Darién; José is Bocas's."""
    return browser(house.cast.iris)


def test_until_they_were_met_a_patient_of_another_place_is_nobody(house: House, iris: Client) -> None:
    theirs = iris.get(f"/patients/{house.jose.pk}/")
    nobody = iris.get(f"/patients/{uuid4()}/")
    assert theirs.status_code == nobody.status_code == 404
    assert iris.get(f"/patients/{house.jose.pk}/reason/").status_code == 404
    assert house.seen() == []


def test_a_search_shows_initials_only_and_says_that_it_is_another_places(house: House, iris: Client) -> None:
    page = iris.get("/find/", {"q": "Pérez"}).content.decode()
    assert "J. P." in page
    assert "Another place" in page
    for hidden in ("José", house.number, "6123"):
        assert hidden not in page.replace('value="Pérez"', "")


def test_a_scanned_card_leads_to_the_question_and_the_question_names_nobody(
    house: House, iris: Client
) -> None:
    met = iris.get("/find/", {"q": house.number}, follow=True)
    assert met.redirect_chain[-1][0].startswith(f"/patients/{house.jose.pk}/reason/")
    html = met.content.decode()
    assert "J. P." in html
    assert "José" not in html
    assert "Pérez" not in html
    assert "Bocas del Toro" in html
    assert house.seen() == []


def test_with_a_reason_it_opens_for_this_colleague_and_this_shift_and_is_written_down(
    house: House, iris: Client
) -> None:
    iris.get("/find/", {"q": house.number})
    asked = f"/patients/{house.jose.pk}/history/"
    assert iris.get(asked).headers["Location"] == f"/patients/{house.jose.pk}/reason/?next={quote(asked, '')}"
    opened = iris.post(f"/patients/{house.jose.pk}/reason/", SAID | {"next": asked})
    assert (opened.status_code, opened.headers["Location"]) == (302, asked)
    assert iris.get(asked).status_code == 200
    assert "José" in iris.get(f"/patients/{house.jose.pk}/").content.decode()
    assert house.seen() == [
        (house.cast.iris.pk, house.jose.pk, "history", "referred"),
        (house.cast.iris.pk, house.jose.pk, "record", "referred"),
    ]
    house.advance(hours=13)
    assert browser(house.cast.iris).get(asked).status_code == 404


def test_nobody_elses_reason_opens_it(house: House, iris: Client) -> None:
    iris.get("/find/", {"q": house.number})
    iris.post(f"/patients/{house.jose.pk}/reason/", SAID)
    Elsewhere.objects.update(staff_id=uuid4())
    assert iris.get(f"/patients/{house.jose.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [({}, "Choose a reason"), ({"reason": "curious"}, ""), ({"reason": "other"}, "Write the reason")],
)
def test_without_a_reason_it_stays_shut(
    house: House, iris: Client, posted: dict[str, str], sentence: str
) -> None:
    iris.get("/find/", {"q": house.number})
    refused = iris.post(f"/patients/{house.jose.pk}/reason/", posted)
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    assert iris.get(f"/patients/{house.jose.pk}/").status_code == 302


def test_the_question_sends_nobody_to_a_foreign_page(house: House, iris: Client) -> None:
    iris.get("/find/", {"q": house.number})
    for away in ("https://evil.test/", "//evil.test/", "javascript:alert(1)"):
        Elsewhere.objects.update(opened_at=None)
        answer = iris.post(f"/patients/{house.jose.pk}/reason/", SAID | {"next": away})
        assert answer.headers["Location"] == f"/patients/{house.jose.pk}/"


def test_a_form_of_a_shut_record_is_not_saved(house: House, iris: Client) -> None:
    iris.get("/find/", {"q": house.number})
    answer = iris.post(f"/patients/{house.jose.pk}/edit/", {"given_name": "Pepe"})
    assert answer.headers["Location"] == f"/patients/{house.jose.pk}/reason/"


def test_a_program_is_told_that_a_reason_is_needed_and_sends_it(house: House) -> None:
    program = token_client(house.cast.iris)
    address = f"/api/v1/patients/{house.jose.pk}/"
    missing = program.get(f"/api/v1/patients/{uuid4()}/")
    foreign = program.get(address)
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    (found,) = program.get("/api/v1/patients/", {"q": house.number}).json()["results"]
    assert found["reason_needed"] is True
    assert (found["name"], found["phone"], found["birth_date"], found["number"]) == ("J. P.", "", None, None)
    asked = program.get(address)
    assert (asked.status_code, asked.json()["code"]) == (403, "reason-needed")
    assert asked.json()["reasons"] == ["emergency", "referred", "moved", "other"]
    wrong = program.get(address, HTTP_POSTA_REASON="other")
    assert (wrong.status_code, wrong.json()["errors"]) == (400, {"note": "Write the reason in a few words."})
    words = quote("trajo una carta, mañana vuelve")
    opened = program.get(address, HTTP_POSTA_REASON="other", HTTP_POSTA_REASON_NOTE=words)
    assert opened.json()["family_name"] == "Pérez"
    assert program.get(address).status_code == 200
    row = Opening.objects.get()
    assert (row.reason, row.note) == ("other", "trajo una carta, mañana vuelve")


def test_whoever_works_where_the_patient_belongs_is_not_asked(house: House) -> None:
    assert browser(house.cast.ana).get(f"/patients/{house.jose.pk}/").status_code == 200
    assert browser(house.cast.olga).get(f"/patients/{house.jose.pk}/").status_code == 200
    by = house.cast.author(house.cast.rosa)
    neighbour = make_patient(by, "Luz", facility=house.cast.bocas, village=house.cast.forest.pk).patient
    assert browser(house.cast.iris).get(f"/patients/{neighbour.pk}/").status_code == 200


def test_central_finds_other_places_people_by_what_they_carry_never_by_name(house: House) -> None:
    house.node.role = "central"
    iris = browser(house.cast.iris)
    by_name = iris.get("/find/", {"q": "José Pérez"}).content.decode()
    assert "Nobody found" in by_name
    met = iris.get("/find/", {"q": house.number}, follow=True)
    assert met.redirect_chain[-1][0].startswith(f"/patients/{house.jose.pk}/reason/")
