"""The contract of `docs`' API for visits, enrollments and events: keys, versions, outcomes, problems."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from clinic.visits.models import Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.policy import VisitState
from sync.ledger.models import Change
from tests.clinic.visits.day import Day

NOBODY = "01a1f84a-95c0-8ec9-9686-187d576a1fa1"
API = "/api/v1"
PROBLEM = "application/problem+json"


def post(client: APIClient, path: str, body: dict[str, Any], key: object = None) -> Any:
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": str(key)}
    return client.post(f"{API}/{path}", body, format="json", **headers)  # type: ignore[arg-type]


def patch(client: APIClient, path: str, body: dict[str, Any], key: object = None) -> Any:
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": str(key)}
    return client.patch(f"{API}/{path}", body, format="json", **headers)  # type: ignore[arg-type]


def triage_of(visit: Visit, **values: object) -> dict[str, Any]:
    return {
        "patient": str(visit.patient_id),
        "visit": str(visit.pk),
        "program": "OPD",
        "stage": "triage",
        "values": values or {"weight": 12.4},
    }


def refusal(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"] == PROBLEM
    return response.status_code, response.json()["code"]


# --- visits -------------------------------------------------------------------------------------------------


def test_a_visit_is_opened_once_for_one_key(day: Day) -> None:
    patient, key, client = day.patient(), uuid4(), day.api(day.cast.rosa)
    answers = [
        post(client, "visits/", {"patient": str(patient.pk), "category": "anc"}, key) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    body = answers[0].json()
    assert body | {"version": ""} == {
        "id": str(Visit.objects.get().pk),
        "patient": str(patient.pk),
        "facility": str(day.cast.bocas.pk),
        "category": "anc",
        "opened_at": "2026-11-20T09:30:00Z",
        "state": "waiting",
        "station": "triage",
        "since": "2026-11-20T09:30:00Z",
        "arrived_at": "2026-11-20T09:30:00Z",
        "claimed_by": None,
        "also_claimed": [],
        "waits_for": None,
        "priority": "normal",
        "skips": 0,
        "closed_at": None,
        "version": "",
    }


def test_who_is_on_a_visit_gets_that_visit(day: Day, visit: Visit) -> None:
    answer = post(day.api(), "visits/", {"patient": str(visit.patient_id)}, uuid4())
    assert (answer.status_code, answer.json()["id"]) == (200, str(visit.pk))


def test_a_visit_is_claimed_sent_and_closed(day: Day, visit: Visit) -> None:
    client = day.api(day.tina)
    claimed = post(client, f"visits/{visit.pk}/claim/", {}).json()
    assert (claimed["state"], claimed["claimed_by"]) == (
        "with-someone",
        {"id": str(day.tina.pk), "name": "Tina Abrego"},
    )
    sent = post(client, f"visits/{visit.pk}/send/", {"station": "provider"}).json()
    assert (sent["state"], sent["station"], sent["claimed_by"]) == ("waiting", "provider", None)
    closed = post(day.api(), f"visits/{visit.pk}/close/", {}).json()
    assert closed["state"] == VisitState.CLOSED
    assert closed["closed_at"] == "2026-11-20T09:30:00Z"
    assert client.get(f"{API}/visits/{visit.pk}/").json() == closed


def test_a_retried_step_happens_once(day: Day, visit: Visit) -> None:
    client, key = day.api(day.tina), uuid4()
    answers = [post(client, f"visits/{visit.pk}/send/", {"station": "lab"}, key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert VisitStep.objects.filter(station="lab").count() == 1


def test_a_step_takes_a_version_and_nothing_it_does_not_know(day: Day, visit: Visit) -> None:
    client, path = day.api(day.tina), f"visits/{visit.pk}"
    assert refusal(post(client, f"{path}/close/", {"why": "lunch"})) == (400, "unknown-field")
    assert post(client, f"{path}/claim/", {"version": visit.version}).status_code == 200
    assert post(client, f"{path}/send/", {"station": "lab", "version": visit.version}).status_code == 200


def test_two_tablets_reach_for_one_patient(day: Day, visit: Visit) -> None:
    post(day.api(day.tina), f"visits/{visit.pk}/claim/", {})
    assert refusal(post(day.api(), f"visits/{visit.pk}/claim/", {})) == (409, "already-claimed")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"category": "party"}, 400, "unknown-category", "category"),
        ({"station": "roof"}, 400, "unknown-station", "station"),
        ({"facility": "NOWHERE"}, 404, "unknown-facility", "facility"),
        ({"patient": NOBODY}, 404, "unknown-patient", "patient"),
        ({"patient": "José"}, 400, "invalid", "patient"),
        ({"colour": "blue"}, 400, "unknown-field", "colour"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    day: Day, body: dict[str, str], status: int, code: str, field: str
) -> None:
    answer = post(day.api(), "visits/", {"patient": str(day.patient().pk)} | body)
    assert refusal(answer) == (status, code)
    assert list(answer.json()["errors"]) == [field]
    assert not Visit.objects.exists()


def test_a_key_is_a_uuid(day: Day) -> None:
    answer = post(day.api(), "visits/", {"patient": str(day.patient().pk)}, "yesterday's")
    assert refusal(answer) == (400, "bad-idempotency-key")


def test_roles_and_strangers(day: Day, visit: Visit) -> None:
    patient = str(day.patient().pk)
    assert refusal(post(day.api(day.pia), "visits/", {"patient": patient})) == (403, "not-allowed")
    assert refusal(post(day.api(day.cast.iris), f"visits/{visit.pk}/close/", {})) == (403, "not-allowed")
    assert refusal(post(APIClient(), "visits/", {"patient": patient}))[0] == 401


def test_an_unknown_visit_is_not_found(day: Day) -> None:
    client = day.api()
    assert refusal(client.get(f"{API}/visits/{uuid4()}/")) == (404, "not-found")
    assert refusal(client.get(f"{API}/events/{uuid4()}/")) == (404, "not-found")


# --- enrollments --------------------------------------------------------------------------------------------


def test_somebody_is_enrolled_once(day: Day) -> None:
    patient, client = day.patient(), day.api()
    body = {"patient": str(patient.pk), "program": "CHILD", "enrolled_on": "2026-11-02"}
    answers = [post(client, "enrollments/", body, key) for key in [uuid4()] * 2 + [uuid4()]]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    row = Enrollment.objects.get()
    assert answers[0].json()["id"] == str(row.pk)
    assert (answers[0].json()["program"], row.enrolled_on.isoformat()) == ("child0", "2026-11-02")


def test_an_unknown_program_is_said(day: Day) -> None:
    body = {"patient": str(day.patient().pk), "program": "MARS"}
    assert refusal(post(day.api(), "enrollments/", body)) == (404, "unknown-program")


# --- events -------------------------------------------------------------------------------------------------


def test_one_key_records_one_event_and_answers_the_same(day: Day, visit: Visit) -> None:
    client, key = day.api(day.tina), uuid4()
    first = post(client, "events/", triage_of(visit, weight=12.4, pregnant="NO"), key)
    again = post(client, "events/", triage_of(visit, weight=12.4, pregnant="NO"), key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    event, body = StageEvent.objects.get(), first.json()
    assert body["values"] == {"weight": "12.4", "pregnant": "NO"}
    assert body["answers"] == [
        {"code": "weight", "question": "Weight", "text": "12.4 kg", "contested": False},
        {"code": "pregnant", "question": "Pregnancy", "text": "Not pregnant", "contested": False},
    ]
    assert (body["program"], body["stage"], body["status"]) == ("opd", "opd_stage_triage", "completed")
    assert body["by"] == {"id": str(day.tina.pk), "name": "Tina Abrego"}
    assert client.get(f"{API}/events/{event.pk}/").json() == body


def test_a_late_repeat_does_not_claim_to_have_seen_the_correction(day: Day, visit: Visit) -> None:
    client, key = day.api(day.tina), uuid4()
    first = post(client, "events/", triage_of(visit), key).json()
    seen = {"version": first["version"], "values": {"weight": 12.6}}
    assert patch(client, f"events/{first['id']}/", seen).json()["outcome"] == "applied"
    assert post(client, "events/", triage_of(visit), key).json()["version"] == first["version"]


def test_wrong_answers_have_a_code_each(day: Day, visit: Visit) -> None:
    answer = post(day.api(day.tina), "events/", triage_of(visit, weight="heavy", pregnant="maybe", shoe=42))
    assert refusal(answer) == (400, "not-a-number")
    body = answer.json()
    assert body["codes"] == {
        "values.weight": "not-a-number",
        "values.pregnant": "unknown-option",
        "values.shoe": "unknown-element",
    }
    assert set(body["errors"]) == set(body["codes"])
    assert not StageEvent.objects.exists()


def test_a_name_that_is_no_text_is_refused_like_any_other(day: Day, visit: Visit) -> None:
    body = json.dumps(triage_of(visit) | {"values": {"\ud800\0": 1}})
    answer = day.api(day.tina).post(f"{API}/events/", body, content_type="application/json")
    assert refusal(answer) == (400, "unknown-element")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"program": "MARS"}, 404, "unknown-program"),
        ({"stage": "landing"}, 404, "no-such-stage"),
        ({"visit": NOBODY}, 404, "unknown-visit"),
        ({"enrollment": NOBODY}, 404, "unknown-enrollment"),
        ({"values": {"weight": None, "nobody_asks": 1}}, 400, "unknown-element"),
        ({"values": {"danger_signs": ["purple"]}}, 400, "unknown-option"),
        ({"values": "heavy"}, 400, "invalid"),
        ({"occurred_at": "2026-12-24T18:00:00Z"}, 400, "in-the-future"),
        ({"occurred_at": "tomorrow"}, 400, "invalid"),
        ({"stage": "consultation"}, 403, "not-allowed"),
        ({"status": "perhaps"}, 400, "invalid"),
    ],
)
def test_events_that_cannot_be(
    day: Day, visit: Visit, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = post(day.api(day.tina), "events/", triage_of(visit) | changes)
    assert refusal(answer) == (status, code)
    assert not StageEvent.objects.exists()


def test_a_visit_of_somebody_else_is_no_visit_here(day: Day, visit: Visit) -> None:
    body = triage_of(visit) | {"patient": str(day.patient().pk)}
    assert refusal(post(day.api(day.tina), "events/", body)) == (404, "unknown-visit")


def test_a_stale_version_is_merged_or_kept_as_a_conflict(day: Day, visit: Visit) -> None:
    client = day.api(day.tina)
    event = post(client, "events/", triage_of(visit)).json()
    path, stale = f"events/{event['id']}/", event["version"]
    applied = patch(client, path, {"version": stale, "values": {"weight": 12.6}}).json()
    assert (applied["outcome"], applied["values"]) == ("applied", {"weight": "12.6"})
    merged = patch(client, path, {"version": stale, "values": {"pulse": 88}}).json()
    assert (merged["outcome"], merged["contested"]) == ("merged", [])
    conflicted = patch(client, path, {"version": stale, "values": {"weight": 14.2}}).json()
    assert (conflicted["outcome"], conflicted["contested"]) == ("conflicted", ["values.weight"])
    weight = next(answer for answer in conflicted["answers"] if answer["code"] == "weight")
    assert set(weight["text"].split(" or ")) == {"12.6 kg", "14.2 kg"}
    fresh = {"version": conflicted["version"], "values": {"weight": 14.2}}
    decided = patch(client, path, fresh).json()
    assert (decided["outcome"], decided["contested"]) == ("applied", [])


def test_a_retried_correction_is_one_change_with_the_same_outcome(day: Day, visit: Visit) -> None:
    client, key = day.api(day.tina), uuid4()
    event = post(client, "events/", triage_of(visit)).json()
    path, stale = f"events/{event['id']}/", event["version"]
    patch(client, path, {"version": stale, "values": {"weight": 12.6}})
    before = Change.objects.exclude(table="openings").count()
    answers = [patch(client, path, {"version": stale, "values": {"pulse": 88}}, key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["outcome"] == "merged"
    assert Change.objects.exclude(table="openings").count() == before + 1


def test_a_correction_needs_a_version_of_this_record(day: Day, visit: Visit) -> None:
    client = day.api(day.tina)
    event = post(client, "events/", triage_of(visit)).json()
    path = f"events/{event['id']}/"
    assert refusal(patch(client, path, {"values": {"weight": 1}})) == (400, "invalid")
    forged = {"values": {"weight": 1}, "version": visit.version}
    assert refusal(patch(client, path, forged)) == (400, "bad-version")
    assert refusal(patch(client, path, {"version": event["version"], "weight": 1})) == (400, "unknown-field")


def test_every_kind_of_answer_comes_in_as_json_and_as_text(day: Day, visit: Visit) -> None:
    said = {"complaint_days": 3, "danger_signs": ["CONVULSIONS"], "bp_systolic": "120", "last_period": ""}
    body = post(day.api(day.tina), "events/", triage_of(visit, **said)).json()
    assert body["values"] == {"complaint_days": "3", "danger_signs": ["CONVULSIONS"], "bp_systolic": "120"}


# --- timeline -----------------------------------------------------------------------------------------------


def test_a_timeline_tells_visits_events_and_enrollments(day: Day, visit: Visit) -> None:
    day.enrolled(visit.patient)
    event = day.triage(visit)
    body = day.api().get(f"{API}/patients/{visit.patient_id}/timeline/").json()
    assert [one["id"] for one in body["visits"]] == [str(visit.pk)]
    assert [one["id"] for one in body["visits"][0]["events"]] == [str(event.pk)]
    assert [one["program"] for one in body["enrollments"]] == ["child0"]
    assert body["events"] == []


def test_a_timeline_of_nobody_is_not_found(day: Day) -> None:
    assert refusal(day.api().get(f"{API}/patients/{uuid4()}/timeline/"))[0] == 404


def test_central_shows_a_patient_only_to_their_facilities(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    day.node.role = "central"
    iris = day.api(day.cast.iris)
    for path in (f"visits/{visit.pk}/", f"events/{event.pk}/", f"patients/{visit.patient_id}/timeline/"):
        assert iris.get(f"{API}/{path}").status_code == 404


def test_the_openapi_document_names_every_call(day: Day) -> None:
    body = day.api().get(f"{API}/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    assert {
        "/api/v1/visits/",
        "/api/v1/visits/{visit_id}/send/",
        "/api/v1/visits/{visit_id}/claim/",
        "/api/v1/visits/{visit_id}/close/",
        "/api/v1/enrollments/",
        "/api/v1/events/",
        "/api/v1/events/{event_id}/",
        "/api/v1/patients/{patient_id}/timeline/",
        "/api/v1/board/",
    } <= set(body["paths"])
