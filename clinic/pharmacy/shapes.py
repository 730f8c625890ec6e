"""The shapes that the pharmacy's pages print.

Lives here: rows as the templates name their parts, from what the selectors read. Not here: requests and
saves (`views.py`, `stock_views.py`), the words (`wording.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from clinic.pharmacy import wording
from clinic.pharmacy.fefo import Lot, LotName
from clinic.pharmacy.models import Allergy, AllergyRefutation, DispensedItem, Medicine, StockMovement
from clinic.pharmacy.selectors import ToldLine, ToldPrescription, waiting_at
from clinic.pharmacy.stock import Held
from clinic.visits.selectors import open_visits_of
from clinic.visits.timeline import writer_name
from registry.people.selectors import persons
from registry.places.models import Facility
from registry.staff.selectors import staff_names

Shape = dict[str, Any]
Name = Callable[[UUID | None], str]


def medicine(one: Medicine) -> Shape:
    return {"id": one.pk, "text": wording.medicine_text(one), "name": one.name, "strength": one.strength}


def line(told: ToldLine) -> Shape:
    """One prescribed line and what has come of it."""
    state, word = wording.state_of(told.standing)
    unit = told.line.medicine.unit
    return {
        "id": told.line.pk,
        "medicine": wording.medicine_text(told.line.medicine),
        "directions": wording.directions(told.line),
        "instructions": told.line.instructions,
        "override": told.line.override,
        "quantity": wording.amount(told.standing.quantity, unit),
        "given": wording.amount(told.standing.given, unit) if told.standing.given else "",
        "remaining": wording.amount(told.standing.remaining, unit),
        "is_open": told.standing.is_open,
        "state": state,
        "state_word": word,
        "at": told.line.at,
    }


def prescriptions(told: Sequence[ToldPrescription]) -> list[Shape]:
    """Several, the names of all prescribers looked up once."""
    name = names(one.prescription.by for one in told)
    return [prescription(one, name) for one in told]


def prescription(told: ToldPrescription, name: Name | None = None) -> Shape:
    """A prescription with its lines."""
    header = told.prescription
    name = name or names([header.by])
    return {
        "id": header.pk,
        "at": header.at,
        "by": name(header.by),
        "note": header.note,
        "is_open": told.is_open,
        "lines": [line(one) for one in told.lines],
        "dispensings": list(dict.fromkeys(item.dispensing_id for one in told.lines for item in one.items)),
    }


def waiting(facility: Facility) -> Shape:
    """Prescriptions that wait: of those who are here, and of the others."""
    told = waiting_at(facility)
    people = {one.id: one for one in persons([one.prescription.patient for one in told])}
    visits = open_visits_of([one.prescription.patient_id for one in told])
    entries = [
        shape | {"person": people[one.prescription.patient_id], "here": one.prescription.patient_id in visits}
        for shape, one in zip(prescriptions(told), told, strict=True)
    ]
    return {
        "present": [entry for entry in entries if entry["here"]],
        "earlier": [entry for entry in entries if not entry["here"]],
    }


def item(one: DispensedItem) -> Shape:
    """What was handed out of one lot."""
    return {
        "id": one.pk,
        "medicine": wording.medicine_text(one.medicine),
        "amount": wording.amount(abs(one.quantity), one.medicine.unit),
        "lot": wording.lot_text(LotName(one.lot_number, one.expires_on)),
        "note": one.note,
        "back": one.quantity < 0,
        "at": one.dispensing.at,
    }


def label(one: DispensedItem) -> Shape:
    """What stands on a bag."""
    return {
        "medicine": wording.medicine_text(one.medicine),
        "amount": wording.amount(one.quantity, one.medicine.unit),
        "directions": wording.directions(one.line) if one.medicine_id == one.line.medicine_id else "",
        "instructions": one.line.instructions,
        "lot": wording.lot_text(LotName(one.lot_number, one.expires_on)),
    }


def allergies(rows: Sequence[Allergy]) -> list[Shape]:
    """Allergies that stand."""
    name = names(one.by for one in rows)
    return [allergy(one, name) for one in rows]


def allergy(one: Allergy, name: Name | None = None) -> Shape:
    """An allergy that stands."""
    name = name or names([one.by])
    return {
        "id": one.pk,
        "substance": one.substance,
        "reaction": one.reaction,
        "severity": str(one.get_severity_display()),
        "is_severe": one.severity == Allergy.Severity.SEVERE,
        "at": one.at,
        "by": name(one.by),
    }


def refutation(one: AllergyRefutation) -> Shape:
    """An allergy that was found to be none."""
    return {
        "substance": one.allergy.substance,
        "reason": one.reason,
        "at": one.at,
        "by": names([one.by])(one.by),
    }


def lot(one: Lot, of: Held) -> Shape:
    """One lot with its balance and what is to be said of it."""
    return {
        "number": one.name.number,
        "expires_on": one.name.expires_on,
        "text": wording.lot_text(one.name),
        "balance": one.balance,
        "amount": wording.amount(one.balance, of.medicine.unit),
        "needs_count": one.balance < 0,
        "expired": one.balance > 0 and one.has_expired(of.on),
        "soon": one.balance > 0 and not one.has_expired(of.on) and one.expires_soon(of.on),
    }


def held(of: Held) -> Shape:
    """One medicine of the stock list."""
    return {
        "medicine": medicine(of.medicine),
        "usable": wording.amount(of.usable, of.medicine.unit),
        "minimum": wording.amount(of.medicine.min_stock, of.medicine.unit),
        "low": of.is_low,
        "needs_count": of.needs_count,
        "expired": of.has_expired,
        "soon": of.expires_soon and not of.has_expired,
        "lots": [lot(one, of) for one in of.lots],
    }


def movements(rows: Iterable[StockMovement], unit: str) -> list[Shape]:
    """What happened, with who."""
    known = list(rows)
    name = names(row.by for row in known)
    return [
        {
            "kind": str(row.get_reason_display() if row.reason else row.get_kind_display()),
            "quantity": row.quantity,
            "amount": wording.amount(abs(row.quantity), unit),
            "counted": None if row.counted is None else wording.amount(row.counted, unit),
            "lot": wording.lot_text(LotName(row.lot_number, row.expires_on)),
            "counterpart": row.counterpart.name if row.counterpart else "",
            "note": row.note,
            "at": row.at,
            "by": name(row.by),
        }
        for row in known
    ]


def names(ids: Iterable[UUID | None]) -> Name:
    """A function from a staff id to a name, looked up once for all."""
    known = staff_names(ids)
    return lambda staff_id: writer_name(staff_id, known)
