"""How much to put into a batch: about four seconds of the link as it is measured.

Lives here: `Pace`, which a run keeps for all its batches. Pure: no database, no clock of its own. Not here:
cutting and sending batches (`sync/upload.py`).

A batch is only as good as its arrival: what a break catches on the way goes again. So each loss halves the
seconds aimed at, and they come back slowly. A link that dies every twenty seconds soon carries batches of one
or two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEAST_BYTES: Final = 1_000
MOST_BYTES: Final = 1_000_000
BATCH_SECONDS: Final = 4.0
LEAST_SECONDS: Final = 1.0
RECOVERY: Final = 1.25
UNKNOWN_RATE: Final = 4_000.0
THIN_BYTES: Final = 1 << 16  # targets below this are worth a packer's best effort
TOO_LARGE: Final = 1.5


@dataclass(slots=True)
class Pace:
    """`target` bytes for the next batch, from the `rate` of those before it; `shrink` is what packing made of
    their canonical forms.
    """

    target: int = 16_000
    rate: float = 0.0
    fixed_changes: int | None = None
    shrink: float = 1 / 12
    _aim: float = BATCH_SECONDS
    _landed: float = 0.0

    def sent(self, size: int, began: float, ended: float) -> None:
        """A batch was answered. It had the link to itself only since the answer before it."""
        seconds = ended - max(began, self._landed)
        rate = size / max(seconds, 0.001)
        self.rate = rate if not self.rate else 0.6 * self.rate + 0.4 * rate
        self._aim = min(BATCH_SECONDS, self._aim * RECOVERY)
        self.target = int(min(MOST_BYTES, max(LEAST_BYTES, self.rate * self._aim)))
        self._landed = ended

    def greeted(self, ended: float) -> None:
        """A batch went with hello: the handshakes were in the way, so it tells nothing of the rate."""
        self._landed = ended

    def lost(self) -> None:
        self._aim = max(LEAST_SECONDS, self._aim / 2)
        self.target = max(LEAST_BYTES, self.target // 2)

    def packed(self, before: int, after: int) -> None:
        """So many bytes of canonical forms became so many in the batch."""
        self.shrink = after / max(1, before)

    @property
    def room(self) -> int:
        """How many bytes of canonical forms are likely to fill a batch."""
        return int(self.target / max(self.shrink, 0.01))

    def fits(self, size: int) -> bool:
        return size <= TOO_LARGE * self.target

    @property
    def level(self) -> int:
        """How hard to pack: on a thin link a byte costs more than the time to save it."""
        return 19 if self.target <= THIN_BYTES else 9

    def patience(self, size: int) -> float:
        """How long silence is bearable for a batch of this size, with another in front of it."""
        return 6.0 + 3 * max(size, self.target) / (self.rate or UNKNOWN_RATE)
