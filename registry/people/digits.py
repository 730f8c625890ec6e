"""Digits of any script, as the digits that every machine knows.

Lives here, pure: `western`. Not here: which digits of a text count in a search (`spelling.py`).
"""

from __future__ import annotations

import unicodedata


def western(text: str) -> str:
    """The text with ٣, ۳ and ३ written as 3; everything else stays."""
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character for character in text
    )
