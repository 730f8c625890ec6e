"""The demo's shelf: what was delivered when, what was thrown away, and yesterday's count.

Lives here: `errands`, the deliveries and corrections of the months before today, each at its time, and
`fill`, which makes up for every delivery that has not happened yet. Some of the shelf is low, some expires
soon, one lot has expired and one medicine is not to be had. Each save has an id that follows from what it
is, so a repetition changes nothing. Not here: who gets what (`pharmacy.py`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.models import Medicine
from clinic.pharmacy.stock import balance_of, lots_of
from clinic.pharmacy.stockkeeping import Counted, adjust, count, receive
from registry.people.selectors import today
from registry.places.models import Facility
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica
from sync.ledger.selectors import was_saved

A_MONTH: Final = 30
OPENING: Final = 310
LATEST: Final = 20
FAST: Final = 3
EMPTY: Final = frozenset({"AMOX125", "IBU400"})
FEW: Final = frozenset({"AMOX500", "METF500", "ZINC20"})
SOON: Final = frozenset({"COTRI480", "OMEP20", "PRED5"})
EXPIRED: Final = ("DOXY100", 40, "DOX2398")
BROKEN: Final = ("RL500", 2, 45)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One lot that came so many days ago."""

    code: str
    number: int
    days_ago: int
    quantity: int
    lot: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What every movement here shares. `today` is the day that expiry is counted from."""

    facility: Facility
    today: date
    by: Author
    medicines: Mapping[str, Medicine]

    def save_id(self, what: str) -> UUID:
        """The same for the same deed in the same database, and nowhere else."""
        made = random.Random(f"{self_replica().uuid} stock {what}")
        return new_save_id(millis_of(self.facility.made_stamp), made)

    def lot(self, one: Delivery) -> LotName:
        return LotName(one.lot, self.today + timedelta(days=one.expires_in))

    def take_in(self, one: Delivery) -> None:
        """What has expired meanwhile nobody takes in."""
        lot = self.lot(one)
        if lot.expires_on is not None and lot.expires_on < today():
            return
        receive(
            by=self.by,
            facility=self.facility,
            medicine=self.medicines[one.code],
            quantity=one.quantity,
            lot_number=lot.number,
            expires_on=lot.expires_on,
            note="Central store",
            save_id=self.save_id(f"receive {one.code} {one.number}"),
        )

    def break_some(self) -> None:
        code, quantity, _days = BROKEN
        medicine = self.medicines[code]
        lot = lots_of(self.facility, medicine)[0].name
        key = self.save_id(f"broken {code}")
        if not was_saved(key) and balance_of(self.facility, medicine, lot) >= quantity:
            adjust(
                by=self.by,
                facility=self.facility,
                medicine=medicine,
                lot=lot,
                reason="damaged",
                quantity=quantity,
                note="Fell off the boat",
                save_id=key,
            )

    def count_the_few(self) -> None:
        """Yesterday somebody looked, and there was less than was written."""
        key = self.save_id("count")
        if was_saved(key):
            return
        counted = [
            Counted(medicine, lot.name, min(lot.balance, max(medicine.min_stock // 4, 1)))
            for code in sorted(FEW)
            for medicine in [self.medicines[code]]
            for lot in lots_of(self.facility, medicine)[:1]
        ]
        if counted:
            count(by=self.by, facility=self.facility, counted=counted, save_id=key)


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing that is done to the shelf at its time."""

    at: datetime
    shelf: Shelf
    delivery: Delivery | None = None
    deed: str = ""

    def do(self) -> None:
        if self.delivery is not None:
            self.shelf.take_in(self.delivery)
        elif self.deed == "broken":
            self.shelf.break_some()
        else:
            self.shelf.count_the_few()


def deliveries(medicine: Medicine) -> Iterator[Delivery]:
    """Every lot of one medicine that ever came."""
    code, usual = medicine.code, medicine.min_stock
    if code in EMPTY or not usual:
        return
    old = 2 if code in SOON else 9
    yield Delivery(code, 0, OPENING, usual * FAST, f"{code[:3]}2410", old * A_MONTH)
    if code not in FEW:
        yield Delivery(code, 1, LATEST, usual, f"{code[:3]}2411", 20 * A_MONTH)
    if code == EXPIRED[0]:
        yield Delivery(code, 2, OPENING, EXPIRED[1], EXPIRED[2], -6)


def errands(shelf: Shelf, now: datetime) -> list[Errand]:
    """Everything that was done to the shelf, in the order of time."""
    found = [
        Errand(now - timedelta(days=one.days_ago), shelf, one)
        for medicine in shelf.medicines.values()
        for one in deliveries(medicine)
    ]
    found.append(Errand(now - timedelta(days=BROKEN[2]), shelf, deed="broken"))
    found.append(Errand(now - timedelta(days=3), shelf, deed="count"))
    return sorted(found, key=lambda one: one.at)


def fill(shelf: Shelf) -> None:
    """What should have come by now is there."""
    for medicine in shelf.medicines.values():
        for one in deliveries(medicine):
            shelf.take_in(one)
