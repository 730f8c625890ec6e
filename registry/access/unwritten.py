"""Looks that the database could not take: kept in a file beside it until it can.

Lives here: one line for each, durable before anything is shown, ids only (the file is not encrypted). A look
that cannot even be kept here is refused: a log that may be skipped is none. Not here: what a look is
(`models.py`), writing it (`services.py`), the sentence a coordinator reads (`panels.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from sync.node import current_node

FILE: Final = "access-unwritten.jsonl"


@contextmanager
def _locked(mode: str) -> Iterator[IO[str]]:
    path = current_node().path(FILE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, mode, encoding="utf-8") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        yield kept


def keep(look: dict[str, Any]) -> None:
    """Write one down. Raises `OSError` where not even that is possible."""
    with _locked("a") as kept:
        kept.write(json.dumps(look) + "\n")
        kept.flush()
        os.fsync(kept.fileno())


def waiting() -> int:
    """How many looks are not in the database yet."""
    path = current_node().path(FILE)
    try:
        with path.open(encoding="utf-8") as kept:
            return sum(1 for line in kept if line.strip())
    except FileNotFoundError:
        return 0


def take_in(write: Callable[[dict[str, Any]], None]) -> int:
    """Hand every kept look to the database, oldest first; `write` may be given the same one twice. They stay
    here until all of them are in.
    """
    if not current_node().path(FILE).exists():
        return 0
    with _locked("a+") as kept:
        kept.seek(0)
        looks = [json.loads(line) for line in kept if line.strip()]
        for look in looks:
            write(look)
        kept.truncate(0)
    return len(looks)
