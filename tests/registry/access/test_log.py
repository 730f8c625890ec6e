"""Reading who opened what: the office everything, a coordinator their places, nobody else anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from registry.access.models import Opening
from tests.registry.access.conftest import House
from tests.registry.conftest import browser, make_patient, token_client


@pytest.fixture
def lived(house: House) -> House:
    """Ana opened José; a day later Iris opened him as well, from Darién, because he was referred."""
    browser(house.cast.ana).get(f"/patients/{house.jose.pk}/")
    house.advance(days=1)
    iris = browser(house.cast.iris)
    iris.get("/find/", {"q": house.number})
    iris.post(f"/patients/{house.jose.pk}/reason/", {"reason": "referred", "note": "carta"})
    iris.get(f"/patients/{house.jose.pk}/")
    # At Darién's own place only: what Iris opened there is not written under Bocas.
    assert {row.facility_id for row in Opening.objects.all()} == {house.cast.bocas.pk, house.cast.darien.pk}
    return house


def lines(house: House, member: Any, **asked: str) -> list[tuple[str, str]]:
    """Who and why, as the API tells somebody."""
    answer = token_client(member).get("/api/v1/openings/", asked)
    assert answer.status_code == 200, answer.content
    return [(one["by"]["name"], one["reason"] or "") for one in answer.json()["openings"]]


def test_the_office_reads_everything_newest_first(lived: House) -> None:
    assert lines(lived, lived.cast.olga) == [("Iris Chami", "referred"), ("Ana Batista", "")]


def test_it_is_searched_by_patient_colleague_place_days_and_only_outside(lived: House) -> None:
    olga, cast = lived.cast.olga, lived.cast
    today = lived.node.now().date()
    before = (today - timedelta(days=1)).isoformat()
    assert len(lines(lived, olga, patient=str(lived.jose.pk))) == 2
    assert lines(lived, olga, patient=str(uuid4())) == []
    assert lines(lived, olga, staff=str(cast.ana.pk)) == [("Ana Batista", "")]
    assert lines(lived, olga, facility=str(cast.darien.pk)) == [("Iris Chami", "referred")]
    assert lines(lived, olga, outside="true") == [("Iris Chami", "referred")]
    assert lines(lived, olga, last=before) == [("Ana Batista", "")]
    assert lines(lived, olga, first=today.isoformat()) == [("Iris Chami", "referred")]


def test_a_coordinator_reads_their_place_and_every_look_at_their_own_patients(lived: House) -> None:
    assert lines(lived, lived.cora) == [("Ana Batista", "")]
    assert len(lines(lived, lived.cora, patient=str(lived.jose.pk))) == 2
    theirs = make_patient(lived.cast.author(lived.cast.iris), "Luz", facility=lived.cast.darien).patient
    browser(lived.cast.iris).get(f"/patients/{theirs.pk}/")
    assert lines(lived, lived.cora, patient=str(theirs.pk)) == []
    assert lines(lived, lived.cora, facility=str(lived.cast.darien.pk)) == []


def test_nobody_else_reads_it(lived: House) -> None:
    for member in (lived.cast.ana, lived.cast.iris):
        assert token_client(member).get("/api/v1/openings/").status_code == 403
        assert browser(member).get("/access/").status_code == 403
        assert (
            "Who opened this record"
            not in browser(member).get(f"/patients/{lived.jose.pk}/").content.decode()
        )


def test_the_page_says_it_in_words(lived: House) -> None:
    html = browser(lived.cast.olga).get("/access/").content.decode()
    for word in ("Iris Chami", "Referred here", "carta", "Darién", "José Pérez", lived.number):
        assert word in html
    only = browser(lived.cora).get("/access/", {"patient": str(lived.jose.pk)}).content.decode()
    assert "Iris Chami" in only
    assert "One patient" in only


def test_a_patients_page_says_to_coordinators_who_opened_it(lived: House) -> None:
    html = browser(lived.cora).get(f"/patients/{lived.jose.pk}/").content.decode()
    assert "Who opened this record" in html
    assert "Iris Chami" in html


@pytest.mark.parametrize(
    "asked",
    [{"page": "x"}, {"page": "99999999999"}, {"staff": "nobody"}, {"first": "yesterday"}, {"patient": "1"}],
)
def test_what_makes_no_sense_is_no_fault(house: House, asked: dict[str, str]) -> None:
    assert browser(house.cast.olga).get("/access/", asked).status_code in (200, 400)


def test_long_logs_come_page_by_page(house: House) -> None:
    tablet: Client = browser(house.cast.ana)
    for _hour in range(52):
        tablet.get(f"/patients/{house.jose.pk}/")
        house.advance(minutes=61)
        house.cast.ana.refresh_from_db()
        tablet = browser(house.cast.ana)
    first = token_client(house.cast.olga).get("/api/v1/openings/").json()
    assert (len(first["openings"]), first["next"]) == (50, 2)
    second = token_client(house.cast.olga).get("/api/v1/openings/", {"page": "2"}).json()
    assert (len(second["openings"]), second["next"]) == (2, None)
