"""Handing out as a form: for each line the lots on the shelf, what expires first already filled in.

Lives here: `DispenseForm`, and the way from a refusal's `items.0.lots.1.quantity` to the field it is about.
Not here: which lot comes first (`fefo.py`), what is refused (`dispensing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.pharmacy import wording
from clinic.pharmacy.dispensing import Give
from clinic.pharmacy.fefo import Lot, Part, allocate, in_order
from clinic.pharmacy.forms import WholeNumber, note
from clinic.pharmacy.models import Medicine
from clinic.pharmacy.selectors import ToldLine
from clinic.pharmacy.stock import Held, held
from registry.places.models import Facility
from sync.problems import Problem

LOT: Final = "lot-"


@dataclass(frozen=True, slots=True)
class Offer:
    """One line that is still open, the medicine that is handed out for it, and its lots in order."""

    told: ToldLine
    instead: Medicine | None
    stock: Held
    lots: list[Lot]
    suggested: list[Part] = field(default_factory=list)

    @property
    def medicine(self) -> Medicine:
        return self.stock.medicine


def offers_for(lines: Sequence[ToldLine], facility: Facility, instead: Mapping[str, Medicine]) -> list[Offer]:
    """What can be handed out now; `instead` names another medicine by line."""
    return [_offer(told, facility, instead.get(str(told.line.pk))) for told in lines if told.standing.is_open]


def _offer(told: ToldLine, facility: Facility, instead: Medicine | None) -> Offer:
    stock = held(facility, instead or told.line.medicine)
    lots = in_order(stock.lots, stock.on)
    return Offer(told, instead, stock, lots, allocate(lots, told.standing.remaining, stock.on))


class DispenseForm(forms.Form):
    """A number for each lot of each line, and a note where another medicine is given.

    A field is named after its line and its lot, not after its place: what another station does meanwhile must
    not move a number to another lot.
    """

    def __init__(self, *args: Any, offers: Sequence[Offer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offers = offers
        for offer in offers:
            suggested = {part.lot: part.quantity for part in offer.suggested}
            for lot in offer.lots:
                self.fields[_lot_field(offer, lot)] = WholeNumber(
                    label=wording.lot_text(lot.name), required=False, initial=suggested.get(lot.name)
                )
            if offer.instead is not None:
                self.fields[_note_field(offer)] = note(gettext_lazy("Why another medicine"), required=True)

    def clean(self) -> dict[str, Any]:
        """A number for a lot that is not there any more is told, never dropped."""
        gone = [name for name, value in self.data.items() if name.startswith(LOT) and str(value).strip("0 ")]
        if set(gone) - set(self.fields):
            raise forms.ValidationError(_("Stock moved while you wrote. Look at the numbers again."))
        return self.cleaned_data

    def rows(self) -> list[dict[str, Any]]:
        """What the page prints for each line."""
        return [self._row(offer) for offer in self.offers]

    def _row(self, offer: Offer) -> dict[str, Any]:
        lots: list[dict[str, Any]] = [
            {"field": self[_lot_field(offer, lot)], "left": wording.amount(lot.balance, offer.medicine.unit)}
            for lot in offer.lots
        ]
        first = max(len(offer.suggested), 1)
        return {
            "offer": offer,
            "unit": str(offer.medicine.get_unit_display()),
            "first": lots[:first],
            "more": lots[first:],
            "more_open": any(one["field"].errors or one["field"].value() for one in lots[first:]),
            "note": self[_note_field(offer)] if offer.instead is not None else None,
            "short": offer.stock.usable < offer.told.standing.remaining and offer.instead is None,
        }

    def items(self) -> list[Give]:
        """What is handed out, line by line; a line with nothing stays in its place."""
        return [
            Give(
                offer.told.line,
                parts=[Part(lot.name, self.cleaned_data[name]) for name, lot in self._written(offer)],
                instead=offer.instead,
                note=self.cleaned_data.get(_note_field(offer), ""),
            )
            for offer in self.offers
        ]

    def _written(self, offer: Offer) -> list[tuple[str, Lot]]:
        """The lots for which a number was written."""
        named = [(_lot_field(offer, lot), lot) for lot in offer.lots]
        return [(name, lot) for name, lot in named if self.cleaned_data.get(name)]

    def add_problem(self, problem: Problem) -> None:
        """Beside the number it is about, where there is one."""
        beside = {self._field_of(name): sentence for name, sentence in problem.fields.items()}
        for name, sentence in beside.items():
            self.add_error(name, sentence)
        if not beside:
            self.add_error(None, problem.title)

    def _field_of(self, name: str) -> str | None:
        """`items.0.lots.1.quantity` → the second lot with a number; None for the whole form."""
        parts = name.split(".")
        if len(parts) < 3 or parts[0] != "items":
            return None
        offer = self.offers[int(parts[1])]
        if parts[2] == "note":
            return _note_field(offer) if offer.instead is not None else None
        written = [field_name for field_name, _one in self._written(offer)]
        wanted = int(parts[3]) if parts[2] == "lots" else 0
        return written[wanted] if wanted < len(written) else None


def _lot_field(offer: Offer, lot: Lot) -> str:
    box = f"{offer.medicine.pk} {lot.name.number} {lot.name.expires_on}"
    return f"{LOT}{offer.told.line.pk}-{blake2s(box.encode(), digest_size=8).hexdigest()}"


def _note_field(offer: Offer) -> str:
    return f"note-{offer.told.line.pk}"
