"""The two codes a person may carry: the registration number and the provisional code.

Lives here, pure: how both are written, checked and read back from whatever somebody typed. A *number*,
`K7-204581-3`, is one of ten letters, a digit, six digits and a Verhoeff check digit; the letters stand for
the digits 0 to 9, so every single wrong character and every swap of two neighbours is caught. A *provisional
code*, `BCA4-7K3MP-X`, is made where no number was left: a tag of the place, five random characters and an ISO
7064 (mod 31, 30) check character, in an alphabet without look-alikes. Not here: who issues numbers and who
takes them (`services.py`).
Read next: `services.py`.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from stdnum import verhoeff
from stdnum.iso7064 import mod_37_36

from registry.refusals import Refused, _

LETTERS: Final = "ACEFHKMPRT"
PREFIXES: Final = len(LETTERS) * 10
PER_PREFIX: Final = 1_000_000
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # thirty: no 0 1 I L O U, and 31 is prime
TAG_LENGTH: Final = 4
RANDOM_LENGTH: Final = 5

Kind = Literal["number", "provisional", "other"]
_NUMBER_SHAPE = re.compile(r"[A-Z][0-9]{8}")
_PROVISIONAL_SHAPE = re.compile(r"[0-9A-Z]{10}")
_BETWEEN = re.compile(r"[\s\-‐‑‒–—_./]+")


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """What a typed text is. `value` is the code as it is printed; `ok` says whether its check character
    fits.
    """

    kind: Kind
    value: str
    ok: bool


def prefix_of(ordinal: int) -> str:
    """`K7` and the like: the prefix of a block, by its place among all prefixes."""
    letter, digit = divmod(ordinal, 10)
    return f"{LETTERS[letter]}{digit}"


def as_text(prefix: str, number: int) -> str:
    """A registration number as it is printed, check digit included."""
    body = f"{number:06d}"
    return f"{prefix}-{body}-{verhoeff.calc_check_digit(_digits(prefix + body))}"


def _digits(compact: str) -> str:
    return f"{LETTERS.index(compact[0])}{compact[1:]}"


def short_tag(node_name: str, replica: UUID) -> str:
    """Three characters of the node's name and one of its replica: two places of like names rarely share a
    tag.
    """
    plain = unicodedata.normalize("NFKD", node_name).upper()
    letters = "".join(character for character in plain if character in ALPHABET)
    seed = hashlib.sha256(f"{node_name}\0{replica}".encode()).digest()
    filler = "".join(ALPHABET[byte % len(ALPHABET)] for byte in seed)
    return (letters[: TAG_LENGTH - 1] + filler)[:TAG_LENGTH]


def provisional_code(tag: str, rng: random.Random) -> str:
    """A fresh provisional code of a place."""
    body = "".join(rng.choice(ALPHABET) for _place in range(RANDOM_LENGTH))
    return f"{tag}-{body}-{mod_37_36.calc_check_digit(tag + body, ALPHABET)}"


def check_number(text: str) -> NumberCheck:
    """Read a typed or scanned text: a registration number, a provisional code, or something else."""
    plain = _in_western_digits(unicodedata.normalize("NFKC", text[:64])).strip().upper()
    compact = _BETWEEN.sub("", plain)
    if _NUMBER_SHAPE.fullmatch(compact) and len(text) <= 64:
        return _checked_number(compact)
    if _looks_provisional(plain, compact) and len(text) <= 64:
        return _checked_provisional(compact)
    return NumberCheck("other", text.strip(), ok=False)


def _in_western_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _checked_number(compact: str) -> NumberCheck:
    known = compact[0] in LETTERS
    ok = known and verhoeff.is_valid(_digits(compact))
    return NumberCheck("number", f"{compact[:2]}-{compact[2:8]}-{compact[8]}", ok)


def _looks_provisional(plain: str, compact: str) -> bool:
    # Ten letters may be a name: without its hyphens a code counts as one only when its check character fits.
    if not compact.isascii() or not _PROVISIONAL_SHAPE.fullmatch(compact):
        return False
    written = _BETWEEN.sub("-", plain)
    return written == _hyphened(compact) or _fits(compact)


def _hyphened(compact: str) -> str:
    return f"{compact[:TAG_LENGTH]}-{compact[TAG_LENGTH:-1]}-{compact[-1]}"


def _fits(compact: str) -> bool:
    return set(compact) <= set(ALPHABET) and mod_37_36.is_valid(compact, ALPHABET)


def _checked_provisional(compact: str) -> NumberCheck:
    return NumberCheck("provisional", _hyphened(compact), _fits(compact))


def can_accept(checked: NumberCheck) -> bool:
    """Whether a typed text may be taken at its word: it is no code of ours, or its check character fits."""
    return checked.kind == "other" or checked.ok


def check_accept(checked: NumberCheck) -> None:
    """Refuse a mistyped code, and say which."""
    if can_accept(checked):
        return
    sentence = (
        _("The check digit of this number does not fit. Look at the card again.")
        if checked.kind == "number"
        else _("The last character of this provisional code does not fit. Look at the slip again.")
    )
    raise Refused("wrong-check-digit", sentence)
