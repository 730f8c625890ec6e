"""The stock keeper's movements: received, adjusted with a reason, counted.

Lives here: `receive`, `adjust`, `count`. Each adds to the ledger and overwrites nothing. Not here: handing
out (`dispensing.py`), what the ledger amounts to (`stock.py`). Read next: `stock.py`,
docs/adr/0019-stock-ledger.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.pharmacy import policy
from clinic.pharmacy.dispensing import above_stock
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.models import Medicine, StockMovement
from clinic.pharmacy.policy import KIND_OF, LARGEST_STOCK, OUTWARD, MovementKind, Reason
from clinic.pharmacy.saving import allowed, made
from clinic.pharmacy.stock import balance_of
from registry.answers import answering
from registry.people.selectors import today
from registry.places.models import Facility
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Counted:
    """One lot as somebody counted it. `shown` is the balance that they were told; None where none was."""

    medicine: Medicine
    lot: LotName
    number: int
    shown: int | None = None


def receive(
    *,
    by: Author,
    facility: Facility,
    medicine: Medicine,
    quantity: int,
    lot_number: str = "",
    expires_on: date | None = None,
    origin: Facility | None = None,
    note: str = "",
    save_id: UUID | None = None,
) -> StockMovement:
    """Stock that came, from outside or (`origin`) from another place of care."""
    allowed(by, policy.check_keep_stock, facility.pk)
    with answering():
        policy.check_quantity(quantity, "quantity", LARGEST_STOCK)
        lot = policy.clean_lot_number(lot_number)
        policy.check_expiry(expires_on, today())
        words = policy.check_note(note, "note")
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                StockMovement,
                facility=facility,
                medicine=medicine,
                lot_number=lot,
                expires_on=expires_on,
                kind=MovementKind.CAME.value if origin else MovementKind.RECEIPT.value,
                quantity=quantity,
                counterpart=origin,
                note=words,
                at=current_node().now(),
                by=by.staff_id,
            )
        return made(StockMovement, save)


def adjust(
    *,
    by: Author,
    facility: Facility,
    medicine: Medicine,
    lot: LotName,
    reason: str,
    quantity: int,
    to: Facility | None = None,
    note: str = "",
    save_id: UUID | None = None,
) -> StockMovement:
    """A correction with its reason. Nobody takes away more than there is."""
    allowed(by, policy.check_keep_stock, facility.pk)
    with answering():
        why = policy.check_reason(reason)
        policy.check_quantity(quantity, "quantity", LARGEST_STOCK)
        words = policy.check_note(note, "note")
    if why is Reason.SENT and (to is None or to.pk == facility.pk):
        raise Problem("no-destination", _("Say where it goes."), fields={"to": _("Say where it goes.")})
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            left = balance_of(facility, medicine, lot)
            if why in OUTWARD and quantity > left:
                raise above_stock("quantity", max(left, 0))
            save.add(
                StockMovement,
                facility=facility,
                medicine=medicine,
                lot_number=lot.number,
                expires_on=lot.expires_on,
                kind=KIND_OF.get(why, MovementKind.ADJUSTMENT).value,
                quantity=-quantity if why in OUTWARD else quantity,
                reason=why.value,
                counterpart=to if why is Reason.SENT else None,
                note=words,
                at=current_node().now(),
                by=by.staff_id,
            )
        return made(StockMovement, save)


def count(
    *, by: Author, facility: Facility, counted: Sequence[Counted], save_id: UUID | None = None
) -> list[StockMovement]:
    """What is really on the shelf: for each lot the difference is added. One save. A lot that moved since its
    balance was shown is refused: the counter must know whether they counted before or after.
    """
    allowed(by, policy.check_keep_stock, facility.pk)
    if not counted:
        sentence = _("Write what you counted.")
        raise Problem("nothing-counted", sentence, fields={"counts": sentence})
    with answering():
        for place, one in enumerate(counted):
            policy.check_counted(one.number, f"counts.{place}.counted")
    _refuse_twice(counted)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            balances = [balance_of(facility, one.medicine, one.lot) for one in counted]
            _refuse_moved(counted, balances)
            for one, balance in zip(counted, balances, strict=True):
                save.add(
                    StockMovement,
                    facility=facility,
                    medicine=one.medicine,
                    lot_number=one.lot.number,
                    expires_on=one.lot.expires_on,
                    kind=MovementKind.COUNT.value,
                    quantity=one.number - balance,
                    counted=one.number,
                    at=current_node().now(),
                    by=by.staff_id,
                )
        return [made(StockMovement, save, place) for place in range(len(counted))]


def _refuse_twice(counted: Sequence[Counted]) -> None:
    """Two numbers for one lot: each would be added to the same balance."""
    seen = set()
    for place, one in enumerate(counted):
        if (one.medicine.pk, one.lot) in seen:
            sentence = _("This lot is named twice.")
            raise Problem("named-twice", sentence, fields={f"counts.{place}.lot_number": sentence})
        seen.add((one.medicine.pk, one.lot))


def _refuse_moved(counted: Sequence[Counted], balances: Sequence[int]) -> None:
    moved = {
        f"counts.{place}.counted": _("Now %(n)d are written. Look at the shelf again.") % {"n": balance}
        for place, (one, balance) in enumerate(zip(counted, balances, strict=True))
        if one.shown is not None and one.shown != balance
    }
    if moved:
        raise Problem(
            "stock-moved",
            _("Stock moved while you counted."),
            detail=_("What you counted is still here. Nothing is saved yet."),
            status=409,
            fields=moved,
        )
