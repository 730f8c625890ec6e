"""The hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): stamps that never go back.

Here: stamps as packed ints and the clock that makes them. The wall is passed in: nothing here reads it.

Not here: where the floor is kept across restarts (sync/marks.py), what a stamp decides (merge.py: causality
first, clocks last).

A stamp is `milliseconds << 16 | counter`, so stamps compare as ints and a full counter carries into the
milliseconds by plain addition.

Read next: merge.py.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final
from uuid import UUID

COUNTER_BITS: Final = 16
COUNTER_MAX: Final = (1 << COUNTER_BITS) - 1
DAY_MS: Final = 86_400_000


def pack(millis: int, counter: int = 0) -> int:
    if millis < 0 or not 0 <= counter <= COUNTER_MAX:
        raise ValueError(f"no stamp has {millis} ms and counter {counter}")
    return millis << COUNTER_BITS | counter


def unpack(stamp: int) -> tuple[int, int]:
    return stamp >> COUNTER_BITS, stamp & COUNTER_MAX


def millis_of(stamp: int) -> int:
    return stamp >> COUNTER_BITS


def stamp_text(stamp: int, replica: UUID) -> str:
    """Sorts as text in the order of (stamp, replica)."""
    millis, counter = unpack(stamp)
    return f"{millis:015d}-{counter:05d}-{replica}"


class HybridClock:
    """One per replica and server process; a lock makes `tick` safe among threads.

    Start it from the persisted floor, or a wall that went back (a dead battery boots in 1970) would stamp new
    work as old.
    """

    def __init__(self, wall: Callable[[], int], floor: int = 0, cap_ms: int = DAY_MS) -> None:
        self._wall = wall
        self._cap_ms = cap_ms
        self._latest = floor
        self._lock = Lock()

    @property
    def floor(self) -> int:
        """The latest stamp made or adopted: what to persist."""
        return self._latest

    def tick(self) -> int:
        """A stamp above every one made or adopted before."""
        with self._lock:
            self._latest = max(self._latest + 1, self._wall() << COUNTER_BITS)
            return self._latest

    def observe(self, remote: int) -> bool:
        """Adopt a stamp from elsewhere, unless it is so far ahead of the wall that it would drag us."""
        with self._lock:
            if millis_of(remote) - self._wall() > self._cap_ms:
                return False
            self._latest = max(self._latest, remote)
            return True

    def reset(self, to: int) -> None:
        """After a corrected clock: go on from central's time, even if that is behind what was stamped."""
        with self._lock:
            self._latest = to
