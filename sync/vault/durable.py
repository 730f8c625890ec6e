"""Small files that must be whole, private and still there after a power cut.

Lives here: `write_private` (replaces), `write_once` (the first one stays), `sync_folder`, and `alone` (one
process at a time in a directory). Not here: what is in them (`keys.py`, `datakey.py`), whether it is sealed
(`atrest.py`).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner only, durable before it returns."""
    _written(path, content).replace(path)
    sync_folder(path.parent)


def write_once(path: Path, content: bytes) -> bool:
    """The same, unless there is one: of two processes the first wins. Whether this one did."""
    part = _written(path, content)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    sync_folder(path.parent)
    return True


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return part


def sync_folder(path: Path) -> None:
    """Make names in a directory durable: those that came and those that went."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for it out of a directory; the lock goes with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
