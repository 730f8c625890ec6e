"""The documents as the tests read them.

Lives here: which files are documents, their fenced blocks, the names in backquotes, links and headings. Not
here: what is asked of them (`test_*.py`).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROTOCOL: Final = ROOT / "docs" / "sync-protocol.md"
SETTINGS: Final = ROOT / "docs" / "settings.md"
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ +```(\w*)\n(.*?)^ +```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block and the line that its content starts on."""

    language: str
    content: str
    line: int


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def documents() -> list[Path]:
    """Every document of the project."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks_of(path: Path) -> list[Block]:
    return _blocks(_FENCE, path)


def indented_blocks_of(path: Path) -> list[Block]:
    """Fenced blocks that belong to an item of a list."""
    return _blocks(_INDENTED, path)


def _blocks(fence: re.Pattern[str], path: Path) -> list[Block]:
    text = text_of(path)
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1) for found in fence.finditer(text)
    ]


def prose_of(path: Path) -> str:
    """The document without its fenced blocks."""
    return _INDENTED.sub("", _FENCE.sub("", text_of(path)))


def names_in(path: Path) -> list[str]:
    """What stands in backquotes."""
    return _CODE.findall(prose_of(path))


def links_in(path: Path) -> list[str]:
    return _LINK.findall(prose_of(path))


def anchors_of(path: Path) -> set[str]:
    """The anchors that a reader's browser makes of the headings."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose_of(path)))
    return {heading.strip().replace(" ", "-") for heading in plain}


@cache
def project_files() -> list[Path]:
    """What is in the repository, or is about to be: not what git is told to ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name]
    return [path for path in paths if path.is_file()]
