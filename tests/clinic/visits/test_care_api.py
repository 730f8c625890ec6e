"""Ongoing care for programs: the schedule, decisions, working lists, ICD-10."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clinic.visits.models import CareStep
from registry.people.selectors import today
from tests.clinic.visits.care import Care, ago, published
from tests.clinic.visits.day import Day

API = "/api/v1"


@pytest.fixture
def care(day: Day) -> Care:
    return Care(day, *published(day, "antenatal", "immunisation"))


def test_enrolling_with_the_day_it_counts_from(care: Care) -> None:
    api = care.day.api()
    body = {"patient": str(care.day.patient().pk), "program": "ANC", "incident_on": ago(90).isoformat()}
    made = api.post(f"{API}/enrollments/", body, format="json", secure=True)
    assert made.status_code == 201 and made.json()["incident_on"] == ago(90).isoformat()
    shown = api.get(f"{API}/enrollments/{made.json()['id']}/", secure=True).json()
    first = shown["schedule"][0]
    assert (first["name"], first["state"], first["due_on"]) == ("Contact 1", "due", ago(6).isoformat())
    changed = {"version": shown["version"], "incident_on": ago(84).isoformat()}
    answer = api.patch(f"{API}/enrollments/{made.json()['id']}/", changed, format="json", secure=True)
    assert answer.status_code == 200 and answer.json()["outcome"] == "applied"
    assert answer.json()["schedule"][0]["due_on"] == today().isoformat()


def test_a_decision_is_made_once(care: Care) -> None:
    api, row, key = care.day.api(), care.child(45), str(uuid4())
    body = {"kind": "skipped", "stage": "w6", "reason": "Refused"}
    for _twice in range(2):
        answer = api.post(
            f"{API}/enrollments/{row.pk}/steps/",
            body,
            format="json",
            secure=True,
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 201
    slot = next(slot for slot in answer.json()["schedule"] if slot["stage"] == "epi_stage_w6")
    assert (slot["state"], slot["reason"]) == ("skipped", "Refused")
    assert CareStep.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "skipped", "stage": "w6"}, "missing-reason"),
        ({"kind": "moved", "stage": "w6"}, "missing-date"),
        ({"kind": "moved", "stage": "w6", "on": "2001-01-01"}, "in-the-past"),
        ({"kind": "moved", "stage": "w6", "occurrence": 2}, "missing-date"),
        ({"kind": "skipped", "stage": "moon", "reason": "x"}, "no-such-stage"),
        ({"kind": "reopened"}, "enrollment-active"),
        ({"kind": "assigned", "staff": "nobody"}, "unknown-staff"),
    ],
)
def test_what_is_refused(care: Care, body: dict[str, object], code: str) -> None:
    row = care.child(45)
    answer = care.day.api().post(f"{API}/enrollments/{row.pk}/steps/", body, format="json", secure=True)
    assert answer.status_code >= 400 and answer.json()["code"] == code


def test_every_kind_of_decision(care: Care) -> None:
    api, row = care.day.api(), care.child(45)
    later = (today() + timedelta(days=2)).isoformat()
    for body in (
        {"kind": "skipped", "stage": "w10", "reason": "Refused"},
        {"kind": "wanted", "stage": "w10"},
        {"kind": "moved", "stage": "w10", "on": later},
        {"kind": "follow-up", "on": later, "reason": "Call"},
        {"kind": "followed-up"},
        {"kind": "assigned", "staff": care.day.tina.username},
        {"kind": "completed"},
        {"kind": "reopened"},
        {"kind": "cancelled", "reason": "Wrong child"},
    ):
        answer = api.post(f"{API}/enrollments/{row.pk}/steps/", body, format="json", secure=True)
        assert answer.status_code == 201, answer.json()
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["assigned_to"]["name"] == str(care.day.tina)


def test_a_working_list(care: Care) -> None:
    row = care.child(45)
    api = care.day.api()
    answer = api.get(f"{API}/worklists/", {"list": "overdue", "program": "EPI"}, secure=True).json()
    assert [(line["patient"], line["stage"]) for line in answer["lines"]] == [
        (str(row.patient_id), "At birth")
    ]
    assert answer["next"] is None
    assert api.get(f"{API}/worklists/", {"list": "moon"}, secure=True).status_code == 404
    assert api.get(f"{API}/worklists/", {"program": "moon"}, secure=True).status_code == 404


def test_icd_10_for_programs(care: Care) -> None:
    api = care.day.api()
    found = api.get(f"{API}/icd10/", {"q": "hypertention"}, secure=True).json()
    assert found[0]["code"] == "I10"
    assert len(api.get(f"{API}/icd10/", secure=True).json()) == 8
