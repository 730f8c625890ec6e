"""Whose turn it is to write: an advisory lock on a file beside the database.

SQLite lets one connection write at a time, and a loser sleeps ever longer before it looks again: under load
some wait for seconds. A queue in the kernel (`flock`) is fair and wakes the next at once. The lock belongs
to one open file, so threads of one process exclude each other as processes do, and a killed process lets go
by dying.

Lives here: `WriteTurn`. Not here: which statements need it (`base.py`).
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import Final

_holders_guard: Final = threading.Lock()
_holders: Final[dict[str, int]] = {}


class TurnRefused(Exception):
    """The turn did not come: a sentence says why."""


class WriteTurn:
    """One connection's place in the queue of writers of one database file."""

    def __init__(self, path: str, patience_s: float) -> None:
        self.path = path
        self.patience_s = patience_s
        self._file: int | None = None

    @property
    def is_mine(self) -> bool:
        return self._file is not None

    def take(self) -> None:
        """Wait for the turn; taking it again is free."""
        if self.is_mine:
            return
        if _holders.get(self.path) == threading.get_ident():
            raise TurnRefused("this thread already writes to the database through another connection")
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        with _holders_guard:
            _holders[self.path] = threading.get_ident()

    def give(self) -> None:
        """Let the next writer in; giving what is not held does nothing."""
        file, self._file = self._file, None
        if file is None:
            return
        with _holders_guard:
            _holders.pop(self.path, None)
        try:
            fcntl.flock(
                file, fcntl.LOCK_UN
            )  # a forked child may share the open file: closing it would not unlock
        finally:
            os.close(file)

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _Wait(file).until(self.patience_s)


class _Wait:
    """A blocking `flock` has no time-out: a thread blocks in our place and hands over, or drops it late."""

    def __init__(self, file: int) -> None:
        self._file = os.dup(file)
        self._mutex = threading.Lock()
        self._came = threading.Event()
        self._gave_up = False

    def until(self, patience_s: float) -> None:
        threading.Thread(target=self._block, name="posta-write-turn", daemon=True).start()
        if self._came.wait(patience_s):
            return
        with self._mutex:
            if self._came.is_set():
                return
            self._gave_up = True
        raise TurnRefused(f"another connection has been writing for {patience_s:g} seconds")

    def _block(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            with self._mutex:
                if self._gave_up:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                else:
                    self._came.set()
        finally:
            os.close(self._file)
