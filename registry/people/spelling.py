"""How names are compared whatever way they were spelt.

Lives here, pure: folding a name to search words (case, accents, composition, Arabic letter variants), a rough
reading of any script in Latin letters that leans on Unicode's own letter names, a phonetic key of consonants,
and trigrams. José and Jose fold alike; Muhammad, Mohamed and محمد share a phonetic key. It is meant for
*finding*: too many likely matches are ranked later (`ranking.py`), a missed one is a duplicate.
Read next: `tokens.py` (what is stored), `ranking.py` (what comes first).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_ALIKE: Final = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h",
        "ŋ": "ng", "ə": "e", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y", "ɛ": "e", "ɔ": "o",
        "ى": "ي", "ی": "ي", "ے": "ي", "ک": "ك", "ة": "ه", "ۃ": "ه", "ہ": "ه", "ھ": "ه", "ٱ": "ا", "ـ": None,
        "'": None, "’": None, "ʼ": None, "‘": None, "`": None, "´": None, "ʻ": None,
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0900-\u0dff\u0e30-\u0e4e])*")
_LETTER = re.compile(r"^(?P<script>[A-Z]+) .*?(?P<kind>LETTER|SYLLABLE|VOWEL SIGN|SIGN) (?P<name>[A-Z ]+)$")
_ARABIC: Final = {
    "HAMZA": "", "TEH MARBUTA": "a", "THEH": "th", "TCHEH": "ch", "KHAH": "kh", "THAL": "dh", "SHEEN": "sh",
    "AIN": "a", "GHAIN": "gh", "JEH": "zh",
}  # fmt: skip
_SIGNS: Final = {"ANUSVARA": "n", "CANDRABINDU": "n"}
_BY_INITIAL: Final = frozenset({"ARABIC", "HEBREW", "GREEK", "GEORGIAN", "ARMENIAN"})
_INHERENT_A: Final = frozenset(
    "DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA".split()
)
# What sounds alike to Spanish, French, English, Portuguese, Arabic and Hindi ears. The order matters.
_SOUNDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^(ou|hu|u)(?=[aeio])", "w"),
        (r"(.)\1+", r"\1"),
        (r"tch|tsh|sch|sh|ch", "s"),
        (r"ph", "f"),
        (r"gh|gu(?=[ei])", "g"),
        (r"kh|ck|qu|q|c(?![eiy])", "k"),
        (r"dj|zh|g(?=[eiy])", "j"),
        (r"c|z", "s"),
        (r"x", "ks"),
        (r"v", "b"),
        (r"h", ""),
        (r"^y", "j"),
        (r"(?<=.)[aeiouwy]+", ""),
        (r"^[eiou]", "a"),
    )
)
# Spellings that are heard in two ways: Othman and Osman, Dhakir and Zakir, Diallo and Jallow, al-Khatib.
_HEARD_ALSO: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in ((r"th", "s"), (r"dh", "z"), (r"di(?=[aou])", "j"), (r"^[ae]l(?=..)", ""))
)
_VIRAMA: Final = 9  # the combining class of the sign that silences a vowel, in every Indic script
_NUKTA: Final = 7  # and of the dot that makes another consonant: ज is ja, ज़ is za
_LONGEST_WORD: Final = 40
_MOST_WORDS: Final = 12


@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    """One way of writing what people write in many: no case, no accents, composed forms taken apart."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_ALIKE))
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return bare.translate(_ALIKE)


def words_of(text: str) -> list[str]:
    """The folded words of a name, each once, in order."""
    found = (word[:_LONGEST_WORD] for word in _WORD.findall(fold(text[:400])))
    return list(dict.fromkeys(found))[:_MOST_WORDS]


def names_of(text: str) -> list[str]:
    """The words of a name as written, for the phonetic key: it needs the marks that `fold` drops."""
    composed = unicodedata.normalize("NFC", text[:400].casefold().translate(_ALIKE))
    return [word for word in re.split(r"[\s\-_.,;/()]+", composed) if word][:_MOST_WORDS]


@lru_cache(maxsize=2_000)
def _letter(character: str) -> tuple[str, str]:
    """(script, Latin reading) of one character; the reading starts with `-` where it replaces an inherent
    vowel, and is `+` where it changes the consonant before.
    """
    if unicodedata.combining(character) == _VIRAMA:
        return "DEVANAGARI", "-"
    if unicodedata.combining(character) == _NUKTA:
        return "DEVANAGARI", "+"
    plain = fold(character)
    if plain.isascii():
        return "LATIN", plain if plain.isalnum() else ""
    named = _LETTER.match(unicodedata.name(character, ""))
    if named is None:
        return "", ""
    script, kind, name = named["script"], named["kind"], named["name"]
    if kind == "SIGN":
        return script, _SIGNS.get(name, "")
    return script, ("-" if kind == "VOWEL SIGN" else "") + _reading(script, name)


def _reading(script: str, name: str) -> str:
    if script == "ARABIC" and name in _ARABIC:
        return _ARABIC[name]
    if script in _BY_INITIAL:
        return name[0].lower()
    last = name.split()[-1].lower()
    if script in _INHERENT_A and last in {"ca", "cha"}:
        return "cha"
    if script == "CYRILLIC" and re.fullmatch(r"e[lmnrsf]", last):
        return last[1]
    return last


@lru_cache(maxsize=50_000)
def in_latin(word: str) -> str:
    """A rough reading of a word in Latin letters; empty for scripts whose signs do not tell their sound."""
    read = script = ""
    for character in word:
        script, sound = _letter(character)
        if sound == "+":
            read, sound = re.sub(r"j(?=a$)", "z", read), ""
        if sound.startswith("-"):
            read = read.removesuffix("a") if script in _INHERENT_A else read
            sound = sound[1:]
        read += sound
    # Arabic writes no short vowels, and every Latin spelling has one after a first h.
    return re.sub(r"^h(?=[^aeiouy])", "ha", read) if script == "ARABIC" else read


@lru_cache(maxsize=50_000)
def phonetic(word: str) -> tuple[str, ...]:
    """The consonants one hears, with a mark for a vowel at the start, as one hears them in each of the ways
    the spelling allows; empty where nothing can be read.
    """
    plain = re.sub(r"[^a-z]", "", in_latin(word))
    heard = [plain, *(pattern.sub(sound, plain) for pattern, sound in _HEARD_ALSO)]
    return tuple(key for key in dict.fromkeys(_key(one) for one in heard) if key)


def _key(plain: str) -> str:
    for pattern, sound in _SOUNDS:
        plain = pattern.sub(sound, plain)
    return plain[:12]


def phonetics_of(text: str) -> list[str]:
    """The phonetic keys of a name, each once."""
    return list(dict.fromkeys(key for word in names_of(text) for key in phonetic(word)))


def trigrams_of(words: list[str]) -> list[str]:
    """Overlapping threes of the words' letters, the start marked, and the start alone for whoever types an
    initial.
    """
    found: dict[str, None] = {}
    for word in words:
        padded = f"^{word}"
        found[padded[:2]] = None
        for start in range(len(padded) - 2):
            found[padded[start : start + 3]] = None
    return list(found)


def digits_of(text: str) -> str:
    """Every digit of a text, whatever script's digits it was typed with."""
    return "".join(str(unicodedata.digit(character)) for character in text if character.isdigit())
