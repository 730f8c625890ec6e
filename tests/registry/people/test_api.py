"""The contract of `patients/`: what a program sends and gets back, to the letter."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from registry.people.models import Identifier, Patient
from sync.ledger.models import Change
from sync.ledger.recording import Author
from sync.node import Node
from tests.registry.conftest import Cast, browser, give_numbers, make_patient, token_client

PATIENTS = "/api/v1/patients/"
EVA: dict[str, Any] = {
    "given_name": "Eva",
    "family_name": "Castillo",
    "sex": "female",
    "birth_date": "1990-05-17",
    "phone": "6612-3456",
    "village": "PA-1",
    "identifiers": [{"system": "passport", "value": "PA0123"}],
}


@pytest.fixture
def api(cast: Cast) -> APIClient:
    return token_client(cast.rosa)


def post(api: APIClient, body: object, key: object = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": str(key)}
    return api.post(PATIENTS, body, format="json", headers=headers)


def patch(api: APIClient, patient_id: object, body: object, key: object = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": str(key)}
    return api.patch(f"{PATIENTS}{patient_id}/", body, format="json", headers=headers)


def test_register(api: APIClient, cast: Cast, node: Node) -> None:
    give_numbers(node, 2)
    answer = post(api, EVA, uuid4())
    assert answer.status_code == 201
    said = answer.json()
    assert set(said) == {"id", "number", "provisional_code", "version"}
    assert (said["provisional_code"], bool(said["number"])) == (None, True)
    patient = Patient.objects.get(pk=said["id"])
    assert (patient.village_id, patient.registered_at_id) == (cast.island.pk, cast.bocas.pk)
    assert (patient.made_by, patient.made_on) == (cast.rosa.pk, "loader-1")


def test_the_same_key_is_the_same_registration(api: APIClient) -> None:
    key = uuid4()
    first = post(api, EVA, key)
    patch(api, first.json()["id"], {"version": first.json()["version"], "phone": "777-1234"})
    again = post(api, EVA, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert Patient.objects.count() == 1


def test_another_key_is_another_registration(api: APIClient) -> None:
    ids = {post(api, EVA, key).json()["id"] for key in (uuid4(), uuid4(), None, None)}
    assert len(ids) == 4


def test_an_age_instead_of_a_date(api: APIClient) -> None:
    body = {name: value for name, value in EVA.items() if name != "birth_date"} | {"age_years": 34}
    said = api.get(f"{PATIENTS}{post(api, body).json()['id']}/").json()
    assert (said["birth_date"], said["birth_date_estimated"], said["age_years"]) == ("1992-07-01", True, 34)


@pytest.mark.parametrize(
    ("wrong", "status", "code", "field"),
    [
        ({"sex": "F"}, 400, "invalid", "sex"),
        ({"birth_date": "17/05/1990"}, 400, "invalid", "birth_date"),
        ({"birth_date": None}, 400, "birth-date-missing", "birth_date"),
        ({"birth_date": "2030-01-01"}, 400, "birth-date-in-future", "birth_date"),
        ({"birth_date": None, "age_years": 200}, 400, "invalid", "age_years"),
        ({"birth_date": "1800-01-01"}, 400, "age-out-of-range", "birth_date"),
        ({"given_name": "", "family_name": ""}, 400, "name-missing", "given_name"),
        ({"given_name": "a\0b"}, 400, "invalid", "given_name"),
        ({"family_name": "x" * 101}, 400, "invalid", "family_name"),
        ({"phone": "ask"}, 400, "not-a-phone", "phone"),
        ({"village": "Atlantis"}, 400, "unknown-village", "village"),
        ({"facility": "Atlantis"}, 400, "unknown-facility", "facility"),
        ({"facility": "DAR"}, 403, "not-allowed", None),
        ({"nickname": "Evita"}, 400, "unknown-field", "nickname"),
        (
            {"identifiers": [{"system": "posta:number", "value": "K7-204581-4"}]},
            400,
            "wrong-check-digit",
            None,
        ),
        ({"identifiers": [{"system": "passport"}]}, 400, "invalid", "identifiers.0.value"),
        ({"identifiers": [{"system": "a b", "value": "1"}]}, 400, "unknown-system", "system"),
    ],
)
def test_refusals_are_problems_with_codes(
    api: APIClient, wrong: dict[str, object], status: int, code: str, field: str | None
) -> None:
    answer = post(api, EVA | wrong, uuid4())
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    said = answer.json()
    assert (said["code"], said["status"]) == (code, status)
    assert said["type"] == f"urn:posta:problem:{code}"
    assert said["title"]
    assert field is None or field in said["errors"]
    assert not Patient.objects.exists()


@pytest.mark.parametrize("body", ["[]", "7", '"text"', "{", ""])
def test_bodies_that_are_no_patient(api: APIClient, body: str) -> None:
    answer = api.post(PATIENTS, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_malformed_key_is_refused(api: APIClient) -> None:
    answer = post(api, EVA, "yesterday")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key")


def test_without_a_token(cast: Cast) -> None:
    answer = APIClient().get(PATIENTS, {"q": "Eva"})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "not-authenticated"
    wrong = APIClient()
    wrong.credentials(HTTP_AUTHORIZATION="Bearer posta_nothing")
    answer = wrong.get(PATIENTS, {"q": "Eva"})
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication-failed")


def test_a_browser_session_is_as_good_as_a_token(cast: Cast) -> None:
    client = browser(cast.rosa)
    assert client.get(PATIENTS, {"q": "Eva"}, secure=True).status_code == 200


def test_whoever_may_not_register(cast: Cast) -> None:
    answer = post(token_client(cast.olga), EVA)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


def test_search(api: APIClient, rosa: Author, node: Node) -> None:
    give_numbers(node, 2)
    said = post(api, EVA).json()
    make_patient(rosa, given="Teo", family="Ruiz")
    for q, reason in (
        ("eva castilo", "sounds-alike"),
        ("Castillo, Eva", "swapped-names"),
        ("66123456", "phone"),
        (said["number"], "number"),
        ("passport|pa0123", "identifier"),
    ):
        found = api.get(PATIENTS, {"q": q}).json()
        assert [one["id"] for one in found["results"]] == [said["id"]], q
        assert reason in found["results"][0]["reasons"]
        assert (found["results"][0]["number"], found["more"]) == (said["number"], False)
        assert (found["number"] is not None) == (q == said["number"])


def test_a_search_for_a_mistyped_number_says_so(api: APIClient) -> None:
    found = api.get(PATIENTS, {"q": "K7-204581-4"}).json()
    assert found == {
        "results": [],
        "more": False,
        "number": {"kind": "number", "value": "K7-204581-4", "ok": False},
    }


def test_a_search_for_nothing(api: APIClient) -> None:
    for query in ({}, {"q": "  "}):
        answer = api.get(PATIENTS, query)
        assert (answer.status_code, answer.json()["code"]) == (400, "query-missing")


def test_read(api: APIClient, cast: Cast) -> None:
    patient_id = post(api, EVA).json()["id"]
    said = api.get(f"{PATIENTS}{patient_id}/").json()
    assert said["identifiers"][1]["value"] == "PA0123"
    assert said["provisional_code"] == said["identifiers"][0]["value"]
    expected = {
        "id": patient_id,
        "given_name": "Eva",
        "sex": "female",
        "birth_date": "1990-05-17",
        "age_years": 36,
        "village": str(cast.island.pk),
        "village_name": "Isla Bastimentos",
        "deceased": False,
        "registered_at": str(cast.bocas.pk),
        "number": None,
        "contested": [],
    }
    assert {name: said[name] for name in expected} == expected


def test_change(api: APIClient) -> None:
    made = post(api, EVA).json()
    answer = patch(api, made["id"], {"version": made["version"], "phone": "777-1234", "village": None})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["outcome"], said["phone"], said["village"]) == ("applied", "777-1234", None)
    assert said["version"] != made["version"]


def test_a_stale_version_is_merged_not_refused(api: APIClient, cast: Cast) -> None:
    made = post(api, EVA).json()
    other = token_client(cast.ana)
    patch(other, made["id"], {"version": made["version"], "sex": "other"})
    merged = patch(api, made["id"], {"version": made["version"], "phone": "777-1234"}).json()
    assert (merged["outcome"], merged["sex"], merged["phone"]) == ("merged", "other", "777-1234")
    contested = patch(api, made["id"], {"version": made["version"], "sex": "male"}).json()
    assert (contested["outcome"], contested["contested"]) == ("conflicted", ["sex"])
    settled = patch(other, made["id"], {"version": contested["version"], "sex": "female"}).json()
    assert (settled["outcome"], settled["contested"], settled["sex"]) == ("applied", [], "female")


def test_a_repeated_change_is_one_change(api: APIClient) -> None:
    made, key = post(api, EVA).json(), uuid4()
    answers = [
        patch(api, made["id"], {"version": made["version"], "phone": "777-1234"}, key).json()
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert Change.objects.filter(save_id=key).count() == 1


def test_a_repeat_says_what_the_first_answer_said_whatever_happened_since(api: APIClient, cast: Cast) -> None:
    made, other = post(api, EVA).json(), token_client(cast.ana)
    stale, merging, clashing = made["version"], uuid4(), uuid4()
    patch(other, made["id"], {"version": stale, "sex": "other"})
    for _ in range(2):  # the second time the record is contested, by what comes below
        assert (
            patch(api, made["id"], {"version": stale, "phone": "777-1234"}, merging).json()["outcome"]
            == "merged"
        )
        contested = patch(api, made["id"], {"version": stale, "sex": "male"}, clashing).json()
        assert contested["outcome"] == "conflicted"
    patch(other, made["id"], {"version": contested["version"], "sex": "female"})
    after = patch(api, made["id"], {"version": stale, "sex": "male"}, clashing).json()
    assert (after["outcome"], after["contested"], after["sex"]) == ("conflicted", [], "female")
    assert (
        patch(api, post(api, EVA).json()["id"], {"version": stale, "phone": "777-1234"}, merging).status_code
        == 409
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"phone": "777-1234"}, "invalid"),
        ({"version": "made-up", "phone": "777-1234"}, "bad-version"),
        ({"registered_on": "2026-01-01"}, "unknown-field"),
        ({"version": "{version}", "birth_date": "2030-01-01"}, "birth-date-in-future"),
    ],
)
def test_changes_that_are_refused(api: APIClient, body: dict[str, str], code: str) -> None:
    made = post(api, EVA).json()
    answer = patch(api, made["id"], {name: text.format(**made) for name, text in body.items()})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_version_of_another_patient_is_refused(api: APIClient) -> None:
    one, other = post(api, EVA).json(), post(api, EVA).json()
    answer = patch(api, one["id"], {"version": other["version"], "phone": "777-1234"})
    assert answer.json()["code"] == "bad-version"


def test_history(api: APIClient, cast: Cast) -> None:
    made = post(api, EVA).json()
    patch(token_client(cast.ana), made["id"], {"version": made["version"], "phone": "777-1234"})
    entries = api.get(f"{PATIENTS}{made['id']}/history/").json()
    phones = [entry for entry in entries if entry["field"] == "phone"]
    assert [(entry["value"], entry["replaced"], entry["shown"]) for entry in phones] == [
        ("777-1234", ["6612-3456"], True),
        ("6612-3456", [], False),
    ]
    assert phones[0]["by"] == {"id": str(cast.ana.pk), "name": "Ana Batista"}
    assert (phones[1]["by"]["name"], phones[1]["device"], phones[1]["node"]) == (
        "Rosa Pineda",
        "loader-1",
        "Bocas",
    )
    assert phones[0]["received_at"]["laptop"]
    assert phones[0]["received_at"]["central"] is None
    assert {entry["record"] for entry in entries} == {"patient", "passport", "posta:provisional"}


@pytest.mark.parametrize("tail", ["", "history/"])
def test_whom_one_may_not_see_is_nobody(cast: Cast, node: Node, rosa: Author, tail: str) -> None:
    patient = make_patient(rosa, facility=cast.bocas).patient
    node.role = "central"
    stranger = token_client(cast.iris)
    hidden = stranger.get(f"{PATIENTS}{patient.pk}/{tail}")
    nobody = stranger.get(f"{PATIENTS}{UUID(int=1)}/{tail}")
    assert (hidden.status_code, hidden.json()) == (nobody.status_code, nobody.json())
    assert hidden.json()["code"] == "not-found"
    changed = patch(stranger, patient.pk, {"version": patient.version, "phone": "777-1234"})
    assert changed.status_code == 404


def test_reading_writes_nothing(api: APIClient, rosa: Author) -> None:
    patient = make_patient(rosa).patient
    before = Change.objects.exclude(table="openings").count()
    api.get(f"{PATIENTS}{patient.pk}/")
    api.get(f"{PATIENTS}{patient.pk}/history/")
    api.get(PATIENTS, {"q": "José"})
    assert Change.objects.exclude(table="openings").count() == before
    assert Identifier.objects.count() == 1


def test_the_calls_describe_themselves(api: APIClient) -> None:
    generator: Any = SchemaGenerator
    schema = generator(urlconf="registry.people.api_urls").get_schema(public=True)
    operations = {
        operation["operationId"] for path in schema["paths"].values() for operation in path.values()
    }
    assert operations == {
        "find_patients",
        "register_patient",
        "read_patient",
        "change_patient",
        "patient_history",
        "read_relations",
        "add_relation",
        "remove_relation",
    }
    assert {"token": []} in schema["paths"]["/patients/"]["post"]["security"]
