"""Handing medicines out.

Lives here: `dispense` (lines → lots → movements, all of it one save) and `take_back` (what was handed out
by mistake). What is in stock is judged inside the save, where this laptop's other stations wait: two of
them can never take the same tablet twice. Two laptops can; then the balance goes below zero and says so.
Not here: which lot (`fefo.py`), other movements (`stockkeeping.py`). Read next: `stockkeeping.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.pharmacy import policy
from clinic.pharmacy.cautions import is_allergic
from clinic.pharmacy.fefo import Lot, LotName, Part, allocate, in_order
from clinic.pharmacy.models import (
    Allergy,
    DispensedItem,
    Dispensing,
    Medicine,
    Prescription,
    PrescriptionLine,
    StockMovement,
)
from clinic.pharmacy.policy import LineStanding, MovementKind
from clinic.pharmacy.saving import allowed, made
from clinic.pharmacy.selectors import ALLERGY, allergies_of, tell_line
from clinic.pharmacy.stock import Lots, lots_at
from registry.answers import answering
from registry.people.selectors import today
from registry.places.models import Facility
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Give:
    """What is handed out for one line: so many, or so many of each lot. `instead` is another medicine, with
    the reason in `note`; it stands for all that is left of the line.
    """

    line: PrescriptionLine
    quantity: int = 0
    parts: Sequence[Part] = ()
    instead: Medicine | None = None
    note: str = ""

    @property
    def medicine(self) -> Medicine:
        return self.instead or self.line.medicine

    @property
    def total(self) -> int:
        return sum(part.quantity for part in self.parts) if self.parts else self.quantity


@dataclass(slots=True)
class _Shelf:
    """What is left while one save takes from it."""

    lots: Lots = field(default_factory=dict)

    def of(self, medicine: Medicine) -> list[Lot]:
        return self.lots.get(medicine.pk, [])

    def take(self, medicine: Medicine, part: Part) -> None:
        self.lots[medicine.pk] = [
            Lot(lot.name, lot.balance - part.quantity) if lot.name == part.lot else lot
            for lot in self.of(medicine)
        ]


def dispense(
    *,
    by: Author,
    prescription: Prescription,
    facility: Facility,
    items: Sequence[Give],
    note: str = "",
    save_id: UUID | None = None,
) -> Dispensing:
    """Hand out. Less than prescribed is fine, more than there is in stock is not; nothing is written unless
    all of it is.
    """
    allowed(by, policy.check_dispense, facility.pk)
    with answering():
        words = policy.check_note(note, "note")
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            given = [item for item in items if item.total]
            if not given:
                sentence = _("Say how many you hand out.")
                raise Problem("nothing-dispensed", sentence, fields={"items": sentence})
            _refuse_twice(items)
            _refuse_allergies(prescription, items)
            shelf = _Shelf(lots_at(facility, {item.medicine.pk for item in given}))
            ready = [
                _ready(item, place, prescription, shelf) for place, item in enumerate(items) if item.total
            ]
            _write(save, prescription, facility, words, ready)
        return made(Dispensing, save)


def _refuse_twice(items: Sequence[Give]) -> None:
    """What is left of a line is judged once: a second item would have it again."""
    seen: set[UUID] = set()
    for place, item in enumerate(items):
        if item.total and item.line.pk in seen:
            sentence = _("This is named twice.")
            raise Problem("named-twice", sentence, fields={f"items.{place}.line": sentence})
        if item.total:
            seen.add(item.line.pk)


def _refuse_allergies(prescription: Prescription, items: Sequence[Give]) -> None:
    """What the prescriber was not warned of: an allergy that was noted later or elsewhere, or one to what is
    given instead.
    """
    standing = allergies_of(prescription.patient)
    for place, item in enumerate(items):
        unknown = [one for one in standing if item.total and not _was_considered(item.line, one)]
        about = next((one for one in unknown if is_allergic(item.medicine.substance, one.known)), None)
        if about is not None:
            sentence = _("Allergy: %(substance)s. Ask the prescriber.") % {"substance": about.substance}
            raise Problem(
                "caution",
                sentence,
                status=409,
                fields={f"items.{place}.quantity": sentence},
                extra={"cautions": [{"code": ALLERGY, "about": about.substance}]},
            )


def _was_considered(line: PrescriptionLine, allergy: Allergy) -> bool:
    """Whether the prescriber was warned of it and wrote why nevertheless."""
    warned = ALLERGY in line.cautions.split() and allergy.made_stamp < line.made_stamp
    return warned and is_allergic(line.medicine.substance, allergy.known)


_Ready = tuple[Give, LineStanding, list[Part]]


def _ready(item: Give, place: int, prescription: Prescription, shelf: _Shelf) -> _Ready:
    name = f"items.{place}"
    if item.line.prescription_id != prescription.pk:
        sentence = _("This belongs to another prescription.")
        raise Problem("wrong-line", sentence, fields={f"{name}.line": sentence})
    now = tell_line(item.line).standing
    with answering():
        if item.instead is None:
            policy.check_give(now, item.total, f"{name}.quantity")
        else:
            policy.check_cancel(now)
            policy.check_quantity(item.total, f"{name}.quantity")
        policy.check_note(item.note, f"{name}.note", wanted=item.instead is not None)
    return item, now, list(_parts(item, name, shelf))


def _parts(item: Give, name: str, shelf: _Shelf) -> Iterator[Part]:
    """The lots that are taken: those that were named, else what expires first."""
    lots, on = shelf.of(item.medicine), today()
    if not item.parts:
        there = sum(lot.balance for lot in in_order(lots, on))
        if there < item.total:
            raise above_stock(f"{name}.quantity", max(there, 0))
    for place, part in enumerate(item.parts or allocate(lots, item.total, on)):
        lot = next((one for one in shelf.of(item.medicine) if one.name == part.lot), Lot(part.lot, 0))
        where = f"{name}.lots.{place}.quantity"
        if part.quantity < 0:
            raise Problem("too-small", _("Write a number of 0 or more."), fields={where: _("Too small.")})
        if lot.has_expired(on):
            sentence = _("This lot has expired. Take another one.")
            raise Problem("lot-expired", sentence, fields={where: sentence}, status=409)
        if part.quantity > lot.balance:
            raise above_stock(where, max(lot.balance, 0))
        if part.quantity:
            shelf.take(item.medicine, part)
            yield part


def above_stock(where: str, left: int) -> Problem:
    """More than there is: said beside the number, with what there is."""
    sentence = ngettext(
        "Only %(n)d is in stock. Hand out less, or choose another lot.",
        "Only %(n)d are in stock. Hand out less, or choose another lot.",
        left,
    ) % {"n": left}
    return Problem("above-stock", sentence, status=409, fields={where: sentence}, extra={"in_stock": left})


def _write(
    save: Save, prescription: Prescription, facility: Facility, note: str, ready: Sequence[_Ready]
) -> None:
    now = current_node().now()
    header = save.add(
        Dispensing,
        prescription=prescription,
        patient_id=prescription.patient_id,
        facility=facility,
        note=note,
        at=now,
        by=save.by.staff_id,
    )
    for item, standing, parts in ready:
        for place, part in enumerate(parts):
            # Another medicine stands for what is left of the line, whatever its number of tablets.
            rest = standing.remaining if place == 0 else 0
            covers = part.quantity if item.instead is None else rest
            movement = _move(save, facility, item.medicine, part.lot, MovementKind.DISPENSED, -part.quantity)
            _add_item(save, header, item.line, item.medicine, movement, covers, " ".join(item.note.split()))


def _move(
    save: Save, facility: Facility, medicine: Medicine, lot: LotName, kind: MovementKind, quantity: int
) -> StockMovement:
    return save.add(
        StockMovement,
        facility=facility,
        medicine=medicine,
        lot_number=lot.number,
        expires_on=lot.expires_on,
        kind=kind.value,
        quantity=quantity,
        at=current_node().now(),
        by=save.by.staff_id,
    )


def _add_item(
    save: Save,
    header: Dispensing,
    line: PrescriptionLine,
    medicine: Medicine,
    movement: StockMovement,
    covers: int,
    note: str,
) -> None:
    save.add(
        DispensedItem,
        dispensing=header,
        line=line,
        patient_id=header.patient_id,
        medicine=medicine,
        movement=movement,
        lot_number=movement.lot_number,
        expires_on=movement.expires_on,
        quantity=-movement.quantity,
        covers=covers,
        note=note,
    )


def take_back(*, by: Author, item: DispensedItem, reason: str, save_id: UUID | None = None) -> DispensedItem:
    """It was handed out by mistake and is back on the shelf: the opposite rows are added, nothing is
    removed.
    """
    header = item.dispensing
    allowed(by, policy.check_dispense, header.facility_id)
    with answering():
        words = policy.check_note(reason, "reason", wanted=True)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            if not is_out(item):
                raise Problem("taken-back", _("This was taken back already."), status=409)
            lot = LotName(item.lot_number, item.expires_on)
            back = _move(save, header.facility, item.medicine, lot, MovementKind.RETURNED, item.quantity)
            _add_item(save, header, item.line, item.medicine, back, -item.covers, words)
        return made(DispensedItem, save, 1)


def is_out(item: DispensedItem) -> bool:
    """Whether what an item handed out is still out."""
    same = DispensedItem.objects.living().filter(
        dispensing=item.dispensing_id,
        line=item.line_id,
        medicine=item.medicine_id,
        lot_number=item.lot_number,
        expires_on=item.expires_on,
    )
    return item.quantity > 0 and sum(same.values_list("quantity", flat=True)) >= item.quantity
