"""The contract of the API for medicines, prescriptions, dispensings, stock and allergies."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from clinic.pharmacy.models import Dispensing, Prescription, StockMovement
from clinic.visits.models import Visit
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.visits.test_api import API, NOBODY, post, refusal


@pytest.fixture
def ana(shelf: Shelf) -> APIClient:
    return shelf.day.api()


@pytest.fixture
def pia(shelf: Shelf) -> APIClient:
    return shelf.day.api(shelf.day.pia)


def prescription_of(visit: Visit, **line: object) -> dict[str, Any]:
    said = {"medicine": "AMOX", "dose": "1", "frequency": "three-times", "days": 5} | line
    return {"patient": str(visit.patient_id), "visit": str(visit.pk), "lines": [said]}


def test_a_prescription_is_made_once_for_one_key(shelf: Shelf, ana: APIClient, visit: Visit) -> None:
    key = uuid4()
    answers = [post(ana, "prescriptions/", prescription_of(visit), key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    body = answers[0].json()
    assert body["by"] == {"id": str(shelf.day.cast.ana.pk), "name": "Ana Batista"}
    (line,) = body["lines"]
    assert line | {"id": ""} == {
        "id": "",
        "medicine": str(shelf["AMOX"].pk),
        "medicine_name": "Amoxicillin 500 mg capsule",
        "dose": "1.00",
        "route": "oral",
        "frequency": "three-times",
        "days": 5,
        "quantity": 15,
        "instructions": "",
        "directions": "1 capsule. 3 times a day, 5 days",
        "cautions": [],
        "override": "",
        "state": "prescribed",
        "dispensed": 0,
        "remaining": 15,
    }
    assert Prescription.objects.count() == 1


@pytest.mark.parametrize(
    ("line", "status", "code", "field"),
    [
        ({"medicine": "NOPE"}, 404, "unknown-medicine", "lines.0.medicine"),
        ({"frequency": "hourly"}, 400, "invalid", "lines.0.frequency"),
        ({"frequency": "as-needed"}, 400, "quantity-missing", "lines.0.quantity"),
        ({"colour": "red"}, 400, "unknown-field", "colour"),
    ],
)
def test_a_line_that_is_not_right_is_refused_beside_its_field(
    shelf: Shelf, ana: APIClient, visit: Visit, line: dict[str, object], status: int, code: str, field: str
) -> None:
    answer = post(ana, "prescriptions/", prescription_of(visit, **line))
    assert refusal(answer) == (status, code)
    assert list(answer.json()["errors"]) == [field]


def test_an_allergy_is_told_to_programs_and_stops_the_prescription(
    shelf: Shelf, ana: APIClient, visit: Visit
) -> None:
    said = {"patient": str(visit.patient_id), "substance": "Penicillins", "atc": "J01C", "severity": "severe"}
    noted = post(shelf.day.api(shelf.day.tina), "allergies/", said, uuid4())
    assert (noted.status_code, noted.json()["refuted"]) == (201, False)
    answer = post(ana, "prescriptions/", prescription_of(visit))
    assert refusal(answer) == (409, "caution")
    assert answer.json()["cautions"] == [{"code": "allergy", "about": "Penicillins"}]
    assert post(ana, "prescriptions/", prescription_of(visit, override="No other")).status_code == 201
    refuted = post(ana, f"allergies/{noted.json()['id']}/refute/", {"reason": "A virus"}, uuid4())
    assert refuted.json()["refuted"] is True
    listed = ana.get(f"{API}/allergies/", {"patient": str(visit.patient_id)}).json()
    assert [one["refuted"] for one in listed] == [True]


def test_what_expires_first_is_handed_out_once_for_one_key(
    shelf: Shelf, ana: APIClient, pia: APIClient, visit: Visit
) -> None:
    for lot, expires in (("B", "2028-01-31"), ("A", "2027-01-31")):
        said = {"medicine": "AMOX", "quantity": 10, "lot_number": lot, "expires_on": expires}
        assert post(pia, "stock/receipts/", said, uuid4()).status_code == 201
    made = post(ana, "prescriptions/", prescription_of(visit)).json()
    key, line = uuid4(), made["lines"][0]["id"]
    body = {"prescription": made["id"], "items": [{"line": line, "quantity": 15}]}
    answers = [post(pia, "dispensings/", body, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [(one["lot_number"], one["quantity"]) for one in answers[0].json()["items"]] == [
        ("A", 10),
        ("B", 5),
    ]
    assert Dispensing.objects.count() == 1
    again = ana.get(f"{API}/prescriptions/{made['id']}/").json()
    assert again["lines"][0]["state"] == "dispensed"
    assert pia.get(f"{API}/dispensings/{answers[0].json()['id']}/").json() == answers[0].json()


def test_more_than_there_is_is_refused_with_what_there_is(
    shelf: Shelf, ana: APIClient, pia: APIClient, visit: Visit
) -> None:
    shelf.receive(quantity=4)
    made = post(ana, "prescriptions/", prescription_of(visit)).json()
    line = made["lines"][0]["id"]
    lots = [{"lot_number": "A1", "expires_on": "2028-06-30", "quantity": 5}]
    for item, field in (({"quantity": 5}, "items.0.quantity"), ({"lots": lots}, "items.0.lots.0.quantity")):
        body = {"prescription": made["id"], "items": [{"line": line} | item]}
        answer = post(pia, "dispensings/", body, uuid4())
        assert refusal(answer) == (409, "above-stock")
        assert list(answer.json()["errors"]) == [field]
        assert answer.json()["in_stock"] == 4
    assert shelf.balance() == 4


def test_a_line_is_cancelled_by_its_prescriber_and_ended_by_the_pharmacist(
    shelf: Shelf, ana: APIClient, pia: APIClient, visit: Visit
) -> None:
    made = post(ana, "prescriptions/", prescription_of(visit)).json()
    path = f"prescription-lines/{made['lines'][0]['id']}"
    assert refusal(post(pia, f"{path}/cancel/", {})) == (403, "not-allowed")
    assert refusal(post(pia, f"{path}/end/", {})) == (400, "reason-missing")
    ended = post(pia, f"{path}/end/", {"reason": "None left"}, uuid4()).json()
    assert ended["lines"][0]["state"] == "ended"
    assert refusal(post(ana, f"{path}/cancel/", {})) == (409, "line-closed")


def test_the_stock_is_told_with_what_needs_somebody(shelf: Shelf, pia: APIClient) -> None:
    shelf.receive("AMOX", 40)
    shelf.move("AMP", -2)
    body = pia.get(f"{API}/stock/").json()
    assert body["facility"] == str(shelf.here.pk)
    told = {one["medicine"]["code"]: one for one in body["stock"]}
    assert (told["AMOX"]["balance"], told["AMOX"]["low"]) == (40, True)
    assert told["AMOX"]["lots"] == [
        {
            "lot_number": "A1",
            "expires_on": "2028-06-30",
            "balance": 40,
            "expired": False,
            "expires_soon": False,
        }
    ]
    counted = pia.get(f"{API}/stock/", {"only": "count"}).json()["stock"]
    assert [one["medicine"]["code"] for one in counted] == ["AMP"]
    likely = pia.get(f"{API}/stock/", {"q": "amoxy"}).json()["stock"]
    assert likely[0]["medicine"]["code"] == "AMOX"


def test_stock_is_adjusted_and_counted(shelf: Shelf, pia: APIClient) -> None:
    shelf.receive()
    lot = {"medicine": "AMOX", "lot_number": "a1", "expires_on": "2028-06-30"}
    made = post(pia, "stock/adjustments/", lot | {"reason": "damaged", "quantity": 10}, uuid4())
    assert (made.status_code, made.json()["quantity"], made.json()["kind"]) == (201, -10, "discarded")
    counts = {"counts": [lot | {"counted": 80, "shown": 100}]}
    assert refusal(post(pia, "stock/counts/", counts)) == (409, "stock-moved")
    counted = post(pia, "stock/counts/", {"counts": [lot | {"counted": 80, "shown": 90}]}, uuid4())
    assert [one["quantity"] for one in counted.json()] == [-10]
    told = pia.get(f"{API}/stock/movements/", {"medicine": "AMOX"}).json()
    assert sum(one["quantity"] for one in told) == 80
    assert StockMovement.objects.count() == 3
    sent = lot | {"reason": "sent-elsewhere", "quantity": 5, "to": "DAR"}
    assert post(pia, "stock/adjustments/", sent).json()["counterpart"] == str(shelf.day.cast.darien.pk)
    nowhere = lot | {"reason": "sent-elsewhere", "quantity": 5, "to": "ATLANTIS"}
    assert refusal(post(pia, "stock/adjustments/", nowhere)) == (404, "unknown-to")


def test_others_are_refused(shelf: Shelf, ana: APIClient, visit: Visit) -> None:
    receipt = {"medicine": "AMOX", "quantity": 1}
    assert refusal(post(ana, "stock/receipts/", receipt)) == (403, "not-allowed")
    tina = shelf.day.api(shelf.day.tina)
    assert refusal(post(tina, "prescriptions/", prescription_of(visit))) == (403, "not-allowed")
    stranger = prescription_of(visit) | {"patient": NOBODY}
    assert refusal(post(ana, "prescriptions/", stranger)) == (404, "unknown-patient")
    assert APIClient().get(f"{API}/stock/").status_code == 401


def test_waiting_prescriptions_and_a_persons_own_are_listed(
    shelf: Shelf, ana: APIClient, visit: Visit
) -> None:
    made = post(ana, "prescriptions/", prescription_of(visit)).json()
    assert [one["id"] for one in ana.get(f"{API}/prescriptions/").json()] == [made["id"]]
    mine = ana.get(f"{API}/prescriptions/", {"patient": str(visit.patient_id)}).json()
    assert mine == [made]
    assert {one["code"] for one in ana.get(f"{API}/medicines/").json()} == set(shelf.medicines)
