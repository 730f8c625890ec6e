"""What a node remembers outside the database that a backup may bring back.

Lives here: `Marks`, a small file in `POSTA_DATA` with the replica's id, the highest seq issued and acked, the
hello token, the clock floor, the revocation version and the count of registration numbers handed out. It is
fsynced after a commit and before the answer, so a database *ahead* of it means a crash (advance the mark) and
a database *behind* it means that an older copy was put back (take a new replica id). Not here: what is done
about it (`sync/ledger/birth.py`). Read next: `docs/sync-protocol.md`, "Rollback and clones".
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

Newest = Callable[[], Mapping[str, int]]
_SLOT: Final = 1024
_NUMERIC: Final = ("head_seq", "acked_seq", "clock_floor", "revocation_version", "numbers_taken")


@dataclass(frozen=True, slots=True)
class Mark:
    """One reading of the file. `generation` rises with each write and chooses the newer of the two slots."""

    replica: str = ""
    head_seq: int = 0
    acked_seq: int = 0
    clock_floor: int = 0
    revocation_version: int = 0
    numbers_taken: int = 0
    token: str = ""
    run_nonce: str = ""
    heard_ms: int = 0
    generation: int = 0


class Marks:
    """Two alternating checksummed slots: a torn write leaves the other slot whole. Safe between processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._fd: int | None = None

    def exists(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    def read(self) -> Mark:
        """The newest whole slot; an empty `Mark` where there is none."""
        if not self.path.exists():
            return Mark()
        with self._lock:
            return self._newest(self._open())

    def raise_to(self, *, newest: Newest | None = None, **marks: int) -> Mark:
        """Lift numeric marks; none ever goes down. Durable when it returns.

        Where others stand in line, `newest` is asked for what may be lifted besides: one trip to the disk
        then serves all who wait.
        """
        unknown = set(marks) - set(_NUMERIC)
        if unknown:
            raise ValueError(f"no such mark: {sorted(unknown)}")

        def lifted(old: Mark, waited: bool) -> dict[str, int]:
            wanted = {name: new for name, new in marks.items() if new > getattr(old, name)}
            if wanted and waited and newest is not None:
                wanted |= {name: max(new, wanted.get(name, 0)) for name, new in newest().items()}
            return {name: max(getattr(old, name), new) for name, new in wanted.items()}

        return self._rewrite(lifted)

    def put_token(self, token: str, run_nonce: str = "", heard_ms: int = 0, *, shown: str) -> Mark:
        """Keep what central gave in the last hello: token, the nonce that goes with it, its time. Who has
        spoken since that hello was sent (showing `shown`) has as new a token or a newer one: it stays.
        """
        heard = {"token": token, "run_nonce": run_nonce, "heard_ms": heard_ms}
        return self._rewrite(lambda old, _waited: heard if old.token == shown else {})

    def set_clock(self, stamp: int) -> Mark:
        """After a corrected clock: the floor goes back to central's time. The one mark that may go down."""
        return self._rewrite(lambda _old, _waited: {"clock_floor": stamp})

    def begin(self, replica: UUID) -> Mark:
        """A replica starts its life: its own counters start at zero, what protects people (clock,
        revocations, numbers) stays.
        """
        return self._rewrite(
            lambda _old, _waited: {
                "replica": str(replica),
                "head_seq": 0,
                "acked_seq": 0,
                "token": "",
                "run_nonce": "",
                "heard_ms": 0,
            }
        )

    def _rewrite(self, change: Callable[[Mark, bool], dict[str, Any]]) -> Mark:
        waited = self._lock.locked()
        with self._lock:
            descriptor = self._open()
            waited = _wait_for(descriptor) or waited
            try:
                old = self._newest(descriptor)
                changed = change(old, waited)
                new = replace(old, **changed, generation=old.generation + 1)
                if replace(new, generation=old.generation) == old:
                    return old
                os.pwrite(descriptor, _framed(new), (new.generation % 2) * _SLOT)
                os.fdatasync(descriptor)
                return new
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _open(self) -> int:
        if self._fd is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not self.path.exists()
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if fresh:
                folder = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
        return self._fd

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @staticmethod
    def _newest(descriptor: int) -> Mark:
        slots = [_unframed(os.pread(descriptor, _SLOT, offset)) for offset in (0, _SLOT)]
        return max((slot for slot in slots if slot), key=lambda mark: mark.generation, default=Mark())


def _wait_for(descriptor: int) -> bool:
    """Take the lock; whether somebody else had it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    return False


def _framed(mark: Mark) -> bytes:
    body = json.dumps(asdict(mark), separators=(",", ":")).encode()
    framed = b"%08x %s\n" % (zlib.crc32(body), body)
    if len(framed) > _SLOT:
        raise ValueError("a mark is too long for its slot")
    return framed.ljust(_SLOT, b"\0")


def _unframed(raw: bytes) -> Mark | None:
    line = raw.split(b"\n", 1)[0]
    checksum, _, body = line.partition(b" ")
    try:
        if not body or int(checksum, 16) != zlib.crc32(body):
            return None
        return Mark(**json.loads(body))
    except (ValueError, TypeError):
        return None
