"""A digest of what the set-up installs: the lock, what `pyproject.toml` asks for, and the Python.

`setup.sh` makes `.venv` anew when it changes. Standard library only: this runs before anything is installed.
That the lock fulfils what is asked for is a test's business (`tests/deploy/test_lock.py`).
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1] / "pyproject.toml"
LOCK = HERE / "locked.txt"


def requirements() -> list[str]:
    """What `pyproject.toml` asks for, with all extras."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(line for lines in extras for line in lines)]


def digest() -> str:
    asked = [*map(str, sys.version_info[:2]), LOCK.read_text(), *requirements()]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()


if __name__ == "__main__":
    print(digest())
