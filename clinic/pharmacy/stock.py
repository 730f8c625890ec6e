"""What is left: sums over the ledger of movements.

Lives here: the lots of a medicine with their balances, a facility's stock list with what is low, near its
expiry or needs a count, and the movements of one lot. Nothing keeps a balance, so nothing can overwrite
one. Not here: writing movements (`stockkeeping.py`, `dispensing.py`), which lot comes first (`fefo.py`).
Read next: `fefo.py`, docs/adr/0019-stock-ledger.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from clinic.pharmacy.fefo import Lot, LotName, in_order
from clinic.pharmacy.models import Medicine, StockMovement
from clinic.pharmacy.search import search_medicines
from registry.people.selectors import today
from registry.places.models import Facility
from sync.ledger.replicas import self_replica
from sync.records import SyncedQuerySet

MOST_MOVEMENTS: Final = 200
Lots = dict[UUID, list[Lot]]


@dataclass(frozen=True, slots=True)
class Held:
    """One medicine at one place. Lots with nothing left are not listed."""

    medicine: Medicine
    on: date
    lots: list[Lot] = field(default_factory=list)

    @property
    def total(self) -> int:
        """What the ledger says, good or not."""
        return sum(lot.balance for lot in self.lots)

    @property
    def usable(self) -> int:
        """What may be handed out."""
        return sum(lot.balance for lot in in_order(self.lots, self.on))

    @property
    def is_low(self) -> bool:
        return self.medicine.min_stock > 0 and self.usable < self.medicine.min_stock

    @property
    def needs_count(self) -> bool:
        return any(lot.balance < 0 for lot in self.lots)

    @property
    def has_expired(self) -> bool:
        return any(lot.balance > 0 and lot.has_expired(self.on) for lot in self.lots)

    @property
    def expires_soon(self) -> bool:
        """Expired counts as well: both must leave the shelf."""
        return any(lot.balance > 0 and lot.expires_soon(self.on) for lot in self.lots)


SHOWN: Final[dict[str, Callable[[Held], bool]]] = {
    "low": lambda one: one.is_low,
    "expiring": lambda one: one.expires_soon,
    "count": lambda one: one.needs_count,
}


def lots_at(facility: Facility, medicines: Collection[UUID] | None = None) -> Lots:
    """Every lot that is not used up, by medicine, in one query."""
    rows = _movements(facility)
    if medicines is not None:
        rows = rows.filter(medicine_id__in=list(medicines))
    sums = rows.order_by().values_list("medicine_id", "lot_number", "expires_on").annotate(Sum("quantity"))
    found: Lots = {}
    for medicine_id, number, expires_on, balance in sums:
        if balance:
            found.setdefault(medicine_id, []).append(Lot(LotName(number, expires_on), balance))
    for lots in found.values():
        lots.sort(key=lambda lot: (lot.name.expires_on or date.max, lot.name.number))
    return found


def lots_of(facility: Facility, medicine: Medicine) -> list[Lot]:
    """The lots of one medicine that are not used up, the first to expire first."""
    return lots_at(facility, [medicine.pk]).get(medicine.pk, [])


def balance_of(facility: Facility, medicine: Medicine, lot: LotName) -> int:
    """What is left of one lot."""
    rows = _movements(facility).filter(medicine=medicine, lot_number=lot.number, expires_on=lot.expires_on)
    return rows.aggregate(total=Sum("quantity"))["total"] or 0


def held(facility: Facility, medicine: Medicine) -> Held:
    """One medicine at a place."""
    return Held(medicine, today(), lots_of(facility, medicine))


def stock_of(facility: Facility, q: str = "") -> list[Held]:
    """Everything that a place has, had, or should have; with `q` what is called like that."""
    lots, on = lots_at(facility), today()
    known = set(_movements(facility).order_by().values_list("medicine_id", flat=True).distinct())
    medicines: Iterable[Medicine] = search_medicines(q) if q else Medicine.objects.living()
    return [
        Held(medicine, on, lots.get(medicine.pk, []))
        for medicine in medicines
        if medicine.pk in known or (medicine.active and (q or medicine.min_stock))
    ]


def movements_of(facility: Facility, medicine: Medicine, lot: LotName | None = None) -> list[StockMovement]:
    """What happened to a medicine, or to one lot of it, the newest first."""
    rows = _movements(facility).filter(medicine=medicine).select_related("counterpart")
    if lot is not None:
        rows = rows.filter(lot_number=lot.number, expires_on=lot.expires_on)
    return list(rows.order_by("-at", "-made_stamp", "-id")[:MOST_MOVEMENTS])


def counted_today(facility: Facility) -> set[tuple[UUID, LotName]]:
    """The lots that somebody has counted since midnight."""
    midnight = datetime.combine(today(), time.min, tzinfo=timezone.get_current_timezone())
    rows = _movements(facility).filter(kind=StockMovement.Kind.COUNT, at__gte=midnight).order_by()
    found = rows.values_list("medicine_id", "lot_number", "expires_on")
    return {(medicine_id, LotName(number, expires_on)) for medicine_id, number, expires_on in found}


def is_kept_by_others(facility: Facility) -> bool:
    """Whether another laptop moves this place's stock too: what it has not sent yet is missing here."""
    return _movements(facility).exclude(made_replica=self_replica().number).exists()


def _movements(facility: Facility) -> SyncedQuerySet:
    return StockMovement.objects.living().filter(facility=facility)
