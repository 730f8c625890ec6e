"""The project's code as the tests of the documents read it.

Lives here: what a module defines, which texts stand in it, which rooms import which. Not here: what is asked
(`test_*.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tests.docs.pages import ROOT, name_of, project_files

PRODUCT = ("deploy", "clinic", "registry", "sync")


@lru_cache(maxsize=100)  # a thousand of them would slow whatever else this process tests
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def modules(*packages: str) -> list[Path]:
    """The Python files of these packages, without migrations."""
    wanted = [
        path
        for path in project_files()
        if path.suffix == ".py" and name_of(path).split("/")[0] in packages and "migrations" not in path.parts
    ]
    assert wanted
    return wanted


def texts_in(path: Path) -> Iterator[str]:
    """Every piece of text and every name that the code (not a comment) holds."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def defines(path: Path, name: str) -> bool:
    """Whether a module defines `name`, or `Class.member`."""
    body: list[ast.stmt] = list(tree_of(path).body)
    *outer, last = name.split(".")
    for part in outer:
        body = next(
            (list(one.body) for one in body if isinstance(one, ast.ClassDef) and one.name == part), []
        )
    return last in {made for statement in body for made in _names_made(statement)}


def _names_made(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def first_arguments(path: Path, function: str, at: int = 0) -> Iterator[str]:
    """The texts that calls of `function` have as their argument number `at`."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call) or len(node.args) <= at:
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        argument = node.args[at]
        if called == function and isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def room_imports() -> set[tuple[str, str]]:
    """(room, room it imports) between the rooms of `registry` and `clinic`."""
    found = set()
    for path in modules("registry", "clinic"):
        importer = _room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported = _room(node.module)
                if importer and imported and importer != imported:
                    found.add((importer, imported))
    return found


def _room(module: str) -> str:
    """`clinic.visits.models` → `visits`; empty for what is no room."""
    top, _, rest = module.partition(".")
    room = rest.split(".")[0]
    is_room = top in ("registry", "clinic") and (ROOT / top / room / "__init__.py").exists()
    return room if is_room else ""
