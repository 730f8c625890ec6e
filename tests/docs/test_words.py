"""The words: README's length, links, names that say nothing, and nothing of anybody's machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.docs.code import PRODUCT, modules, texts_in, tree_of
from tests.docs.pages import (
    GLOSSARY,
    ROOT,
    anchors_of,
    documents,
    links_in,
    name_of,
    project_files,
    text_of,
)

ADRS: Final = sorted((ROOT / "docs" / "adr").glob("0*.md"))
ADR_PARTS: Final = ("Context", "Decision", "Consequences", "What would change our mind")
LONGEST_README: Final = 600
LONGEST_ADR: Final = 60

each_document = pytest.mark.parametrize("document", documents(), ids=name_of)


def test_the_readme_is_short_and_has_the_two_commands() -> None:
    readme = text_of(ROOT / "README.md")
    assert len(readme.split()) <= LONGEST_README
    assert "make demo\nmake test\n" in readme


@pytest.mark.parametrize("decision", ADRS, ids=name_of)
def test_a_decision_is_one_page_with_the_same_parts(decision: Path) -> None:
    text = text_of(decision)
    assert len(text.splitlines()) <= LONGEST_ADR
    assert text.startswith(f"# {int(decision.name[:4])}. ")
    assert re.search(r"^Accepted|^Replaced by", text, re.MULTILINE)
    assert [part for part in ADR_PARTS if f"\n## {part}\n" not in text] == []


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))
    assert {page.name for page in ADRS} <= set(links_in(ROOT / "docs" / "adr" / "README.md"))


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for link in links_in(document):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        page = (document.parent / target).resolve() if target else document
        if not page.exists() or (anchor and anchor not in anchors_of(page)):
            broken.append(link)
    assert broken == []


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in documents()
        for link in links_in(document)
    }
    assert [name_of(page) for page in documents() if page not in linked and page.name != "README.md"] == []


# What pages and commands say


@pytest.mark.parametrize("runbook", sorted((ROOT / "docs" / "runbooks").glob("*.md")), ids=name_of)
def test_what_a_runbook_quotes_is_said_somewhere(runbook: Path) -> None:
    quoted = re.findall(r"“([^”]+)”", text_of(runbook))
    said = _everything_said()
    assert [sentence for sentence in quoted if sentence not in said] == []


@cache
def _everything_said() -> str:
    texts = [text for path in modules(*PRODUCT) for text in texts_in(path)]
    templates = [text_of(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    return "\n".join([*texts, *templates])


# Names


def banned_names() -> frozenset[str]:
    """As the glossary lists them."""
    section = text_of(GLOSSARY).partition("## Words we do not use as names")[2]
    first_lines = section.partition("They say nothing")[0]
    return frozenset(re.findall(r"`(\w+)`", first_lines))


# What Django and Django REST framework call theirs: function → the name that they ask for.
CONTRACTS: Final = {
    "handle": {"handle"},
    "value_from_datadict": {"data"},
    "value_omitted_from_data": {"data"},
    "has_changed": {"data"},
    "bound_data": {"data"},
    "to_internal_value": {"data"},
}


def names_given(path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of every function, class and argument that no contract asks for."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            asked_for = CONTRACTS.get(node.name, set())
            if node.name not in asked_for:
                yield node.lineno, node.name
            for argument in _arguments(node):
                if argument.arg not in asked_for and not _is_a_process(argument):
                    yield argument.lineno, argument.arg


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    given = function.args
    more = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *more]


def _is_a_process(argument: ast.arg) -> bool:
    """A process of the operating system is called just that."""
    return argument.annotation is not None and "Popen" in ast.unparse(argument.annotation)


def test_the_list_of_banned_names_is_read() -> None:
    assert {"dirty", "process", "handle", "manager", "utils", "data", "info", "timestamp"} <= banned_names()


def test_no_name_of_ours_says_nothing() -> None:
    banned = banned_names()
    found = [
        f"{name_of(path)}:{line} {name}"
        for path in modules(*PRODUCT)
        for line, name in names_given(path)
        if name.strip("_").lower() in banned
    ]
    assert found == []


def test_a_banned_name_would_be_found(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(
        "class Manager:\n    def handle(self, data): ...\n    def process(self, *, info=1): ...\n"
    )
    names = [name for _, name in names_given(sample)]
    assert names == ["Manager", "self", "data", "process", "self", "info"]


# Nothing of anybody's machine

# Written so that they do not match themselves.
MACHINE: Final = (
    re.compile(r"/wor[k]/|/tm[p]/posta/|/roo[t]/|/User[s]/\w|/hom[e]/\w"),
    re.compile(r"(?:extra-)?index-ur[l]|find-link[s]|--trusted-hos[t]"),
    re.compile(r"https?://[\w.-]*(?:artifactor[y]|nexu[s]|pyp[i]|package-mirro[r])[\w.-]*", re.IGNORECASE),
)


@pytest.mark.parametrize("trace", MACHINE, ids=("paths", "package settings", "package hosts"))
def test_no_file_tells_where_it_was_made(trace: re.Pattern[str]) -> None:
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}: {match[0]}" for match in trace.finditer(text)]
    assert found == []


def test_a_trace_would_be_found() -> None:
    samples = ["see /wor" + "k/main", "index-ur" + "l = x", "https://pyp" + "i.internal/simple"]
    assert [bool(trace.search(sample)) for trace, sample in zip(MACHINE, samples, strict=True)] == [True] * 3
