"""The ledger: received, adjusted, counted; low, near its expiry, below zero."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.search import search_medicines, usual_medicines
from clinic.pharmacy.stock import balance_of, held, lots_of, movements_of, stock_of
from clinic.pharmacy.stockkeeping import Counted, adjust, count, receive
from sync.problems import Problem
from tests.clinic.pharmacy.shelf import LATER, SOON, Shelf

A1 = LotName("A1", LATER)


def test_a_delivery_is_received_once_and_its_number_has_one_spelling(shelf: Shelf) -> None:
    key = uuid4()
    for _ in range(2):
        receive(
            by=shelf.pia,
            facility=shelf.here,
            medicine=shelf["AMOX"],
            quantity=30,
            lot_number=" a1 ",
            expires_on=LATER,
            save_id=key,
        )
    assert shelf.balance() == 30


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"quantity": 0}, "too-small", "quantity"),
        ({"expires_on": date(2026, 11, 19)}, "lot-expired", "expires_on"),
        ({"lot_number": "x" * 41}, "too-long", "lot_number"),
    ],
)
def test_what_cannot_come_in_is_said_beside_the_field(
    shelf: Shelf, said: dict[str, object], code: str, field: str
) -> None:
    words: dict[str, object] = {"quantity": 10, "lot_number": "A1", "expires_on": LATER} | said
    with pytest.raises(Problem) as refused:
        receive(by=shelf.pia, facility=shelf.here, medicine=shelf["AMOX"], **words)  # type: ignore[arg-type]
    assert (refused.value.code, list(refused.value.fields)) == (code, [field])


@pytest.mark.parametrize(
    ("reason", "kind", "left"),
    [
        ("damaged", "discarded", 90),
        ("expired", "discarded", 90),
        ("lost", "adjustment", 90),
        ("entered-too-many", "adjustment", 90),
        ("found", "adjustment", 110),
        ("entered-too-few", "adjustment", 110),
    ],
)
def test_each_reason_goes_one_way(shelf: Shelf, reason: str, kind: str, left: int) -> None:
    shelf.receive()
    made = adjust(
        by=shelf.pia, facility=shelf.here, medicine=shelf["AMOX"], lot=A1, reason=reason, quantity=10
    )
    assert (made.kind, shelf.balance()) == (kind, left)


def test_stock_leaves_for_a_place_and_arrives_there(shelf: Shelf) -> None:
    shelf.receive()
    there = shelf.day.cast.darien
    moves = {"by": shelf.pia, "facility": shelf.here, "medicine": shelf["AMOX"], "lot": A1}
    with pytest.raises(Problem) as refused:
        adjust(**moves, reason="sent-elsewhere", quantity=10)  # type: ignore[arg-type]
    assert list(refused.value.fields) == ["to"]
    made = adjust(**moves, reason="sent-elsewhere", quantity=10, to=there)  # type: ignore[arg-type]
    assert (made.kind, made.counterpart, made.quantity) == ("transfer-out", there, -10)
    with pytest.raises(Problem) as above:
        adjust(**moves, reason="lost", quantity=91)  # type: ignore[arg-type]
    assert above.value.code == "above-stock"


def test_a_count_adds_the_difference_and_remembers_what_was_found(shelf: Shelf) -> None:
    shelf.receive(quantity=100)
    shelf.receive("PARA", 40)
    key = uuid4()
    lots = [Counted(shelf["AMOX"], A1, 93, 100), Counted(shelf["PARA"], A1, 40, 40)]
    for _ in range(2):
        rows = count(by=shelf.pia, facility=shelf.here, counted=lots, save_id=key)
    assert [(row.quantity, row.counted) for row in rows] == [(-7, 93), (0, 40)]
    assert shelf.balance() == 93


def test_a_lot_that_moved_meanwhile_is_counted_again(shelf: Shelf) -> None:
    shelf.receive(quantity=100)
    shelf.give(shelf.prescribe("AMOX"), 3)
    with pytest.raises(Problem) as refused:
        count(by=shelf.pia, facility=shelf.here, counted=[Counted(shelf["AMOX"], A1, 95, 100)])
    assert (refused.value.code, refused.value.status) == ("stock-moved", 409)
    assert refused.value.fields == {"counts.0.counted": "Now 97 are written. Look at the shelf again."}
    assert shelf.balance() == 97


def test_a_provider_does_not_count(shelf: Shelf) -> None:
    with pytest.raises(Problem) as refused:
        count(by=shelf.day.ana, facility=shelf.here, counted=[Counted(shelf["AMOX"], A1, 1)])
    assert refused.value.status == 403


def test_low_expiring_and_below_zero_are_told(shelf: Shelf) -> None:
    shelf.receive("AMOX", 49)
    shelf.receive("PARA", 100, "S", SOON)
    shelf.move("AMP", -2)
    found = {one.medicine.code: one for one in stock_of(shelf.here)}
    assert set(found) == {"AMOX", "PARA", "AMP"}
    assert [found["AMOX"].is_low, found["PARA"].is_low, found["AMP"].is_low] == [True, False, False]
    assert [found[code].expires_soon for code in ("AMOX", "PARA")] == [False, True]
    assert (found["AMP"].needs_count, found["AMP"].usable, found["AMP"].total) == (True, 0, -2)


def test_movements_are_told_newest_first_for_one_lot(shelf: Shelf) -> None:
    shelf.receive(quantity=100)
    shelf.receive(quantity=5, lot="B")
    shelf.day.advance(minutes=5)
    shelf.give(shelf.prescribe("AMOX"), 15)
    assert [one.quantity for one in movements_of(shelf.here, shelf["AMOX"], A1)] == [-10, 100]
    assert len(movements_of(shelf.here, shelf["AMOX"])) == 4


@pytest.mark.parametrize("q", ["amoxi", "AMOXICILINA", "amoxycillin 500", "J01CA", "amox"])
def test_a_medicine_is_found_however_it_is_spelled(shelf: Shelf, q: str) -> None:
    assert "Amoxicillin" in {one.name for one in search_medicines(q)}


def test_what_is_prescribed_most_comes_first(shelf: Shelf) -> None:
    for _ in range(2):
        shelf.prescribe("PARA")
    shelf.prescribe("AMOX")
    assert [one.code for one in usual_medicines(shelf.here)][:2] == ["PARA", "AMOX"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quantities=st.lists(st.integers(-100, 100), min_size=1, max_size=8))
def test_a_balance_is_the_sum_of_its_movements(shelf: Shelf, quantities: list[int]) -> None:
    lot = LotName(str(uuid4()), LATER)
    for quantity in quantities:
        shelf.move("CREAM", quantity, lot)
    total = sum(quantities)
    assert balance_of(shelf.here, shelf["CREAM"], lot) == total
    told = {one.name: one.balance for one in lots_of(shelf.here, shelf["CREAM"])}
    assert told.get(lot, 0) == total


def test_a_medicine_that_was_never_here_has_nothing(shelf: Shelf) -> None:
    assert held(shelf.here, shelf["CREAM"]).lots == []
