"""What `pyproject.toml` asks to be installed, as lines for pip, and a digest of it.

Pip as old as Debian 12's cannot install a project's dependencies without building the project, so `setup.sh`
asks here. Standard library only: this runs before anything is installed.

    requirements.py          the dependencies and those of every extra, one per line
    requirements.py digest   changes when any of them, a pinned hash or the Python does
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1] / "pyproject.toml"
PINNED = HERE / "pinned.txt"


def requirements() -> list[str]:
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(line for lines in extras for line in lines)]


def digest() -> str:
    asked = [*map(str, sys.version_info[:2]), PINNED.read_text(), *requirements()]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()


if __name__ == "__main__":
    print(digest() if sys.argv[1:] == ["digest"] else "\n".join(requirements()))
