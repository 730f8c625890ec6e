"""What to say before somebody gets a medicine: a known allergy, the same treatment twice.

Lives here, pure: `is_allergic` and `is_duplicate`, by the medicine's name and its ATC code; where an allergy
was told in somebody's own words, by how those words begin. ATC is the WHO's tree of medicines: J01C are the
penicillins, J01CA those with an extended spectrum, J01CA04 amoxicillin. Not here: who may go on
nevertheless (`policy.py`), which allergies somebody has (`selectors.py`). Read next: `prescribing.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

SUBGROUP: Final = 5  # letters of an ATC code that name a chemical subgroup: its 4th level
SHORTEST_NAME: Final = 4
SHORTEST_GUESS: Final = 7
CLOSE_ENOUGH: Final = 88  # of 100: a letter too many or too few in a name of ten
# Substances that people who react to one of them often react to as a family.
FAMILIES: Final[tuple[tuple[str, ...], ...]] = (
    ("J01C",),  # penicillins
    ("J01DB", "J01DC", "J01DD", "J01DE"),  # cephalosporins
    # Sulfonamides and trimethoprim; against malaria, for burns, for the bowel.
    ("J01E", "P01BD51", "D06BA", "A07EC01"),
    ("J01M",),  # quinolones
    ("J01FA",),  # macrolides
    ("J01A",),  # tetracyclines
    ("M01A", "N02BA", "B01AC06"),  # aspirin and its relatives
    ("C09A", "C09B"),  # ACE inhibitors
)
# How people call them, brands among it, by the beginning of the word; the longest beginning counts. Warning
# once too often costs a reason, once too few a life.
CALLED: Final[dict[str, tuple[str, ...]]] = {
    "J01C": (
        *("penicil", "penecil", "pencilin", "amoxi", "amoxy", "ampicil", "cloxacil", "augment"),
        *("पेनिसि", "पेनसि", "एमोक्सि", "एम्पिसि", "بنسل", "بنسيل", "اموكسي", "امبيسي"),
    ),
    "J01DB": (
        "cefalex",
        "cefalosp",
        "cefazol",
        "cefix",
        "cefotax",
        "ceftri",
        "cefurox",
        "cephalex",
        "cephalosp",
    ),
    "J01E": (
        "sulfa",
        "sulpha",
        "sulfon",
        "sulphon",
        "bactrim",
        "septrin",
        "cotrim",
        "fansidar",
        "सल्फा",
        "سلفا",
    ),
    "M01A": ("ibuprof", "brufen", "diclof", "voltaren", "naprox", "ketorol", "nsaid", "इबुप्रो", "ايبوبرو"),
    "N02BA": ("aspirin", "acetylsalic", "acetilsalic", "एस्पिरि", "اسبر", "اسبير"),
    "J01FA": ("macrolid", "erythrom", "eritrom", "azithrom", "azitrom", "clarithrom", "claritrom"),
    "J01A": ("tetracycl", "tetracicl", "doxycycl", "doxicicl"),
    "J01M": ("quinolon", "ciproflox", "levoflox", "norflox"),
    "N01B": ("lidoca", "lignoca"),
    "": ("penicillam", "penicilam", "sulfat", "sulphat", "sulfonylu", "sulphonylu"),
}


@dataclass(frozen=True, slots=True)
class Substance:
    """A medicine or what somebody reacts to: its name, and its ATC code or the beginning of one."""

    name: str
    atc: str = ""


def folded(text: str) -> str:
    """Without accents and capitals, single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())


_BEGINNINGS: Final = {folded(word): atc for atc, words in CALLED.items() for word in words}
_ARTICLE: Final = "ال"  # Arabic writes "the" and its word as one


def called(name: str) -> set[str]:
    """The ATC codes that the words of a name mean to people."""
    found = set()
    for word in re.split(r"[\s,;:+/()-]+", folded(name).replace("co-trim", "cotrim")):
        plain = word.removeprefix(_ARTICLE)
        begun = [beginning for beginning in _BEGINNINGS if plain.startswith(beginning)]
        if begun:
            found.add(_BEGINNINGS[max(begun, key=len)])
    return found - {""}


def is_allergic(medicine: Substance, allergy: Substance) -> bool:
    """Whether the medicine is, contains or is closely related to what somebody reacts to."""
    given = {medicine.atc} if medicine.atc else called(medicine.name)
    known = {allergy.atc} | called(allergy.name)
    return _named_alike(medicine.name, allergy.name) or any(
        _related(one, other) for one in given for other in known
    )


def is_duplicate(medicine: Substance, other: Substance) -> bool:
    """Whether both treat the same way: one subgroup of the ATC, or the same name."""
    if medicine.atc and other.atc:
        return medicine.atc[:SUBGROUP] == other.atc[:SUBGROUP] and len(medicine.atc) >= SUBGROUP
    return folded(medicine.name) == folded(other.name)


def _named_alike(medicine: str, allergy: str) -> bool:
    """ "Amoxicillin" in "Amoxicillin + clavulanic acid", as whole words, or nearly so."""
    wanted, name = folded(allergy), folded(medicine)
    if len(wanted) >= SHORTEST_NAME and f" {wanted} " in f" {name} ":
        return True
    close = (fuzz.ratio(wanted, part.strip()) for part in name.split("+"))
    return len(wanted) >= SHORTEST_GUESS and max(close, default=0) >= CLOSE_ENOUGH


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
