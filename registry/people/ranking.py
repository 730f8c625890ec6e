"""Which of the people found comes first, and why.

Lives here, pure: how alike a typed name and a person's name are, word by word in any order, with the reasons
a person at the desk understands. Not here: collecting whom to compare (`search.py`), what folding and sound
mean (`spelling.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import JaroWinkler

from registry.people.spelling import in_latin, names_of, phonetic, words_of

ALIKE_FROM: Final = 0.84
SOUNDS: Final = 0.86
BEGINS: Final = 0.88
INITIAL: Final = 0.75
JOINED_FROM: Final = 0.92
ENOUGH: Final = 0.60
# Small words of names that people write, join to the next or leave out; they tell little about who is meant.
SMALL: Final = frozenset(
    "al el ul ibn bin bint ben ould de del la las los da das do dos di van der den y e".split()
)

SAME_NAME = "same-name"
SIMILAR_NAME = "similar-name"
SOUNDS_ALIKE = "sounds-alike"
BEGINS_WITH = "begins-with"
SWAPPED = "swapped-names"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a name: folded, read in Latin letters, and how it sounds."""

    text: str
    latin: str
    sounds: tuple[str, ...]

    @property
    def weight(self) -> float:
        return 0.2 if self.text in SMALL else 1.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two names are, from 0 to 1, and why."""

    score: float
    reasons: tuple[str, ...]


def words(text: str) -> list[Word]:
    """A name, ready to be compared."""
    folded, written = words_of(text), names_of(text)
    # Apostrophes and hyphens may split the two differently; then the folded word is read for its sound.
    sources = written if len(written) == len(folded) else folded
    return [
        Word(plain, in_latin(source), phonetic(source)) for plain, source in zip(folded, sources, strict=True)
    ]


def word_likeness(typed: Word, known: Word) -> tuple[float, str]:
    """(0 to 1, the reason) for two words."""
    if typed.text == known.text:
        return 1.0, SAME_NAME
    if len(typed.text) > 1 and known.text.startswith(typed.text):
        return BEGINS + 0.1 * len(typed.text) / len(known.text), BEGINS_WITH
    if len(typed.text) == 1:
        begins = typed.text in (known.text[0], known.latin[:1])
        return (INITIAL, BEGINS_WITH) if begins else (0.0, "")
    alike = JaroWinkler.normalized_similarity(typed.latin or typed.text, known.latin or known.text)
    if not set(typed.sounds).isdisjoint(known.sounds):
        return SOUNDS + 0.1 * alike, SOUNDS_ALIKE
    return (0.95 * alike, SIMILAR_NAME) if alike >= ALIKE_FROM else (0.0, "")


def likeness(typed: Sequence[Word], given: Sequence[Word], family: Sequence[Word]) -> Likeness:
    """How well a typed name fits a person: each typed word against the best word that is still free."""
    known = [*given, *family]
    if not typed or not known:
        return Likeness(0.0, ())
    pairs = sorted(
        ((*word_likeness(one, other), i, j) for i, one in enumerate(typed) for j, other in enumerate(known)),
        key=lambda pair: -pair[0],
    )
    chosen: dict[int, tuple[float, str, int]] = {}
    used: set[int] = set()
    for score, reason, i, j in pairs:
        if score and i not in chosen and j not in used:
            chosen[i] = (score, reason, j)
            used.add(j)
    fit = sum(chosen[i][0] * typed[i].weight for i in chosen) / sum(word.weight for word in typed)
    score = 0.92 * fit + 0.08 * len(used) / len(known)
    if len(typed) != len(known) and (joined := _joined(typed, known)) > score:
        return Likeness(joined, (SIMILAR_NAME,))
    swapped = _is_swapped([chosen[i][2] for i in sorted(chosen)], len(given), len(known))
    return Likeness(score - 0.01 * swapped, _reasons(chosen, swapped))


def _joined(typed: Sequence[Word], known: Sequence[Word]) -> float:
    """How alike the names are without their spaces: Jeanpierre, Abdurrahman, De la Cruz."""
    whole = JaroWinkler.normalized_similarity(
        "".join(word.latin for word in typed), "".join(word.latin for word in known)
    )
    return 0.95 * whole if whole >= JOINED_FROM else 0.0


def _is_swapped(places: Sequence[int], given: int, known: int) -> bool:
    """Family name typed first: the words fit, and they fall from the family name back to the given one."""
    if len(places) < 2 or not 0 < given < known:
        return False
    return places[0] >= given > places[-1]


def _reasons(chosen: dict[int, tuple[float, str, int]], swapped: bool) -> tuple[str, ...]:
    found = {reason for _score, reason, _at in chosen.values()}
    order = (SAME_NAME, BEGINS_WITH, SOUNDS_ALIKE, SIMILAR_NAME)
    # "Same name" is only true when every typed word is there as it was typed.
    kept = [reason for reason in order if reason in found and (reason != SAME_NAME or found == {SAME_NAME})]
    return (*kept, SWAPPED) if swapped and kept else tuple(kept)
