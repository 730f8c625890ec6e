"""Which lot to take: what expires first goes out first.

Lives here, pure: a `Lot` with what is left of it, and `allocate`. Not here: what is left (`stock.py`), what
is done with the suggestion (`dispensing.py`). Read next: `stock.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

NEAR_EXPIRY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LotName:
    """What is printed on the box. Two laptops that read the same box mean the same lot."""

    number: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot and what the ledger says is left of it. Below zero: somebody must count."""

    name: LotName
    balance: int

    def has_expired(self, on: date) -> bool:
        return self.name.expires_on is not None and self.name.expires_on < on

    def expires_soon(self, on: date) -> bool:
        return self.name.expires_on is not None and self.name.expires_on <= on + NEAR_EXPIRY


@dataclass(frozen=True, slots=True)
class Part:
    """So many of this lot."""

    lot: LotName
    quantity: int


def in_order(lots: Iterable[Lot], on: date) -> list[Lot]:
    """What may be given, in the order in which it should be: the first to expire first, without a date
    last.
    """
    good = [lot for lot in lots if lot.balance > 0 and not lot.has_expired(on)]
    return sorted(good, key=lambda lot: (lot.name.expires_on or date.max, lot.balance, lot.name.number))


def allocate(lots: Iterable[Lot], wanted: int, on: date) -> list[Part]:
    """`wanted` units from these lots; less where there is not enough."""
    parts: list[Part] = []
    for lot in in_order(lots, on):
        taken = min(lot.balance, wanted)
        if taken <= 0:
            break
        parts.append(Part(lot.name, taken))
        wanted -= taken
    return parts
