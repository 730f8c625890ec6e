"""Bar codes of medicines and vaccines: the elements of a GS1 code.

Lives here, pure: `element_of`, by the application identifiers of the GS1 General Specifications. Not here:
reading the picture.
"""

from __future__ import annotations

import re
from typing import Final

from clinic.expressions.values import CannotEvaluate

_GROUP: Final = "\x1d"
_SYMBOL = re.compile(r"\]([A-Z][0-9]|[a-z][0-9])", re.ASCII)
_FIXED: Final = {
    "00": 18,
    "01": 14,
    "02": 14,
    **dict.fromkeys(("11", "12", "13", "15", "16", "17"), 6),
    "20": 2,
}
_LONGER: Final = {"23": 3, "24": 3, "25": 3, "40": 3, "41": 3, "42": 3, "70": 4, "71": 3, "80": 4}
NAMES: Final = {
    "sscc": "00",
    "gtin": "01",
    "content": "02",
    "lot number": "10",
    "batch number": "10",
    "production date": "11",
    "due date": "12",
    "packaging date": "13",
    "best before date": "15",
    "sell by date": "16",
    "expiration date": "17",
    "variant": "20",
    "serial number": "21",
    "additional id": "240",
    "secondary serial": "250",
    "count": "30",
}


def element_of(name: str, code: str) -> str:
    """The element of this name, or of this application identifier; raises `CannotEvaluate`."""
    wanted = NAMES.get(name.strip().lower().replace("_", " "), name.strip())
    found = _elements(code).get(wanted)
    if found is None:
        raise CannotEvaluate(f"the code has no {name[:40]}")
    return found


def _elements(code: str) -> dict[str, str]:
    if not _SYMBOL.match(code):
        raise CannotEvaluate("this is no GS1 code")
    found: dict[str, str] = {}
    rest = code[3:]
    while rest:
        rest = rest.removeprefix(_GROUP)
        identifier = rest[: _LONGER.get(rest[:2], 2)]
        if not identifier.isdigit():
            break
        rest = rest[len(identifier) :]
        length = _FIXED.get(identifier)
        value = rest[:length] if length else rest.partition(_GROUP)[0]
        found[identifier] = value
        rest = rest[len(value) :]
    return found
