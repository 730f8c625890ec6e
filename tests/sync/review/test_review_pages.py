"""The review pages and calls, as a browser and a program see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from registry.people.models import Identifier, Patient
from sync.checks import FINE, Verdict
from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.review.models import Aside, Conflict, Decision
from sync.review.services import Choice, resolve
from tests.sync.desk import ROSA, Desk, browser, program, staffed
from tests.world import Site, World

pytestmark = pytest.mark.urls("tests.sync.addresses")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with staffed() as desk:
        yield desk


@pytest.fixture
def patient(world: World, desk: Desk) -> Patient:
    """Somebody whose sex two clinics recorded differently, and who has a card that central set aside."""
    here, other = world.clinics
    with world.at(here), recording(by=world.author(here)) as save:
        made = save.add(Patient, given_name="Ana", family_name="Muñoz", registered_on=here.node.now())
    world.sync()
    with world.at(here), recording(by=world.author(here)) as save:
        save.edit(Patient.objects.get(pk=made.pk), {"sex": "male"})
    with world.at(here), recording(by=world.author(here)) as save:
        save.add(Identifier, patient=made, system="posta:number", value="A1-000000-0")
    with world.at(other), recording(by=world.author(other)) as save:
        save.edit(Patient.objects.get(pk=made.pk), {"sex": "other"})
    world.sync(rounds=2)
    return made


@pytest.fixture
def here(world: World, patient: Patient) -> Iterator[Site]:
    with world.at(world.clinics[0]) as site:
        yield site


@pytest.fixture
def central(world: World, patient: Patient) -> Iterator[Site]:
    with world.at(world.central) as site:
        yield site


def hidden(text: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', text)
    assert found
    return found[1]


# --- the list --------------------------------------------------------------------------------------------


def test_the_list_has_both_answers_and_what_is_set_aside(here: Site) -> None:
    text = browser().get("/review/").content.decode()
    assert "Ana Muñoz" in text
    assert "Male" in text
    assert "Other" in text
    assert f"/review/conflicts/{Conflict.objects.get().pk}/" in text
    assert f"/review/quarantine/{Aside.objects.get().pk}/" in text


def test_nobody_sees_what_concerns_patients_that_are_not_theirs(
    here: Site, desk: Desk, patient: Patient
) -> None:
    desk.hidden.add(patient.pk)
    text = browser().get("/review/").content.decode()
    assert "Ana" not in text
    assert "Nobody contradicts anybody." in text
    conflict, aside = Conflict.objects.get().pk, Aside.objects.get().pk
    for path in (f"/review/conflicts/{conflict}/", f"/review/quarantine/{aside}/"):
        answer = browser().get(path)
        assert answer.status_code == 404
        assert "Perhaps a colleague has decided already." in answer.content.decode()
    assert program().get("/api/v1/conflicts/").json() == []
    assert program().get("/api/v1/quarantine/").json() == []
    for path in (f"conflicts/{conflict}/resolve/", f"quarantine/{aside}/release/"):
        assert program().post(f"/api/v1/{path}", {"choose": "male"}, format="json").status_code == 404
    assert Conflict.objects.count() == 1


@pytest.mark.parametrize(
    ("act", "method", "path"),
    [
        ("see", "get", "/review/"),
        ("resolve", "get", "/review/conflicts/1/"),
        ("resolve", "post", "/review/conflicts/1/"),
        ("see", "get", "/review/quarantine/1/"),
        ("resolve", "post", "/review/quarantine/1/release/"),
        ("resolve", "post", "/review/quarantine/1/reject/"),
        ("see", "get", "/api/v1/conflicts/"),
        ("resolve", "post", "/api/v1/conflicts/1/resolve/"),
        ("see", "get", "/api/v1/quarantine/"),
        ("resolve", "post", "/api/v1/quarantine/1/release/"),
        ("resolve", "post", "/api/v1/quarantine/1/reject/"),
    ],
)
def test_every_door_asks_whether_one_may(here: Site, desk: Desk, act: str, method: str, path: str) -> None:
    desk.acts.remove(act)
    client: Any = program() if path.startswith("/api") else browser()
    assert getattr(client, method)(path).status_code == 403


# --- one conflict ----------------------------------------------------------------------------------------


def test_a_person_chooses_one_of_the_values_on_the_page(here: Site, patient: Patient) -> None:
    client, path = browser(), f"/review/conflicts/{Conflict.objects.get().pk}/"
    text = client.get(path).content.decode()
    assert "tablet at clinic 2" in text
    key = re.search(r'name="choose" value="([0-9a-f]{32}-\d+)"', text)
    assert key
    save_id = hidden(text, "save_id")
    answer = client.post(
        path,
        {"choose": key[1], "note": "Her card.", "version": hidden(text, "version"), "save_id": save_id},
    )
    assert (answer.status_code, answer["location"]) == (302, "/review/")
    assert not Conflict.objects.exists()
    assert Change.objects.filter(save_id=save_id).count() == 2
    assert Decision.objects.get().note == "Her card."
    assert "settled already" in client.get(path, follow=True).content.decode()


def test_whoever_was_shown_a_question_hears_that_a_colleague_settled_it(
    world: World, here: Site, desk: Desk, patient: Patient
) -> None:
    conflict = Conflict.objects.get()
    path, client = f"/review/conflicts/{conflict.pk}/", browser()
    client.get("/review/")
    resolve(by=world.author(here), conflict=conflict, choose=Choice(value="female"))
    assert "settled already" in client.get(path, follow=True).content.decode()
    assert browser().get(path).status_code == 404
    desk.hidden.add(patient.pk)
    assert client.get(path).status_code == 404


def test_a_person_writes_the_right_value_on_the_page(here: Site, patient: Patient) -> None:
    path = f"/review/conflicts/{Conflict.objects.get().pk}/"
    answer = browser().post(path, {"choose": "other", "value": "female", "save_id": str(uuid4())})
    assert answer.status_code == 302
    row = Patient.objects.get(pk=patient.pk)
    assert (row.sex, row.is_contested) == ("female", False)


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({}, "Choose one of the values."),
        ({"choose": "other"}, "Write the right value."),
        ({"choose": "other", "value": "purple"}, "is not one of the known codes"),
        ({"choose": "0-1"}, "This is not one of the values."),
        ({"choose": "other", "value": "female", "note": "x" * 501}, "at most 500"),
    ],
)
def test_a_choice_that_is_none_comes_back_with_the_reason(
    here: Site, posted: dict[str, str], words: str
) -> None:
    answer = browser().post(f"/review/conflicts/{Conflict.objects.get().pk}/", posted)
    assert answer.status_code == 400
    assert words.lower() in answer.content.decode().lower()
    assert Conflict.objects.count() == 1


def test_a_form_of_another_record_is_refused(here: Site) -> None:
    posted = {"choose": "other", "value": "female", "version": "made-up"}
    answer = browser().post(f"/review/conflicts/{Conflict.objects.get().pk}/", posted)
    assert answer.status_code == 400
    assert "does not belong to this record" in answer.content.decode()


def test_when_somebody_was_faster_the_page_says_look_again(
    world: World, here: Site, patient: Patient
) -> None:
    client, path = browser(), f"/review/conflicts/{Conflict.objects.get().pk}/"
    version = hidden(client.get(path).content.decode(), "version")
    with recording(by=world.author(here)) as save:
        save.edit(Patient.objects.get(pk=patient.pk), {"sex": "female"})
    Conflict.objects.create(pk=int(path.split("/")[-2]), table="patients", record_id=patient.pk, field="sex",
                            scope=patient.pk, since=1)  # fmt: skip
    answer = client.post(path, {"choose": "other", "value": "male", "version": version}, follow=True)
    assert "Somebody wrote another value meanwhile" in answer.content.decode()
    assert Patient.objects.get(pk=patient.pk).is_contested


def test_whether_a_record_is_removed_has_no_third_answer(world: World, here: Site, patient: Patient) -> None:
    with recording(by=world.author(here)) as save:
        save.remove(Patient.objects.get(pk=patient.pk))
    other = world.clinics[1]
    with world.at(other), recording(by=world.author(other)) as save:
        save.edit(Patient.objects.get(pk=patient.pk), {"phone": "5551"})
    world.sync(rounds=2)
    with world.at(here):
        conflict = Conflict.objects.get(field="_gone")
        text = browser().get(f"/review/conflicts/{conflict.pk}/").content.decode()
        assert "Remove it: it was entered in error" in text
        assert "Neither: I write the right one" not in text


# --- one save that was set aside -------------------------------------------------------------------------


def test_a_save_is_shown_with_its_content_and_central_decides(here: Site) -> None:
    aside = Aside.objects.get()
    client = browser()
    text = client.get(f"/review/quarantine/{aside.pk}/").content.decode()
    assert "A1-000000-0" in text
    assert aside.code in text
    answer = client.post(f"/review/quarantine/{aside.pk}/release/")
    assert answer.status_code == 409
    assert "The programme office decides this." in answer.content.decode()


def test_at_central_it_is_judged_again_or_rejected(central: Site) -> None:
    aside = Aside.objects.get()
    client = browser()
    answer = client.post(f"/review/quarantine/{aside.pk}/release/", follow=True)
    assert "Central has the same question again." in answer.content.decode()
    assert client.post(f"/review/quarantine/{aside.pk}/reject/", {"note": ""}).status_code == 400
    answer = client.post(
        f"/review/quarantine/{aside.pk}/reject/",
        {"note": "No such number.", "save_id": str(uuid4())},
        follow=True,
    )
    assert "It is not used." in answer.content.decode()
    assert not Aside.objects.exists()
    assert client.get(f"/review/quarantine/{aside.pk}/").status_code == 404


def test_somebody_nobody_has_heard_of_is_the_programme_offices_business(
    world: World, central: Site, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first registration that was set aside: there is no patient here yet whose clinic could be asked."""
    monkeypatch.setattr(
        "sync.saves.judge", lambda save, sight: Verdict("quarantined", "practice", "Practice?")
    )
    clinic = world.clinics[0]
    with world.at(clinic), recording(by=world.author(clinic)) as save:
        save.add(Patient, given_name="Zoila", registered_on=clinic.node.now())
    world.sync(clinic)
    monkeypatch.undo()
    aside = Aside.objects.get(code="practice")
    assert "Practice?" in browser().get("/review/").content.decode()
    assert "Zoila" in browser().get(f"/review/quarantine/{aside.pk}/").content.decode()
    desk.acts.remove("enrol")
    assert "Practice?" not in browser().get("/review/").content.decode()
    assert browser().get(f"/review/quarantine/{aside.pk}/").status_code == 404
    assert "practice" not in {one["code"] for one in program().get("/api/v1/quarantine/").json()}


def test_what_is_mended_goes_through(central: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.saves.judge", lambda save, sight: FINE)
    aside = Aside.objects.get()
    answer = browser().post(f"/review/quarantine/{aside.pk}/release/", follow=True)
    assert "It went through" in answer.content.decode()
    assert Identifier.objects.get().value == "A1-000000-0"


# --- programs --------------------------------------------------------------------------------------------


def test_a_program_reads_both_values_and_chooses_a_version(here: Site, patient: Patient) -> None:
    (told,) = program().get("/api/v1/conflicts/").json()
    assert (told["table"], told["record"], told["field"]) == ("patients", str(patient.pk), "sex")
    chosen = next(one for one in told["values"] if one["value"] == "other")
    answer = program().post(
        f"/api/v1/conflicts/{told['id']}/resolve/",
        {"choose": {"version": chosen["version"]}, "note": "By phone.", "version": told["version"]},
        format="json",
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert (answer.status_code, answer.json()) == (200, {"outcome": "applied", "conflict": None})
    row = Patient.objects.get(pk=patient.pk)
    assert (row.sex, row.is_contested) == ("other", False)
    assert Decision.objects.get().made_by == ROSA


@pytest.mark.parametrize("choose", ["female", {"value": "female"}])
def test_a_program_chooses_a_value(here: Site, patient: Patient, choose: Any) -> None:
    path = f"/api/v1/conflicts/{Conflict.objects.get().pk}/resolve/"
    answer = program().post(path, {"choose": choose}, format="json")
    assert answer.json()["outcome"] == "applied"
    assert Patient.objects.get(pk=patient.pk).sex == "female"


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "invalid"), ({"choose": {"neither": 1}}, "bad-choice"), ({"choose": "purple"}, "unknown-code"),
     ({"choose": "male", "version": "x"}, "bad-version")],
)  # fmt: skip
def test_a_program_that_chooses_badly_gets_a_problem_document(here: Site, body: Any, code: str) -> None:
    answer = program().post(f"/api/v1/conflicts/{Conflict.objects.get().pk}/resolve/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert Conflict.objects.count() == 1


def test_a_program_releases_and_rejects_at_central(central: Site) -> None:
    (told,) = program().get("/api/v1/quarantine/").json()
    assert told["state"] == "quarantined"
    assert {"label": "Number", "text": "A1-000000-0"} in told["values"]
    answer = program().post(f"/api/v1/quarantine/{told['id']}/release/")
    assert answer.json() == {"released": False, "code": told["code"], "sentence": told["sentence"]}
    path = f"/api/v1/quarantine/{told['id']}/reject/"
    assert program().post(path, {}, format="json").json()["code"] == "note-missing"
    assert program().post(path, {"note": "No such number."}, format="json").status_code == 204
    assert program().get("/api/v1/quarantine/").json() == []
    assert program().post(path, {"note": "No such number."}, format="json").status_code == 404
