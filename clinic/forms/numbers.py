"""Numbers as people write them, in any digits.

Lives here, pure: digits of every script to ASCII, and one spelling per number (`12.40` and `١٢٫٤` are
`12.4`), so that equal numbers are equal text. Not here: which range a kind of number has (`values.py`). Read
next: `values.py`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from clinic.forms.refusals import BadValue
from registry.refusals import _

MAX_DIGITS: Final = 15
_MARKS: Final = dict.fromkeys(
    (0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x2066, 0x2067, 0x2068, 0x2069)
)
_SIGNS: Final = str.maketrans({"٫": ".", "−": "-", "﹣": "-", "-": "-", "+": "+", "،": ",", "٪": "%"})
_DECIMAL = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*)(?:\.(?P<part>\d*))?", re.ASCII)
_COMMA = re.compile(r"(?P<whole>[+-]?\d+),(?P<part>\d+)", re.ASCII)


def ascii_digits(text: str) -> str:
    """Digits of every script, and the signs that go with them, as ASCII; direction marks disappear."""
    plain = text.translate(_MARKS).translate(_SIGNS)
    if plain.isascii():
        return plain
    return "".join(
        str(digit) if (digit := unicodedata.decimal(char, None)) is not None else char for char in plain
    )


def number_text(text: str) -> str:
    """The one spelling of a decimal number; raises `BadValue`."""
    plain = ascii_digits(text).strip()
    if comma := _COMMA.fullmatch(plain):
        plain = _with_point(comma["whole"], comma["part"])
    found = _DECIMAL.fullmatch(plain)
    if found is None or not (found["whole"] or found["part"]):
        raise BadValue("not-a-number", _("Write a number, for example 12 or 12.5."))
    whole, part = found["whole"].lstrip("0"), (found["part"] or "").rstrip("0")
    if len(whole) + len(part) > MAX_DIGITS:
        raise BadValue("too-many-digits", _("This number has more than %(limit)s digits."), limit=MAX_DIGITS)
    sign = "-" if found["sign"] == "-" and (whole or part) else ""
    return f"{sign}{whole or '0'}" + (f".{part}" if part else "")


def _with_point(whole: str, part: str) -> str:
    """A decimal comma; but `1,500` may be meant either way, and a guess could be a dose."""
    if len(part) == 3 and whole.lstrip("+-").lstrip("0"):
        raise BadValue(
            "unclear-comma",
            _("Is it %(whole)s%(part)s or %(whole)s.%(part)s? Write it without a comma."),
            whole=whole,
            part=part,
        )
    return f"{whole}.{part}"
