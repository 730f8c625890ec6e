"""Medicines, doses, lots and movements in words.

Lives here: one sentence for a prescribed line ("1 tablet, 3 times a day, 5 days"), amounts with their unit,
lots and the state of a line. Each is a whole sentence for the translators, never pieces. Not here: numbers
(`doses.py`), what a page is made of (`shapes.py`).
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext

from clinic.pharmacy.doses import Frequency, Unit
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.models import Medicine, PrescriptionLine
from clinic.pharmacy.policy import LineStanding, LineState
from clinic.pharmacy.selectors import ALLERGY, Caution

_STATES: Final[dict[LineState, tuple[str, str]]] = {
    LineState.PRESCRIBED: ("waiting", gettext_noop("To hand out")),
    LineState.PARTLY: ("needs-you", gettext_noop("Partly handed out")),
    LineState.DISPENSED: ("done", gettext_noop("Handed out")),
    LineState.CANCELLED: ("done", gettext_noop("Cancelled")),
    LineState.ENDED: ("done", gettext_noop("Nothing more")),
}
HALF: Final = Decimal("0.5")
# What is prescribed most, as chips: for what is swallowed whole, and for what is measured.
CHIPS: Final[dict[bool, tuple[str, ...]]] = {False: ("0.5", "1", "2"), True: ("2.5", "5", "10")}
# Groups that people name when they mean no single medicine: the beginning of the ATC code, and the words.
GROUPS: Final[tuple[tuple[str, str], ...]] = (
    ("J01C", gettext_noop("Penicillins")),
    ("J01DB", gettext_noop("Cephalosporins")),
    ("J01E", gettext_noop("Sulfonamides")),
    ("M01A", gettext_noop("Ibuprofen, aspirin and relatives")),
    ("J01FA", gettext_noop("Macrolides")),
    ("N01B", gettext_noop("Local anaesthetics")),
)


def medicine_text(medicine: Medicine) -> str:
    """Name, strength and form, as on the box."""
    form = str(medicine.get_form_display()).lower()
    return " ".join(part for part in (medicine.name, medicine.strength, form) if part)


def amount(quantity: int | Decimal, unit: str) -> str:
    """A number with its unit; half a tablet is "½"."""
    n = math.ceil(abs(Decimal(quantity)))
    words = {
        Unit.TABLET: ngettext("%(n)s tablet", "%(n)s tablets", n),
        Unit.CAPSULE: ngettext("%(n)s capsule", "%(n)s capsules", n),
        Unit.SACHET: ngettext("%(n)s sachet", "%(n)s sachets", n),
        Unit.ML: ngettext("%(n)s ml", "%(n)s ml", n),
        Unit.BOTTLE: ngettext("%(n)s bottle", "%(n)s bottles", n),
        Unit.TUBE: ngettext("%(n)s tube", "%(n)s tubes", n),
        Unit.VIAL: ngettext("%(n)s vial", "%(n)s vials", n),
        Unit.AMPOULE: ngettext("%(n)s ampoule", "%(n)s ampoules", n),
        Unit.SUPPOSITORY: ngettext("%(n)s suppository", "%(n)s suppositories", n),
        Unit.INHALER: ngettext("%(n)s inhaler", "%(n)s inhalers", n),
    }
    other = ngettext("%(n)s piece", "%(n)s pieces", n)
    known = Unit(unit) if unit in set(Unit) else None
    return (words.get(known, other) if known else other) % {"n": number_text(quantity)}


def number_text(number: int | Decimal) -> str:
    """A number as the reader's language writes it."""
    if number == HALF:
        return "½"
    whole = int(number)
    return number_format(whole if number == whole else Decimal(number).normalize(), force_grouping=True)


def days_text(days: int) -> str:
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def frequency_text(frequency: str) -> str:
    return str(dict(PrescriptionLine.Frequency.choices).get(frequency, frequency))


def directions(line: PrescriptionLine) -> str:
    """How it is taken, in one sentence."""
    words = {"often": frequency_text(line.frequency), "days": days_text(line.days)}
    if line.dose is None:
        told = _("%(often)s, %(days)s") % words
    elif line.frequency == Frequency.ONCE:
        told = _("%(dose)s. %(often)s") % (words | {"dose": amount(line.dose, line.medicine.unit)})
    else:
        told = _("%(dose)s. %(often)s, %(days)s") % (words | {"dose": amount(line.dose, line.medicine.unit)})
    if (line.route and line.route != line.medicine.route) or line.route not in ("", "oral"):
        told = _("%(directions)s. %(route)s") % {"directions": told, "route": line.get_route_display()}
    return told


def state_of(now: LineStanding) -> tuple[str, str]:
    """The badge of a line: its state and its word."""
    if now.is_too_much:
        return "danger", _("More was handed out than prescribed")
    if now.state is LineState.CANCELLED and now.given >= now.quantity:
        return "danger", _("Cancelled, but handed out")
    state, word = _STATES[now.state]
    return state, _(word)


def lot_text(lot: LotName) -> str:
    """A lot as the box says it."""
    number = lot.number or pgettext("a lot", "no number")
    if lot.expires_on is None:
        return _("Lot %(lot)s") % {"lot": number}
    when = date_format(lot.expires_on, "M Y")
    return _("Lot %(lot)s, expires %(when)s") % {"lot": number, "when": when}


def caution_text(caution: Caution) -> str:
    """What is warned of."""
    if caution.code == ALLERGY:
        return _("Allergy: %(substance)s.") % {"substance": caution.about}
    return _("Already on %(medicine)s.") % {"medicine": caution.about}


def group_name(atc: str) -> str:
    """What people call a group of medicines; empty for what is none of ours."""
    return next((_(name) for code, name in GROUPS if code == atc), "")
