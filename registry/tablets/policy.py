"""What a tablet must show to be known here, and for how long that holds.

Lives here, pure: the times of a proof (`Proof`, `standing_of`), the code that lets a tablet in, and a
tablet's name. Not here: whether a signature is right (`proofs.py`), who may add a tablet
(`clinic/tablet/policy.py`).
Read next: `docs/adr/0027-enrolled-tablets.md`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from registry.refusals import Refused, _

RENEW_AFTER: Final = timedelta(minutes=10)
"""A page that is open proves anew after this: a copied cookie is worth nothing from then on."""
GOOD_FOR: Final = timedelta(hours=1)
"""Without a new proof nothing is answered after this, though the cookie be right."""
GRACE: Final = timedelta(minutes=1)
"""Requests that were on their way during a proof still carry the cookie before."""
TAKEN_BACK: Final = timedelta(minutes=2)
"""A tablet that lost power may come with the cookie before, and proves itself at once."""
OFFERED_FOR: Final = timedelta(minutes=10)
WRONG_TRIES: Final = 20
LONGEST_LABEL: Final = 40
LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else
CODE_LENGTH: Final = 8
_SLUG: Final = re.compile(r"[^a-z0-9]+")


class Standing(StrEnum):
    """What the cookie of a tablet is worth now."""

    PROVED = "proved"
    STALE = "stale"  # it must prove itself again
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Proof:
    """A tablet's row, as far as it decides. `current`: the cookie is the present one, not the one before."""

    proved_at: datetime
    revoked: bool
    current: bool
    current_was_used: bool


def standing_of(proof: Proof, now: datetime) -> Standing:
    """A cookie is good for an hour after its proof; the one before it for a minute."""
    if proof.revoked:
        return Standing.REVOKED
    age = abs(now - proof.proved_at)  # a clock that was set back is no reason to trust longer
    return Standing.PROVED if age <= (GOOD_FOR if proof.current else GRACE) else Standing.STALE


def is_copy(proof: Proof, now: datetime) -> bool:
    """Whether a second holder shows itself: the cookie before, though the tablet has used the new one."""
    return not proof.current and proof.current_was_used and now - proof.proved_at > GRACE


def should_renew(proved_at: datetime, now: datetime) -> bool:
    return abs(now - proved_at) > RENEW_AFTER


def normal_code(typed: str) -> str:
    """A code as it is compared: capitals, without the spaces and dashes that people put in."""
    return "".join(letter for letter in typed.upper() if letter in LETTERS)


def shown_code(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def clean_label(label: str) -> str:
    """A tablet's name without characters that nobody sees."""
    visible = "".join(" " if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} else one for one in label)
    return " ".join(visible.split())[:LONGEST_LABEL].strip()


def check_label(label: str, taken: Collection[str]) -> None:
    if label.casefold() in {one.casefold() for one in taken}:
        raise Refused.field("label", "label-taken", _("Another tablet here has this name."))


def can_be_called(label: str, taken: Collection[str]) -> bool:
    try:
        check_label(label, taken)
    except Refused:
        return False
    return True


def device_named(label: str, tail: str) -> str:
    """What changes say about where they were written: readable, and different for every tablet."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    stem = _SLUG.sub("-", plain).strip("-")[:24].strip("-") or "tablet"
    return f"{stem}-{tail}"
