"""Programs of our own, ready to publish.

Lives here: `outpatient.json` (the outpatient day: triage, consultation, pharmacy; in five languages),
`field_kinds.json` (every kind of field once; for trying out, not for patients) and `example`, which reads
one. Not here: publishing (`clinic/programs/services.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clinic.programs.document import ProgramDocument, read_document

NAMES: Final = ("outpatient", "field_kinds")


def example(name: str) -> ProgramDocument:
    """One of our own programs."""
    if name not in NAMES:
        raise KeyError(name)
    return read_document((Path(__file__).parent / f"{name}.json").read_bytes())
