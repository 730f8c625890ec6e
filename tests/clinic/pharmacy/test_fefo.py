"""What expires first goes out first."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clinic.pharmacy.fefo import Lot, LotName, Part, allocate, in_order

TODAY = date(2026, 11, 20)
DATES = st.none() | st.dates(TODAY - timedelta(days=60), TODAY + timedelta(days=900))
LOTS = st.lists(
    st.builds(Lot, st.builds(LotName, st.text("ABC1", max_size=3), DATES), st.integers(-50, 200)),
    max_size=8,
    unique_by=lambda lot: lot.name,
)


def lot(number: str, expires_on: date | None, balance: int) -> Lot:
    return Lot(LotName(number, expires_on), balance)


def test_the_first_to_expire_is_emptied_before_the_next_is_opened() -> None:
    early, late = lot("E", date(2027, 1, 1), 10), lot("L", date(2028, 1, 1), 50)
    assert allocate([late, early], 15, TODAY) == [Part(early.name, 10), Part(late.name, 5)]


def test_what_has_expired_or_is_below_zero_is_not_given() -> None:
    lots = [lot("OLD", TODAY - timedelta(days=1), 90), lot("DEBT", date(2027, 1, 1), -3)]
    assert allocate(lots, 5, TODAY) == []
    assert allocate([lot("TODAY", TODAY, 5)], 5, TODAY) == [Part(LotName("TODAY", TODAY), 5)]


def test_what_never_expires_waits_for_what_does() -> None:
    forever, dated = lot("", None, 10), lot("D", date(2030, 1, 1), 10)
    assert [one.name for one in in_order([forever, dated], TODAY)] == [dated.name, forever.name]


@given(LOTS, st.integers(0, 500))
def test_an_allocation_is_exact_and_never_more_than_there_is(lots: list[Lot], wanted: int) -> None:
    parts = allocate(lots, wanted, TODAY)
    there = {one.name: one.balance for one in lots}
    good = sum(one.balance for one in in_order(lots, TODAY))
    assert sum(part.quantity for part in parts) == min(wanted, good)
    assert all(0 < part.quantity <= there[part.lot] for part in parts)
    assert len({part.lot for part in parts}) == len(parts)


@given(LOTS, st.integers(1, 500))
def test_no_lot_is_opened_while_an_earlier_one_has_some_left(lots: list[Lot], wanted: int) -> None:
    parts = allocate(lots, wanted, TODAY)
    taken = {part.lot: part.quantity for part in parts}
    order = in_order(lots, TODAY)
    opened = [one for one in order if one.name in taken]
    assert opened == order[: len(opened)]
    assert all(taken[one.name] == one.balance for one in opened[:-1])
