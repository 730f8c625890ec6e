"""Programs of our own, ready to publish, each in five languages.

Lives here: one document a program: the outpatient day, antenatal and postnatal care, NCD screening and care,
cancer screening, child immunisation (an example of a national schedule). Their descriptions name the
guidelines they follow; a programme office adapts a copy. `field_kinds.json` has every kind of field once, for
trying out, not for patients. Not here: publishing (`clinic/programs/services.py`, and
`import_programs --shipped`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clinic.programs.document import ProgramDocument, read_document

SHIPPED: Final = (
    "outpatient",
    "antenatal",
    "postnatal",
    "ncd_screening",
    "ncd_care",
    "cancer_screening",
    "immunisation",
)
NAMES: Final = (*SHIPPED, "field_kinds")


def example(name: str) -> ProgramDocument:
    """One of our own programs."""
    if name not in NAMES:
        raise KeyError(name)
    return read_document((Path(__file__).parent / f"{name}.json").read_bytes())
