"""The faults that this version must stand: each has a test that begins its docstring with the fault's code.

`make test` shows them by name; this file only sees to it that none is forgotten or renamed away. What each
means: `docs/faults.md`, which is compared with the tests here.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODES = re.compile(r"^((?:[A-H]\d+(?:, )?)+): ")
ROW = re.compile(r"^\| ([A-H]\d+) \| [^|]+ \| ((?:`[^`]+`(?:, )?)+) \|$", re.MULTILINE)


@cache
def proofs() -> dict[str, set[str]]:
    """Fault → the files that have a test of it."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named = CODES.match(ast.get_docstring(node) or "")
                for code in named[1].split(", ") if named else []:
                    found.setdefault(code, set()).add(str(path.relative_to(ROOT)))
    return found


def told() -> dict[str, set[str]]:
    """Fault → the files that the page of faults names."""
    text = (ROOT / "docs" / "faults.md").read_text()
    return {code: set(re.findall(r"`([^`]+)`", files)) for code, files in ROW.findall(text)}


@pytest.mark.parametrize("code", ["A1", "B1", "B4", "B9", "B10", "B11", "C1", "C2", "C3", "C7", "E6"])
def test_a_fault_of_the_spine_has_its_test(code: str) -> None:
    assert proofs().get(code)


def test_the_page_of_faults_names_every_test_and_no_other() -> None:
    assert told() == proofs()
