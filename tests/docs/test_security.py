"""The table of threats names real code and real tests: a control whose test was renamed away is told here.

Lives here: the shape of the table in `docs/security.md`, and that every path and test in it exists. Not here:
what is asked of all documents (`test_names.py`).
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.docs.code import defines
from tests.docs.pages import ROOT, text_of

SECURITY: Final = ROOT / "docs" / "security.md"
COLUMNS: Final = ["threat", "what stands against it", "where", "ASVS 5.0", "test"]
ITEM: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})")
TEST: Final = re.compile(r"`(tests/[\w/]+/test_\w+\.py)::(test_\w+)`")
CHAPTERS: Final = 17  # of the standard


def rows() -> list[list[str]]:
    """The lines of the table under “Handled now”, cell by cell, headings first."""
    _, _, after = text_of(SECURITY).partition("\n## Handled now\n")
    handled = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in handled.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


THREATS: Final = rows()[2:]
each_threat = pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0][:60])


def test_the_table_has_its_columns_and_names_each_threat_once() -> None:
    headings, rule = rows()[:2]
    assert headings == COLUMNS
    assert rule == ["---"] * len(COLUMNS)
    named = [row[0] for row in THREATS]
    assert len(named) > 25
    assert len(named) == len(set(named))


@each_threat
def test_a_threat_has_a_control_its_code_its_items_and_its_tests(row: list[str]) -> None:
    assert len(row) == len(COLUMNS), f"{row[0]}: {len(row)} cells instead of {len(COLUMNS)}"
    _threat, control, where, items, _tests = row
    assert control.endswith(".")
    assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", where), f"not a list of paths: {where}"
    for item in items.split(", "):
        found = ITEM.fullmatch(item)
        assert found, f"no item of the standard: {item!r}"
        assert 1 <= int(found[1]) <= CHAPTERS


@each_threat
def test_the_code_and_the_tests_of_a_threat_exist(row: list[str]) -> None:
    gone = [
        path for path in re.findall(r"`([^`]+)`", row[2]) if not (ROOT / path.partition("::")[0]).exists()
    ]
    assert gone == []
    tests = TEST.findall(row[4])
    assert tests, f"{row[0]}: no test is named as `tests/….py::test_…`"
    assert ", ".join(f"`{path}::{name}`" for path, name in tests) == row[4]
    lost = [
        (path, name) for path, name in tests if not (ROOT / path).exists() or not defines(ROOT / path, name)
    ]
    assert lost == []
