"""The laboratory for programs."""

from __future__ import annotations

from uuid import uuid4

from clinic.lab.models import LabOrder
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from tests.clinic.visits.day import Day

ORDERS = "/api/v1/lab/orders/"


def test_an_order_and_its_result(day: Day, visit: Visit, liz: StaffMember) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"patient": str(visit.patient_id), "visit": str(visit.pk), "tests": ["malaria-rdt"]}
    made = day.api().post(ORDERS, body, format="json", headers=headers)
    assert made.status_code == 201
    assert made.json() == day.api().post(ORDERS, body, format="json", headers=headers).json()
    (order,) = made.json()
    assert (order["state"], order["name"]) == ("ordered", "Malaria, rapid test")
    bench = day.api(liz)
    assert [one["id"] for one in bench.get(ORDERS).json()] == [order["id"]]
    told = bench.post(f"{ORDERS}{order['id']}/result/", {"value": "negative"}, format="json").json()
    (result,) = told["results"]
    assert (told["state"], result["flag"], result["text"]) == ("resulted", "normal", "Negative")
    assert day.api().post(f"{ORDERS}{order['id']}/seen/").json()["state"] == "seen"


def test_a_stale_correction_is_another_opinion(day: Day, visit: Visit, liz: StaffMember) -> None:
    bench, body = day.api(liz), {"patient": str(visit.patient_id), "tests": ["hb"]}
    (order,) = day.api().post(ORDERS, body, format="json").json()
    told = bench.post(f"{ORDERS}{order['id']}/result/", {"value": "12"}, format="json").json()
    result = told["results"][0]
    url = f"/api/v1/lab/results/{result['id']}/"
    first = bench.patch(url, {"value": "13", "version": result["version"]}, format="json").json()
    second = bench.patch(url, {"value": "14", "version": result["version"]}, format="json").json()
    assert (first["outcome"], second["outcome"]) == ("applied", "conflicted")


def test_refusals_have_codes(day: Day, visit: Visit, liz: StaffMember) -> None:
    body = {"patient": str(visit.patient_id), "tests": ["hb"]}
    refused = day.api(liz).post(ORDERS, body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert day.api().post(ORDERS, body | {"tests": ["x"]}, format="json").json()["code"] == "unknown-test"
    assert day.api().post(ORDERS, body | {"patient": str(uuid4())}, format="json").status_code == 404
    assert day.api().post(f"{ORDERS}{uuid4()}/cancel/").status_code == 404
    (order,) = day.api().post(ORDERS, body, format="json").json()
    wrong = day.api(liz).post(f"{ORDERS}{order['id']}/result/", {"value": "blue"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "not-a-number")
    assert day.api().post(f"{ORDERS}{order['id']}/cancel/").json()["state"] == "cancelled"
    assert LabOrder.objects.count() == 1
