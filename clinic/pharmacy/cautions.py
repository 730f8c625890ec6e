"""What to say before somebody gets a medicine: a known allergy, the same treatment twice.

Lives here, pure: `is_allergic` and `is_duplicate`, by the medicine's name and its ATC code. ATC is the
WHO's tree of medicines: J01C are the penicillins, J01CA those with an extended spectrum, J01CA04
amoxicillin. Not here: who may go on nevertheless (`policy.py`), which allergies somebody has
(`selectors.py`). Read next: `prescribing.py`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

SUBGROUP: Final = 5  # letters of an ATC code that name a chemical subgroup: its 4th level
SHORTEST_NAME: Final = 4
# Substances that people who react to one of them often react to as a family.
FAMILIES: Final[tuple[tuple[str, ...], ...]] = (
    ("J01C",),  # penicillins
    ("J01DB", "J01DC", "J01DD", "J01DE"),  # cephalosporins
    ("J01E",),  # sulfonamides and trimethoprim
    ("J01M",),  # quinolones
    ("J01FA",),  # macrolides
    ("J01A",),  # tetracyclines
    ("M01A", "N02BA", "B01AC06"),  # aspirin and its relatives
    ("C09A", "C09B"),  # ACE inhibitors
)


@dataclass(frozen=True, slots=True)
class Substance:
    """A medicine or what somebody reacts to: its name, and its ATC code or the beginning of one."""

    name: str
    atc: str = ""


def folded(text: str) -> str:
    """Without accents and capitals, single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())


def is_allergic(medicine: Substance, allergy: Substance) -> bool:
    """Whether the medicine is, contains or is closely related to what somebody reacts to."""
    return _named_alike(medicine.name, allergy.name) or _related(medicine.atc, allergy.atc)


def is_duplicate(medicine: Substance, other: Substance) -> bool:
    """Whether both treat the same way: one subgroup of the ATC, or the same name."""
    if medicine.atc and other.atc:
        return medicine.atc[:SUBGROUP] == other.atc[:SUBGROUP] and len(medicine.atc) >= SUBGROUP
    return folded(medicine.name) == folded(other.name)


def _named_alike(medicine: str, allergy: str) -> bool:
    """ "Amoxicillin" in "Amoxicillin + clavulanic acid", as whole words."""
    wanted = folded(allergy)
    return len(wanted) >= SHORTEST_NAME and f" {wanted} " in f" {folded(medicine)} "


def _related(medicine: str, allergy: str) -> bool:
    if not medicine or not allergy:
        return False
    if medicine.startswith(allergy) or (
        len(allergy) >= SUBGROUP and medicine[:SUBGROUP] == allergy[:SUBGROUP]
    ):
        return True
    return any(_in(family, medicine) and _in(family, allergy) for family in FAMILIES)


def _in(family: tuple[str, ...], atc: str) -> bool:
    return any(atc.startswith(prefix) for prefix in family)
