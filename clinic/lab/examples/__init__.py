"""The tests that a small clinic's laboratory does, written by us, with their usual ranges.

Lives here: `tests.json` and `shipped`. Haemoglobin bounds are the WHO's for anaemia and severe anaemia
("Guideline on haemoglobin cutoffs to define anaemia in individuals and populations", 2024), fasting glucose
and HbA1c those of "HEARTS D: diagnosis and management of type 2 diabetes" (WHO, 2020). The others are adult
ranges that textbooks of laboratory medicine share; a programme puts its own laboratory's in their place. Not
here: the shape (`clinic/lab/definition.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clinic.lab.definition import LabDefinition, read_tests

_FILE: Final = Path(__file__).with_name("tests.json")


def shipped() -> tuple[LabDefinition, ...]:
    """The shipped tests, in the order in which they are offered."""
    return read_tests(_FILE.read_bytes())
