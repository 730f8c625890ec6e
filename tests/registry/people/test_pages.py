"""Find, register, change, history, as a tablet sees them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from registry.people.links import _offers, offer_open_visits
from registry.people.models import Identifier, Patient
from registry.people.selectors import identifiers_of
from registry.people.services import update_patient
from registry.staff.devices import COOKIE
from sync.ledger.models import Change
from sync.ledger.recording import Author
from sync.node import Node
from tests.registry.conftest import Cast, browser, give_numbers, make_patient

EMPTY_ROWS = {"identifiers-TOTAL_FORMS": "0", "identifiers-INITIAL_FORMS": "0"}
EVA = {
    "given_name": "Eva",
    "family_name": "Castillo",
    "sex": "female",
    "birth_day": "17",
    "birth_month": "5",
    "birth_year": "1990",
    "age_years": "",
    "phone": "6612-3456",
    "village": "",
}
NO_BIRTH = dict.fromkeys(("birth_day", "birth_month", "birth_year"), "")


@pytest.fixture
def tablet(cast: Cast) -> Client:
    return browser(cast.rosa)


def fields_of(page: Any) -> dict[str, str]:
    """What a browser would post back if nobody touched the form."""
    html = page.content.decode()
    form = html[html.index("<main") :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        name, kind = re.search(r'name="([^"]+)"', tag), re.search(r'type="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        picked = kind is None or kind[1] not in {"radio", "checkbox"} or " checked" in tag
        if name and picked:
            found[name[1]] = value[1] if value else ""
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"[^>]*selected', body)
        found[name] = chosen[1] if chosen else ""
    return found


def test_find_before_anything_is_typed(tablet: Client) -> None:
    page = tablet.get("/find/", secure=True)
    assert page.status_code == 200
    assert page.context["results"] is None


def test_find(tablet: Client, rosa: Author) -> None:
    done = make_patient(rosa, given="Eva", family="Castillo")
    page = tablet.get("/find/", {"q": "eva castilo"}, secure=True)
    html = page.content.decode()
    assert f"/patients/{done.patient.pk}/" in html
    assert "Name sounds alike" in html
    assert str(done.provisional_code) in html


def test_find_as_one_types_answers_with_the_list_only(tablet: Client, rosa: Author) -> None:
    make_patient(rosa, given="Eva")
    html = tablet.get("/find/", {"q": "eva"}, secure=True, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert "Eva" in html


def test_a_scanned_card_opens_its_patient(tablet: Client, rosa: Author, node: Node) -> None:
    give_numbers(node, 1)
    done = make_patient(rosa)
    answer = tablet.get("/find/", {"q": str(done.number)}, secure=True)
    assert (answer.status_code, answer["Location"]) == (302, f"/patients/{done.patient.pk}/")


def test_a_scanned_card_opens_its_patient_as_one_types(tablet: Client, rosa: Author, node: Node) -> None:
    give_numbers(node, 1)
    done = make_patient(rosa)
    answer = tablet.get("/find/", {"q": str(done.number)}, secure=True, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/patients/{done.patient.pk}/")


def test_a_mistyped_number_says_so(tablet: Client) -> None:
    page = tablet.get("/find/", {"q": "K7-204581-4"}, secure=True)
    assert "K7-204581-4: the check character does not fit" in page.context["number_problem"]
    assert "does not fit" in page.content.decode()


def test_open_visits_are_shown_when_the_room_above_offers_them(tablet: Client, rosa: Author) -> None:
    patient, visit = make_patient(rosa, given="Eva").patient, uuid4()

    def lookup(ids: object) -> dict[object, object]:
        return {patient.pk: visit}

    offer_open_visits(lookup)  # type: ignore[arg-type]
    try:
        page = tablet.get("/find/", {"q": "Eva"}, secure=True)
        assert page.context["results"][0]["open_visit"] == visit
    finally:
        _offers.remove(lookup)  # type: ignore[arg-type]


def test_names_cannot_break_the_page(tablet: Client, rosa: Author) -> None:
    """H12: a script and a turn of direction in a name."""
    make_patient(rosa, given="<script>alert(1)</script>", family="\u2066gnip\u2069")
    html = tablet.get("/find/", {"q": "script"}, secure=True).content.decode()
    assert "<script>alert" not in html
    assert "\u2066" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("q", "filled"),
    [
        ("Eva Castillo Ruiz", {"given_name": "Eva", "family_name": "Castillo Ruiz"}),
        ("6612-3456", {"phone": "6612-3456"}),
        ("", {"given_name": ""}),
    ],
)
def test_what_was_searched_is_filled_in(tablet: Client, q: str, filled: dict[str, str]) -> None:
    tablet.get("/find/", {"q": q}, secure=True)
    posted = fields_of(tablet.get("/register/", secure=True))
    assert {name: posted[name] for name in filled} == filled
    assert posted["save_id"]


def test_register(tablet: Client, cast: Cast) -> None:
    posted = fields_of(tablet.get("/register/", secure=True)) | EVA
    posted |= {"identifiers-0-system": "passport", "identifiers-0-value": "PA0123"}
    answer = tablet.post("/register/", posted, secure=True)
    patient = Patient.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/patients/{patient.pk}/")
    assert [row.value for row in identifiers_of(patient)][1:] == ["PA0123"]
    assert patient.registered_at_id == cast.bocas.pk
    assert patient.made_on == tablet.cookies[COOKIE].value


def test_a_double_tap_registers_once(tablet: Client) -> None:
    posted = fields_of(tablet.get("/register/", secure=True)) | EVA | {"is_new": "yes"}
    answers = {tablet.post("/register/", posted, secure=True)["Location"] for _tap in range(3)}
    assert len(answers) == Patient.objects.count() == 1


def test_likely_matches_are_shown_once_and_never_block(tablet: Client, rosa: Author) -> None:
    known = make_patient(rosa, given="Eva", family="Castillo").patient
    posted = fields_of(tablet.get("/register/", secure=True)) | EVA
    page = tablet.post("/register/", posted, secure=True)
    assert [one["person"].id for one in page.context["likely"]] == [known.pk]
    assert "Same birth date" in page.content.decode()
    assert Patient.objects.count() == 1
    answer = tablet.post("/register/", fields_of(page) | EVA | {"is_new": "yes"}, secure=True)
    assert answer.status_code == 302
    assert Patient.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"given_name": "", "family_name": ""}, "given_name"),
        (NO_BIRTH, "birth_day"),
        ({"birth_year": "2030"}, "birth_day"),
        ({"birth_day": "29", "birth_month": "2", "birth_year": "2023"}, "birth_day"),
        ({"birth_day": "31", "birth_month": "4"}, "birth_day"),
        ({"birth_month": "13"}, "birth_day"),
        ({"birth_year": "90"}, "birth_day"),
        ({"birth_month": ""}, "birth_day"),
        ({"birth_day": "x"}, "birth_day"),
        (NO_BIRTH | {"age_years": "190"}, "age_years"),
        (NO_BIRTH | {"age_years": "-1"}, "age_years"),
        (NO_BIRTH | {"age_years": "many"}, "age_years"),
        ({"village": "7"}, "village"),
        ({"village_name": "Nowhere at all"}, "village_name"),
        ({"family_name": "\u202egnip"}, "family_name"),
        ({"sex": ""}, "sex"),
        ({"phone": "ask Ana"}, "phone"),
    ],
)
def test_mistakes_are_shown_beside_their_question(tablet: Client, wrong: dict[str, str], field: str) -> None:
    page = tablet.post("/register/", EVA | EMPTY_ROWS | wrong, secure=True)
    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not Patient.objects.exists()


def test_a_mistyped_card_is_shown(tablet: Client) -> None:
    rows = EMPTY_ROWS | {
        "identifiers-TOTAL_FORMS": "1",
        "identifiers-0-system": "posta:number",
        "identifiers-0-value": "K7-204581-4",
    }
    page = tablet.post("/register/", EVA | rows, secure=True)
    assert page.status_code == 422
    assert "check digit" in page.content.decode()


def test_whoever_may_not_register_is_told(cast: Cast) -> None:
    office = browser(cast.olga)
    assert office.get("/register/", secure=True).status_code == 403
    assert office.get("/find/", secure=True).status_code == 200


@pytest.mark.parametrize("address", ["/find/", "/register/"])
def test_strangers_log_in_first(cast: Cast, address: str) -> None:
    answer = Client().get(address, secure=True)
    assert (answer.status_code, answer["Location"]) == (302, f"/account/login/?next={address}")


@pytest.fixture
def eva(cast: Cast, rosa: Author) -> Patient:
    return make_patient(
        rosa,
        given="Eva",
        family="Castillo",
        sex="female",
        phone="6612-3456",
        village=cast.island,
        identifiers=[("passport", "PA0123"), ("old-register", "44")],
    ).patient


def edit_page(tablet: Client, patient: Patient) -> Any:
    return tablet.get(f"/patients/{patient.pk}/edit/", secure=True)


def save(tablet: Client, patient: Patient, posted: dict[str, str]) -> Any:
    return tablet.post(f"/patients/{patient.pk}/edit/", posted, secure=True)


def test_saving_an_untouched_form_writes_nothing(tablet: Client, eva: Patient) -> None:
    before = Change.objects.exclude(table="openings").count()
    assert save(tablet, eva, fields_of(edit_page(tablet, eva))).status_code == 302
    assert Change.objects.exclude(table="openings").count() == before


def test_only_what_was_touched_is_written(tablet: Client, eva: Patient, rosa: Author) -> None:
    posted = fields_of(edit_page(tablet, eva))
    update_patient(by=rosa, patient=eva, changes={"phone": "777-1234", "sex": "other"})
    assert save(tablet, eva, posted | {"given_name": "Eva María"}).status_code == 302
    shown = Patient.objects.get(pk=eva.pk)
    assert (shown.given_name, shown.phone, shown.sex) == ("Eva María", "777-1234", "other")
    assert not shown.is_contested


def test_a_stale_form_that_touched_the_same_answer_is_a_conflict(
    tablet: Client, eva: Patient, rosa: Author
) -> None:
    posted = fields_of(edit_page(tablet, eva))
    update_patient(by=rosa, patient=eva, changes={"birth_date": date(1991, 1, 1)})
    save(tablet, eva, posted | {"birth_day": "2", "birth_month": "2", "birth_year": "1992"})
    page = tablet.get("/find/", secure=True)
    assert "both are kept" in page.content.decode()
    assert Patient.objects.get(pk=eva.pk).is_contested
    history = tablet.get(f"/patients/{eva.pk}/history/", secure=True)
    contested = [field for field in history.context["fields"] if field["contested"]]
    assert [field["name"] for field in contested] == ["birth_date"]
    assert contested[0]["decide_url"].startswith("/review/")


def test_an_age_replaces_the_date(tablet: Client, eva: Patient) -> None:
    save(tablet, eva, fields_of(edit_page(tablet, eva)) | {"age_years": "40"})
    shown = Patient.objects.get(pk=eva.pk)
    assert (shown.birth_date, shown.birth_date_estimated) == (date(1986, 7, 1), True)


def test_emptying_the_date_takes_nothing_away(tablet: Client, eva: Patient) -> None:
    save(tablet, eva, fields_of(edit_page(tablet, eva)) | NO_BIRTH)
    assert Patient.objects.get(pk=eva.pk).birth_date == date(1990, 5, 17)


def test_cards_are_added_and_taken_away(tablet: Client, eva: Patient) -> None:
    posted = fields_of(edit_page(tablet, eva))
    assert posted["identifiers-1-value"] == "44"
    posted |= {
        "identifiers-0-DELETE": "on",
        "identifiers-1-value": "tampered",
        "identifiers-2-system": "national-id",
        "identifiers-2-value": "8-123-456",
    }
    assert save(tablet, eva, posted).status_code == 302
    assert {(row.system, row.value) for row in identifiers_of(eva)[1:]} == {
        ("old-register", "44"),
        ("national-id", "8-123-456"),
    }
    assert Identifier.objects.get(value="PA0123").gone


def test_a_mistake_in_the_edit_form_keeps_what_was_typed(tablet: Client, eva: Patient) -> None:
    posted = fields_of(edit_page(tablet, eva)) | {"birth_year": "2030", "phone": "777-1234"}
    page = save(tablet, eva, posted)
    assert page.status_code == 422
    again = fields_of(page)
    assert (again["phone"], again["initial-phone"], again["version"]) == (
        "777-1234",
        "6612-3456",
        posted["version"],
    )


def test_whom_one_may_not_see_is_nobody(eva: Patient, cast: Cast, node: Node) -> None:
    node.role = "central"
    stranger = browser(cast.iris)
    for tail in ("edit/", "history/"):
        assert stranger.get(f"/patients/{eva.pk}/{tail}", secure=True).status_code == 404


def test_history_in_words(tablet: Client, eva: Patient, cast: Cast) -> None:
    update_patient(by=cast.author(cast.ana), patient=eva, changes={"sex": "other", "village": cast.forest})
    html = tablet.get(f"/patients/{eva.pk}/history/", secure=True).content.decode()
    for words in ("Ana Batista", "Rosa Pineda", "Other", "Female", "Yaviza", "Isla Bastimentos"):
        assert words in html
    assert "17 May 1990" in html
    assert "Provisional code" in html
