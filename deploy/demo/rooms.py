"""The rooms of a demo day, over HTTP only: one patient is tested, treated, and sent on with a letter.

Lives here: `walk` (what happens here) and `arrive` (at the place that the letter was written to). Each step
checks what it was answered, and tries what must be refused. Not here: the day around it (`day.py`), when it
is sent (`check.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from deploy.demo.day import must
from deploy.demo.programme import FACILITIES
from deploy.demo.tablet import Tablet
from registry.staff.policy import Role

Tablets = Mapping[Role, Tablet]
THERE: Final = FACILITIES[1][0]
LOTS: Final = (("LATE", 300, 40), ("EARLY", 60, 10))
"""Number, days until it expires, how many: the one that came last goes first."""


def walk(tablets: Tablets, patient: str) -> str:
    """Tested, found out of range, treated with what is in stock, referred. Answers the referral's id."""
    visit = tablets[Role.REGISTRAR].post("visits/", {"patient": patient})["id"]
    _test(tablets, patient, visit)
    _treat(tablets, patient, visit)
    body = {"patient": patient, "visit": visit, "to_facility": THERE, "reason": "Anaemia", "urgent": True}
    letter = tablets[Role.PROVIDER].post("referrals/", body)
    must(letter["state"] == "sent", f"A letter that was just written is {letter['state']}.")
    tablets[Role.PHARMACIST].post(f"visits/{visit}/close/")
    return str(letter["id"])


def _test(tablets: Tablets, patient: str, visit: str) -> None:
    provider, bench = tablets[Role.PROVIDER], tablets[Role.LAB]
    provider.post(f"visits/{visit}/send/", {"station": "provider"})
    provider.post(f"visits/{visit}/claim/")
    body = {"patient": patient, "visit": visit, "tests": ["hb"], "urgent": True}
    (order,) = provider.post("lab/orders/", body)
    provider.post(f"visits/{visit}/send/", {"station": "lab"})
    waiting = {one["id"] for one in bench.get("lab/orders/")}
    must(order["id"] in waiting, "The laboratory does not see an order.")
    path = f"lab/orders/{order['id']}"
    bench.post(f"visits/{visit}/claim/")
    (result,) = bench.post(f"{path}/result/", {"value": "5.9"})["results"]
    must(result["flag"] == "critical", f"A haemoglobin of 5.9 is said to be {result['flag']}.")
    second = bench.refused(f"{path}/result/", {"value": "12.9"})
    must(second == "has-a-result", f"A second result of one order: {second}.")
    bench.post(f"visits/{visit}/send/", {"station": "provider"})
    must(provider.post(f"{path}/seen/")["state"] == "seen", "A result that was seen does not say so.")


def _treat(tablets: Tablets, patient: str, visit: str) -> None:
    provider, pharmacist = tablets[Role.PROVIDER], tablets[Role.PHARMACIST]
    allergy = {"patient": patient, "substance": "Penicillins", "atc": "J01C", "severity": "severe"}
    provider.post("allergies/", allergy)
    wanted = {"medicine": "AMOX500", "dose": "1", "frequency": "three-times", "days": 5}
    prescription = {"patient": patient, "visit": visit, "lines": [wanted]}
    warned = provider.refused("prescriptions/", prescription)
    must(warned == "caution", f"A penicillin in spite of an allergy: {warned}.")
    wanted |= {"medicine": "FEFA", "frequency": "daily", "days": 30}
    made = provider.post("prescriptions/", prescription)
    provider.post(f"visits/{visit}/send/", {"station": "pharmacy"})
    pharmacist.post(f"visits/{visit}/claim/")
    _hand_out(pharmacist, made["id"], made["lines"][0]["id"])


def _hand_out(pharmacist: Tablet, prescription: str, line: str) -> None:
    for number, days, quantity in LOTS:
        lot = {"lot_number": number, "expires_on": _in_days(days).isoformat()}
        pharmacist.post("stock/receipts/", {"medicine": "FEFA", "quantity": quantity, **lot})
    too_much = {"line": line, "lots": [{**_lot("EARLY"), "quantity": 11}]}
    said = pharmacist.refused("dispensings/", {"prescription": prescription, "items": [too_much]})
    must(said == "above-stock", f"More than there is of a lot: {said}.")
    body = {"prescription": prescription, "items": [{"line": line, "quantity": 25}]}
    given = {one["lot_number"]: one["quantity"] for one in pharmacist.post("dispensings/", body)["items"]}
    must(given == {"EARLY": 10, "LATE": 15}, f"What expires first does not go first: {given}.")
    left = pharmacist.get("stock/", q="ferrous")["stock"][0]["usable"]
    must(left == 25, f"Of 50 tablets 25 were handed out, {left} are left.")
    part = pharmacist.get(f"prescriptions/{prescription}/")["lines"][0]["state"]
    must(part == "partly-dispensed", f"25 of 30 tablets were handed out: the line is {part}.")


def _lot(number: str) -> dict[str, Any]:
    days = next(days for name, days, _quantity in LOTS if name == number)
    return {"lot_number": number, "expires_on": _in_days(days).isoformat()}


def _in_days(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)


def arrive(tablets: Tablets, letter: str) -> None:
    """At the other place they are expected, come, and an answer goes back."""
    provider = tablets[Role.PROVIDER]
    expected = {one["id"]: one["state"] for one in provider.get("referrals/")}
    must(expected.get(letter) == "sent", "The other clinic does not expect who was sent there.")
    provider.post(f"referrals/{letter}/receive/")
    back = provider.post(f"referrals/{letter}/answer/", {"note": "Transfused. Iron for three months."})
    must(back["state"] == "answered", f"A letter with an answer is {back['state']}.")
