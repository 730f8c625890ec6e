"""What a node remembers outside the database that a backup may bring back.

Lives here: `Marks`, a small file in `POSTA_DATA` with the replica's id, the highest seq issued and acked, the
hello token, the clock floor, the revocation version and the count of registration numbers handed out. It is
fsynced after a commit and before the answer, so a database *ahead* of it means a crash (advance the mark) and
a database *behind* it means that an older copy was put back (take a new replica id).

It is read before the data key is known, so it lies in clear but for what central gave in the last hello:
token and nonce are sealed where a passphrase opens the node, and opened when somebody asks for them. The rest
is no secret: a random id, counters, and times. Not here: the seal (`sync/vault/atrest.py`), what is done
about a rollback (`sync/ledger/birth.py`). Read next: `docs/sync-protocol.md`, "Rollback and clones".
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sync.vault.atrest import opened, sealed
from sync.vault.datakey import is_wrapped

Newest = Callable[[], Mapping[str, int]]
_SLOT: Final = 1024
_PURPOSE: Final = b"hello token"
_SEALED: Final = "sealed "
_NUMERIC: Final = ("head_seq", "acked_seq", "clock_floor", "revocation_version", "numbers_taken")


@dataclass(frozen=True, slots=True)
class Mark:
    """One reading of the file. `generation` rises with each write and chooses the newer of the two slots.
    `given` is what central gave in the last hello, as it lies there.
    """

    replica: str = ""
    head_seq: int = 0
    acked_seq: int = 0
    clock_floor: int = 0
    revocation_version: int = 0
    numbers_taken: int = 0
    given: str = ""
    heard_ms: int = 0
    generation: int = 0

    @property
    def token(self) -> str:
        """Opened with the data key, as is the nonce: a `Problem` where the node is locked."""
        return self._given()[0]

    @property
    def run_nonce(self) -> str:
        return self._given()[1]

    def _given(self) -> tuple[str, str]:
        if not self.given:
            return "", ""
        token, run_nonce = json.loads(_opened(self.given))
        return str(token), str(run_nonce)


def _told(token: str, run_nonce: str) -> str:
    return json.dumps([token, run_nonce]) if token or run_nonce else ""


def _opened(given: str) -> str:
    if not given.startswith(_SEALED):
        return given
    return opened(_PURPOSE, b64decode(given.removeprefix(_SEALED))).decode()


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
        heard = {"given": self._closed(_told(token, run_nonce)), "heard_ms": heard_ms}
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
                "given": "",
                "heard_ms": 0,
            }
        )

    def seal(self) -> None:
        """Leave nothing that central gave in clear, in neither slot. Whenever the power goes one slot is
        whole.
        """
        for _slot in range(2):
            if self.lies_open():
                self._rewrite(lambda old, _waited: {"given": self._closed(old.given)}, always=True)

    def lies_open(self) -> bool:
        """Whether a slot holds in clear what is sealed on this node. It is asked without the data key."""
        if not self._seals() or not self.path.exists():
            return False
        with self._lock:
            raw = [os.pread(self._open(), _SLOT, offset) for offset in (0, _SLOT)]
        return any(slot.strip(b"\0") and not _is_closed(_unframed(slot)) for slot in raw)

    def _seals(self) -> bool:
        return is_wrapped(self.path.parent / "keys")

    def _closed(self, given: str) -> str:
        if not given or given.startswith(_SEALED) or not self._seals():
            return given
        return _SEALED + b64encode(sealed(_PURPOSE, given.encode())).decode()

    def _rewrite(self, change: Callable[[Mark, bool], dict[str, Any]], *, always: bool = False) -> Mark:
        waited = self._lock.locked()
        with self._lock:
            descriptor = self._open()
            waited = _wait_for(descriptor) or waited
            try:
                old = self._newest(descriptor)
                changed = change(old, waited)
                new = replace(old, **changed, generation=old.generation + 1)
                if replace(new, generation=old.generation) == old and not always:
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
        fields = json.loads(body)
        if "token" in fields:  # as they lay before there was a seal
            fields["given"] = _told(fields.pop("token"), fields.pop("run_nonce"))
        return Mark(**fields)
    except (ValueError, TypeError, KeyError):
        return None


def _is_closed(mark: Mark | None) -> bool:
    """A slot that was torn by a crash may still show what it held."""
    return mark is not None and (not mark.given or mark.given.startswith(_SEALED))
