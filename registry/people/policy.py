"""What may be said about a person.

Lives here, pure: cleaning names, phones and identifiers, and the checks on dates. Not here: ages and
parts of dates (`birth.py`), who may be whose mother (`kin.py`), who may register
(`registry.staff.policy`), writing (`services.py`), finding (`search.py`).
Read next: `services.py`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from registry.numbers.codes import check_accept, check_number
from registry.people.digits import western
from registry.refusals import Refused, _

LONGEST_NAME: Final = 100
LONGEST_IDENTIFIER: Final = 100
OLDEST: Final = 130
SEXES: Final = ("female", "male", "other", "unknown")
NUMBER_SYSTEM: Final = "posta:number"
PROVISIONAL_SYSTEM: Final = "posta:provisional"
TURNED: Final = "turned-text"
OWN_SYSTEMS: Final = frozenset({NUMBER_SYSTEM, PROVISIONAL_SYSTEM})

# Controls that make text run the other way, which no name holds; joiners stay, scripts need them.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Overrides show other letters than are kept. Marks and isolates come along when a name is copied: left out.
_HIDING = re.compile("[\u202d\u202e]")
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9:._/\-]{0,59}")
_PHONE = re.compile(r"[\d+()\-./\s#*]{3,40}")


def clean_text(text: str, field: str, limit: int) -> str:
    """One spelling of a line of text: composed, trimmed, single spaces, nothing invisible that turns it
    round.
    """
    if "\0" in text:
        raise Refused.field(field, "nul-character", _("The text holds a character that cannot be kept."))
    if len(text) > limit * 10:
        raise Refused.field(field, "too-long", _("The text is too long."))
    composed = unicodedata.normalize("NFC", without_turns(text))
    spaced = "".join(" " if unicodedata.category(character) == "Cc" else character for character in composed)
    cleaned = " ".join(spaced.split())
    if any("\ud800" <= character <= "\udfff" for character in cleaned):
        raise Refused.field(field, "broken-text", _("The text holds a character that cannot be kept."))
    if len(cleaned) > limit:
        raise Refused.field(field, "too-long", _("The text is too long."))
    return cleaned


def clean_name(text: str, field: str) -> str:
    """A name in any script, kept as it is read."""
    check_unturned(text, field)
    return clean_text(text, field, LONGEST_NAME)


def check_unturned(text: str, field: str) -> None:
    """A name, of whatever, shows the letters that are kept."""
    if _HIDING.search(text):
        raise Refused.field(
            field, TURNED, _("A hidden sign turns this name round. Look at it, then save again.")
        )


def without_turns(text: str) -> str:
    """The text as it is kept: in the order in which its letters stand, whatever a hidden sign made of it."""
    return _TURNING.sub("", text)


def check_named(given_name: str, family_name: str) -> None:
    """A person has at least one name; many people have only one."""
    if not any(character.isalpha() for character in given_name + family_name):
        raise Refused.field("given_name", "name-missing", _("Write at least one name."))


def check_sex(sex: str) -> None:
    if sex not in SEXES:
        raise Refused.field("sex", "unknown-code", _("Choose one of the answers."))


def clean_phone(text: str) -> str:
    """A phone number as people write it, in digits that every telephone has."""
    cleaned = western(clean_text(text, "phone", 40))
    if cleaned and not (_PHONE.fullmatch(cleaned) and any(character.isdigit() for character in cleaned)):
        raise Refused.field("phone", "not-a-phone", _("A phone number has digits only."))
    return cleaned


def clean_system(text: str) -> str:
    """The name of an identifier's system: `passport`, `national-id`, `urn:oid:2.16…`."""
    cleaned = clean_text(text, "system", 60).lower()
    if not _SYSTEM.fullmatch(cleaned):
        raise Refused.field("system", "unknown-system", _("The kind of identifier is not right."))
    return cleaned


def clean_identifier(text: str) -> str:
    cleaned = clean_text(text, "value", LONGEST_IDENTIFIER)
    if not cleaned:
        raise Refused.field("value", "identifier-missing", _("Write the identifier."))
    return cleaned


def check_own_code(system: str, value: str) -> None:
    """A registration number or provisional code must be one, and its check character must fit."""
    if system not in OWN_SYSTEMS:
        return
    checked = check_number(value)
    check_accept(checked)
    if f"posta:{checked.kind}" != system:
        raise Refused.field("value", "not-a-number", _("This is not a number of this programme."))


def clean_pair(system: str, value: str) -> tuple[str, str]:
    """An identifier as it is kept: the system's name, and the value; our own codes as they are printed."""
    name, text = clean_system(system), clean_identifier(value)
    check_own_code(name, text)
    return name, check_number(text).value if name in OWN_SYSTEMS else text


def age_in_years(birth_date: date, today: date) -> int:
    """Whole years lived, as DHIS2 counts them."""
    before_birthday = (today.month, today.day) < (birth_date.month, birth_date.day)
    return today.year - birth_date.year - int(before_birthday)


def check_birth_date(birth_date: date, today: date) -> None:
    """Nobody is born tomorrow, nobody is older than 130."""
    if birth_date > today:
        raise Refused.field("birth_date", "birth-date-in-future", _("The birth date lies in the future."))
    if age_in_years(birth_date, today) > OLDEST:
        raise Refused.field("birth_date", "age-out-of-range", _("An age lies between 0 and 130 years."))
