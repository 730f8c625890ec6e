"""The directory of files: each under the SHA-256 of what is in it, encrypted.

Lives here: `Store` (`put`, `open`, `has`, parts that are still arriving, sweeping) and `file_store()`, this
node's own in `POSTA_DATA/files`. A file is written aside, made durable and then named: a crash leaves a whole
file or none. Not here: how a file is sealed (`sealed.py`), who may have which (`doors.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import connection

from sync.crash import crash_point
from sync.files.sealed import (
    PIECE,
    NotThatFile,
    Part,
    derived_key,
    read_sealed,
    sealed_size,
    write_sealed,
)
from sync.node import current_node
from sync.vault.datakey import data_key
from sync.vault.keys import files_secret

LARGEST_FILE: Final = 12 << 20
TORN_S: Final = 86_400.0  # what a crash left aside
PART_S: Final = 14 * 86_400.0  # a part that nobody went on with
LOOSE_S: Final = 30 * 86_400.0  # a file that no record names: longer than any draft is kept
_DIGEST = re.compile(r"[0-9a-f]{64}")


class TooLarge(Exception):
    """More than one file may hold."""


def is_digest(text: str) -> bool:
    """Whether this is the name of a file: then it is safe as part of a path."""
    return bool(_DIGEST.fullmatch(text))


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Store:
    """A directory of sealed files."""

    def __init__(self, root: Path, key: bytes) -> None:
        self.root, self._key = root, key

    def path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise ValueError("not the name of a file")
        return self.root / digest[:2] / digest

    def has(self, digest: str) -> bool:
        return is_digest(digest) and self.path(digest).is_file()

    def size(self, digest: str) -> int:
        return sealed_size(self.path(digest))

    def put(self, digest: str, size: int, source: Iterable[bytes]) -> None:
        """Keep a file. Raises `NotThatFile` where its content is not what the name says, and then keeps
        nothing.
        """
        if not 0 < size <= LARGEST_FILE:
            raise TooLarge(size)
        path = self.path(digest)
        if path.is_file():
            self.touch(digest)
            return
        aside = self._aside(".new") / secrets.token_hex(8)
        try:
            with aside.open("xb") as out:
                write_sealed(out, self._key, digest, size, source)
                out.flush()
                os.fsync(out.fileno())
            crash_point("file.before-name")
            path.parent.mkdir(exist_ok=True, mode=0o700)
            aside.replace(path)
            _make_durable(path.parent)
            _make_durable(self.root)
        finally:
            aside.unlink(missing_ok=True)

    def put_content(self, content: bytes) -> str:
        """Keep what is in memory already; answers its name."""
        digest, view = digest_of(content), memoryview(content)
        self.put(digest, len(content), (bytes(view[at : at + PIECE]) for at in range(0, len(view), PIECE)))
        return digest

    def open(self, digest: str, *, start: int = 0) -> Iterator[bytes]:
        """The file from `start` on, piece by piece. Raises `FileNotFoundError`, `Damaged`."""
        return read_sealed(self.path(digest), self._key, digest, start=start)

    def read(self, digest: str, start: int, most: int) -> bytes:
        """At most so many bytes from `start` on."""
        found = bytearray()
        for piece in self.open(digest, start=start):
            found += piece
            if len(found) >= most:
                break
        return bytes(found[:most])

    def content(self, digest: str) -> bytes:
        """The whole file, for those who need it at once."""
        return b"".join(self.open(digest))

    def touch(self, digest: str) -> None:
        """Somebody is about to name this file: it is not loose."""
        with suppress(FileNotFoundError):
            os.utime(self.path(digest))

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)

    # --- parts ---

    @contextmanager
    def part(self, record_id: UUID) -> Iterator[Part]:
        """What has come of a record's file; nobody else touches it meanwhile."""
        folder = self._aside(".parts")
        lock = os.open(folder / f"{record_id.hex}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Part(folder / record_id.hex, self._key, record_id.bytes)
        finally:
            os.close(lock)

    def part_length(self, record_id: UUID) -> int:
        return Part(self.root / ".parts" / record_id.hex, self._key, record_id.bytes).length

    def finish(self, part: Part, digest: str, size: int) -> None:
        """A part that is complete becomes a file, if it is the right one; otherwise it begins again."""
        try:
            self.put(digest, size, part.pieces())
        finally:
            part.discard()

    # --- sweeping ---

    def sweep(self, named: Callable[[Collection[str]], Collection[str]]) -> int:
        """Remove what a crash left, parts that nobody went on with, and old files that nothing names; answers
        how many. `named` answers which of these somebody names.
        """
        now = time.time()
        old = [*_older(self.root / ".new", now - TORN_S), *_older(self.root / ".parts", now - PART_S)]
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            files = {path.name: path for path in _older(folder, now - LOOSE_S)}
            kept = named(files) if files else ()
            old += [path for name, path in files.items() if name not in kept]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _aside(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def _older(folder: Path, than: float) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_file() and path.stat().st_mtime < than]


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_store() -> Store:
    """This node's files. Their key comes from the data key; a node whose database has none of ours keeps a
    secret of its own.
    """
    node = current_node()
    if "file_store" not in node.kept:
        secret = data_key() if connection.vendor == "sqlite" else files_secret()
        key = derived_key(secret, b"", b"posta files 1")
        node.kept["file_store"] = Store(node.path("files"), key)
    kept: Store = node.kept["file_store"]
    return kept


__all__ = ["LARGEST_FILE", "NotThatFile", "Store", "TooLarge", "digest_of", "file_store", "is_digest"]
