"""Stock used: what each medicine's balance gained and lost in these days, and what was left.

Lives here: `stock_used`, one sum over the ledger. Not here: the ledger (`clinic/pharmacy`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from clinic.pharmacy.models import Medicine, StockMovement
from clinic.pharmacy.policy import MovementKind
from clinic.reports.asked import Asked


@dataclass(frozen=True, slots=True)
class Used:
    """One medicine. `given` is what people got, less what they brought back; `other` are corrections."""

    medicine: Medicine
    received: int
    given: int
    lost: int
    other: int
    left: int


def _sum(kinds: tuple[MovementKind, ...], during: Q) -> Coalesce:
    return Coalesce(Sum("quantity", filter=during & Q(kind__in=[kind.value for kind in kinds])), 0)


def stock_used(asked: Asked) -> list[Used]:
    """Every medicine that moved in these days or is there at their end, the most used first."""
    here = StockMovement.objects.living().filter(facility__in=asked.place_ids, at__lt=asked.end)
    during = asked.during("at")
    rows = (
        here.order_by()
        .values("medicine")
        .annotate(
            received=_sum((MovementKind.RECEIPT, MovementKind.CAME), during),
            given=_sum((MovementKind.DISPENSED, MovementKind.RETURNED), during),
            lost=_sum((MovementKind.DISCARDED,), during),
            other=_sum((MovementKind.ADJUSTMENT, MovementKind.COUNT, MovementKind.SENT), during),
            left=Sum("quantity"),
        )
    )
    found = [row for row in rows if any(row[name] for name in ("received", "given", "lost", "other", "left"))]
    medicines = Medicine.objects.in_bulk([row["medicine"] for row in found])
    used = [
        Used(
            medicines[row["medicine"]],
            row["received"],
            -row["given"],
            -row["lost"],
            row["other"],
            row["left"],
        )
        for row in found
        if row["medicine"] in medicines
    ]
    return sorted(used, key=lambda one: (-one.given, str(one.medicine), one.medicine.pk))
