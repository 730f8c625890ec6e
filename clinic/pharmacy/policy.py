"""Who prescribes, dispenses and keeps the stock, and what the state of each allows.

Lives here, pure: rights, `standing_of` (what a prescribed line has come to), the reasons for adjusting
stock and which way each goes, and the checks on what was said. Not here: reading (`selectors.py`,
`stock.py`), allergies and duplicates (`cautions.py`), which lot (`fefo.py`). Read next: `prescribing.py`,
`dispensing.py`, `stockkeeping.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from clinic.pharmacy.doses import LARGEST_DOSE, LONGEST_DAYS, MOST_UNITS, Frequency
from registry.people.policy import check_unturned, clean_text
from registry.refusals import Refused, _
from registry.staff.policy import AT_THE_CLINIC, Authority, Role

MAY_PRESCRIBE: Final = frozenset({Role.PROVIDER})
MAY_DISPENSE: Final = frozenset({Role.PHARMACIST, Role.PROVIDER})
MAY_KEEP_STOCK: Final = frozenset({Role.PHARMACIST, Role.COORDINATOR})
MAY_NOTE_ALLERGY: Final = frozenset({Role.TRIAGE, Role.PROVIDER, Role.PHARMACIST})
MAY_REFUTE_ALLERGY: Final = frozenset({Role.PROVIDER})
MAY_LIST_MEDICINES: Final = frozenset({Role.CENTRAL_ADMIN})
LONGEST_LOT: Final = 40
DOSE_PLACES: Final = 2
LONGEST_NOTE: Final = 200
LONGEST_NAME: Final = 120
ATC: Final = re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")
FIRST_EXPIRY: Final = 2000
LAST_EXPIRY: Final = 2100
LARGEST_STOCK: Final = 10_000_000
LONGEST_TYPED: Final = 20_000  # what is longer is no slip of the pen


class LineState(StrEnum):
    """What a prescribed line is now."""

    PRESCRIBED = "prescribed"
    PARTLY = "partly-dispensed"
    DISPENSED = "dispensed"
    CANCELLED = "cancelled"
    ENDED = "ended"


class LineStepKind(StrEnum):
    """What is said of a line: cancelled by the prescriber, or nothing more will be given."""

    CANCELLED = "cancelled"
    ENDED = "ended"


class MovementKind(StrEnum):
    """Why a balance changed."""

    RECEIPT = "receipt"
    DISPENSED = "dispensed"
    RETURNED = "returned"
    ADJUSTMENT = "adjustment"
    DISCARDED = "discarded"
    COUNT = "count"
    SENT = "transfer-out"
    CAME = "transfer-in"


class Reason(StrEnum):
    """Why stock is adjusted by hand. Each goes one way only, so nobody types a sign."""

    EXPIRED = "expired"
    DAMAGED = "damaged"
    LOST = "lost"
    TOO_MANY = "entered-too-many"
    SENT = "sent-elsewhere"
    FOUND = "found"
    TOO_FEW = "entered-too-few"


OUTWARD: Final = frozenset({Reason.EXPIRED, Reason.DAMAGED, Reason.LOST, Reason.TOO_MANY, Reason.SENT})
KIND_OF: Final[dict[Reason, MovementKind]] = {
    Reason.EXPIRED: MovementKind.DISCARDED,
    Reason.DAMAGED: MovementKind.DISCARDED,
    Reason.SENT: MovementKind.SENT,
}


@dataclass(frozen=True, slots=True)
class LineStanding:
    """What a line has come to. `given` may be more than was prescribed after two laptops met."""

    state: LineState
    quantity: int
    given: int

    @property
    def remaining(self) -> int:
        return max(self.quantity - self.given, 0)

    @property
    def is_open(self) -> bool:
        return self.state in (LineState.PRESCRIBED, LineState.PARTLY)

    @property
    def is_too_much(self) -> bool:
        return self.given > self.quantity


def standing_of(quantity: int, given: int, steps: Collection[str]) -> LineStanding:
    """What was given and what was said of a line amount to; a cancellation outlasts everything."""
    if LineStepKind.CANCELLED in steps:
        state = LineState.CANCELLED
    elif given >= quantity:
        state = LineState.DISPENSED
    elif LineStepKind.ENDED in steps:
        state = LineState.ENDED
    else:
        state = LineState.PARTLY if given > 0 else LineState.PRESCRIBED
    return LineStanding(state, quantity, given)


# --- who --------------------------------------------------------------------------------------------------


def _check(may: bool, sentence: str) -> None:
    if not may:
        raise Refused("not-allowed", sentence, status=403)


def can_prescribe(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_PRESCRIBE, facilities)


def check_prescribe(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_prescribe(who, facilities), _("Your role does not prescribe."))


def can_dispense(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_DISPENSE, facilities)


def check_dispense(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_dispense(who, facilities), _("Your role does not hand out medicines."))


def can_keep_stock(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_KEEP_STOCK, facilities)


def check_keep_stock(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_keep_stock(who, facilities), _("Your role does not change the stock."))


def can_see_stock(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(AT_THE_CLINIC, facilities)


def check_see_stock(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_see_stock(who, facilities), _("You have no role at this place."))


def can_note_allergy(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_NOTE_ALLERGY, facilities)


def check_note_allergy(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_note_allergy(who, facilities), _("Your role does not record allergies."))


def can_refute_allergy(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_REFUTE_ALLERGY, facilities)


def check_refute_allergy(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    _check(can_refute_allergy(who, facilities), _("Only a provider says that an allergy is none."))


def can_list_medicines(who: Authority) -> bool:
    return who.holds(MAY_LIST_MEDICINES)


def check_list_medicines(who: Authority) -> None:
    _check(can_list_medicines(who), _("Only the programme office changes the list of medicines."))


# --- what -------------------------------------------------------------------------------------------------


def can_cancel(now: LineStanding) -> bool:
    return now.is_open


def check_cancel(now: LineStanding) -> None:
    """What was handed out stays written."""
    if not can_cancel(now):
        raise Refused("line-closed", _("Nothing of this is open any more."), status=409)


def can_give(now: LineStanding, quantity: int) -> bool:
    return now.is_open and 0 < quantity <= now.remaining


def check_give(now: LineStanding, quantity: int, field: str) -> None:
    """Never more than was prescribed; less is fine."""
    if not now.is_open:
        raise Refused("line-closed", _("Nothing of this is open any more."), status=409)
    if quantity < 1:
        raise Refused.field(field, "too-small", _("Write a number of 1 or more."))
    if not can_give(now, quantity):
        raise Refused.field(field, "above-prescribed", _("This is more than was prescribed."))


def check_dose(dose: Decimal | None, frequency: str, days: int, prefix: str = "") -> None:
    """A dose that somebody could take."""
    if frequency not in set(Frequency):
        raise Refused.field(f"{prefix}frequency", "unknown-frequency", _("Choose how often."))
    if dose is not None and not 0 < dose <= LARGEST_DOSE:
        raise Refused.field(f"{prefix}dose", "bad-dose", _("This dose cannot be right."))
    if dose is not None and dose != round(dose, DOSE_PLACES):
        raise Refused.field(f"{prefix}dose", "too-fine", _("Write at most 2 digits after the point."))
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused.field(f"{prefix}days", "bad-days", _("Write a number of days from 1 to 365."))


def check_quantity(quantity: int | None, field: str, most: int = MOST_UNITS) -> int:
    """A whole number of units, one or more."""
    if quantity is None:
        raise Refused.field(field, "quantity-missing", _("Say how many to hand out."))
    if quantity < 1:
        raise Refused.field(field, "too-small", _("Write a number of 1 or more."))
    if quantity > most:
        raise Refused.field(field, "too-large", _("This number is too large to be right."))
    return quantity


def check_counted(counted: int, field: str) -> int:
    """What was counted: nothing is a number, too."""
    if counted < 0:
        raise Refused.field(field, "too-small", _("Write a number of 0 or more."))
    if counted > LARGEST_STOCK:
        raise Refused.field(field, "too-large", _("This number is too large to be right."))
    return counted


def clean_lot_number(text: str, field: str = "lot_number") -> str:
    """As it is printed, in one spelling: capitals, single spaces, nothing that nobody sees: it tells lots
    apart.
    """
    check_unturned(text, field)
    plain = clean_text(text.upper(), field, LONGEST_TYPED)
    if len(plain) > LONGEST_LOT:
        raise Refused.field(field, "too-long", _("A lot number has at most 40 letters."))
    return plain


def check_expiry(expires_on: date | None, today: date, field: str = "expires_on") -> None:
    """What is received must be good still. Without a date (bandages) it never expires."""
    if expires_on is None:
        return
    if not FIRST_EXPIRY <= expires_on.year <= LAST_EXPIRY:
        raise Refused.field(field, "bad-expiry", _("This date cannot be right."))
    if expires_on < today:
        raise Refused.field(field, "lot-expired", _("This has expired. It cannot be taken in."))


def check_reason(text: str, field: str = "reason") -> Reason:
    """A reason for adjusting stock by its code."""
    try:
        return Reason(text)
    except ValueError:
        raise Refused.field(field, "unknown-reason", _("Choose what happened.")) from None


def check_note(text: str, field: str, *, wanted: bool = False) -> str:
    """A line of free words."""
    if "\0" in text:
        raise Refused.field(field, "nul-character", _("The text holds a character that cannot be kept."))
    plain = " ".join(text.split())
    if wanted and not plain:
        raise Refused.field(field, "reason-missing", _("Write why."))
    if len(plain) > LONGEST_NOTE:
        raise Refused.field(field, "too-long", _("Write at most 200 letters."))
    return plain


def check_substance(text: str, field: str) -> str:
    """What somebody reacts to has a name."""
    check_unturned(text, field)
    plain = clean_text(text, field, LONGEST_TYPED)
    if not plain:
        raise Refused.field(field, "substance-missing", _("Say what they react to."))
    if len(plain) > LONGEST_NAME:
        raise Refused.field(field, "too-long", _("Write at most 120 letters."))
    return plain


def clean_atc(text: str, field: str = "atc") -> str:
    """An ATC code or the beginning of one."""
    plain = text.strip().upper()
    if plain and not ATC.fullmatch(plain):
        raise Refused.field(field, "bad-atc", _("This is no ATC code."))
    return plain


def check_length(text: str, field: str, most: int) -> str:
    """A cell of an imported list that must not be empty, unless it is the strength."""
    check_unturned(text, field)
    if not text and field != "strength":
        raise Refused.field(field, "missing", _("This is empty."))
    if len(text) > most:
        raise Refused.field(field, "too-long", _("This is too long."))
    return text


def check_known(field: str) -> str:
    """A word that is none of ours."""
    raise Refused.field(field, "unknown-code", _("This word is not known."))


def check_whole(text: str, field: str, *, default: int, lowest: int, highest: int) -> int:
    """A whole number from a cell; an empty cell is the default."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not lowest <= int(text[:12]) <= highest:
        raise Refused.field(field, "not-a-number", _("Write a whole number."))
    return int(text)
