"""Handing out: by lot, partly, never more than there is, and back again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from clinic.pharmacy.dispensing import Give, dispense, take_back
from clinic.pharmacy.fefo import LotName, Part
from clinic.pharmacy.models import DispensedItem, Dispensing, Prescription, StockMovement
from clinic.pharmacy.selectors import tell_line, waiting_at
from sync.problems import Problem
from tests.clinic.pharmacy.shelf import GONE, LATER, SOON, Shelf


def give(shelf: Shelf, prescription: Prescription, *items: Give) -> Dispensing:
    return dispense(by=shelf.pia, prescription=prescription, facility=shelf.here, items=items)


def test_what_expires_first_goes_out_first_and_the_ledger_says_so(shelf: Shelf) -> None:
    shelf.receive(quantity=100, lot="L", expires=LATER)
    shelf.receive(quantity=10, lot="S", expires=SOON)
    prescription = shelf.prescribe("AMOX")
    shelf.give(prescription, 15)
    assert [(one.lot_number, one.quantity) for one in DispensedItem.objects.all()] == [("S", 10), ("L", 5)]
    assert shelf.balance(lot="S", expires=SOON) == 0
    assert shelf.balance(lot="L") == 95
    assert tell_line(shelf.line(prescription)).standing.state == "dispensed"
    moved = StockMovement.objects.filter(kind="dispensed")
    assert {(one.by, one.facility_id) for one in moved} == {(shelf.day.pia.pk, shelf.here.pk)}


def test_less_than_prescribed_leaves_the_rest_waiting(shelf: Shelf) -> None:
    shelf.receive()
    prescription = shelf.prescribe("AMOX")
    shelf.give(prescription, 6)
    now = tell_line(shelf.line(prescription)).standing
    assert (now.state, now.given, now.remaining) == ("partly-dispensed", 6, 9)
    assert [one.prescription for one in waiting_at(shelf.here)] == [prescription]
    shelf.give(prescription, 9)
    assert waiting_at(shelf.here) == []


def test_a_double_tap_hands_out_once(shelf: Shelf) -> None:
    shelf.receive()
    prescription, key = shelf.prescribe("AMOX"), uuid4()
    assert shelf.give(prescription, 6, key) == shelf.give(prescription, 6, key)
    assert shelf.balance() == 94


def test_more_than_there_is_is_refused_and_nothing_is_written(shelf: Shelf) -> None:
    shelf.receive(quantity=4)
    prescription = shelf.prescribe("AMOX")
    with pytest.raises(Problem) as refused:
        shelf.give(prescription, 15)
    assert (refused.value.code, refused.value.status) == ("above-stock", 409)
    assert refused.value.fields == {
        "items.0.quantity": "Only 4 are in stock. Hand out less, or choose another lot."
    }
    assert not DispensedItem.objects.exists()
    assert shelf.balance() == 4


def test_two_lines_cannot_take_the_same_tablets(shelf: Shelf) -> None:
    shelf.receive("PARA", 20)
    prescription = shelf.prescribe("PARA", "AMOX", override="Both")
    other = shelf.prescribe("PARA", override="Again")
    lots = [Part(LotName("A1", LATER), 15)]
    give(shelf, other, Give(shelf.line(other), parts=lots))
    line = prescription.lines.get(medicine=shelf["PARA"])
    with pytest.raises(Problem) as refused:
        give(shelf, prescription, Give(line, parts=lots))
    assert refused.value.fields == {
        "items.0.lots.0.quantity": "Only 5 are in stock. Hand out less, or choose another lot."
    }


def test_one_save_counts_what_it_takes_itself(shelf: Shelf) -> None:
    shelf.receive("PARA", 20)
    prescription = shelf.prescribe("PARA")
    twice = [Part(LotName("A1", LATER), 8), Part(LotName("A1", LATER), 7)]
    shelf.receive("PARA", 1, "B")
    with pytest.raises(Problem):
        give(
            shelf, prescription, Give(shelf.line(prescription), parts=[*twice, Part(LotName("A1", LATER), 6)])
        )
    give(shelf, prescription, Give(shelf.line(prescription), parts=twice))
    assert shelf.balance("PARA") == 5


def test_an_expired_lot_is_refused_even_by_name(shelf: Shelf) -> None:
    shelf.expired()
    prescription = shelf.prescribe("AMOX")
    with pytest.raises(Problem) as refused:
        give(
            shelf,
            prescription,
            Give(shelf.line(prescription), parts=[Part(LotName("OLD", GONE), 5)]),
        )
    assert refused.value.code == "lot-expired"


def test_more_than_prescribed_is_refused(shelf: Shelf) -> None:
    shelf.receive()
    with pytest.raises(Problem) as refused:
        shelf.give(shelf.prescribe("AMOX"), 16)
    assert refused.value.fields == {"items.0.quantity": "This is more than was prescribed."}


def test_another_medicine_needs_a_reason_and_stands_for_the_rest(shelf: Shelf) -> None:
    shelf.receive("AMP", 60)
    prescription = shelf.prescribe("AMOX")
    line = shelf.line(prescription)
    with pytest.raises(Problem) as refused:
        give(shelf, prescription, Give(line, 20, instead=shelf["AMP"]))
    assert list(refused.value.fields) == ["items.0.note"]
    give(shelf, prescription, Give(line, 20, instead=shelf["AMP"], note="No amoxicillin left"))
    assert tell_line(line).standing.state == "dispensed"
    assert shelf.balance("AMP") == 40


def test_what_was_handed_out_by_mistake_comes_back_once(shelf: Shelf) -> None:
    shelf.receive()
    prescription = shelf.prescribe("AMOX")
    item = shelf.give(prescription, 15).items.get()
    key = uuid4()
    backs = [take_back(by=shelf.pia, item=item, reason="Wrong person", save_id=key) for _ in range(2)]
    assert backs[0] == backs[1]
    assert shelf.balance() == 100
    assert tell_line(shelf.line(prescription)).standing.state == "prescribed"
    with pytest.raises(Problem) as refused:
        take_back(by=shelf.pia, item=item, reason="Wrong person")
    assert refused.value.code == "taken-back"


def test_a_line_of_another_prescription_is_refused(shelf: Shelf) -> None:
    shelf.receive()
    first, second = shelf.prescribe("AMOX"), shelf.prescribe("PARA")
    with pytest.raises(Problem) as refused:
        give(shelf, first, Give(shelf.line(second), 1))
    assert refused.value.code == "wrong-line"


def test_nothing_is_no_dispensing(shelf: Shelf) -> None:
    prescription = shelf.prescribe("AMOX")
    with pytest.raises(Problem) as refused:
        give(shelf, prescription, Give(shelf.line(prescription)))
    assert refused.value.code == "nothing-dispensed"


def test_the_ledger_names_no_patient() -> None:
    names = {field.name for field in StockMovement._meta.get_fields()}
    assert not {name for name in names if "patient" in name or "visit" in name or "prescription" in name}
