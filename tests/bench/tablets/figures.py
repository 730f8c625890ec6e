"""What the tablets measured.

Lives here: `Figures` (milliseconds by action, errors by what they said) and its table. Not here: the tablets
(`tablet.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def share(times: list[float], part: float) -> float:
    """The time within which this part of all happened."""
    ranked = sorted(times)
    return ranked[min(int(len(ranked) * part), len(ranked) - 1)] if ranked else 0.0


@dataclass
class Figures:
    """Milliseconds by action, and what went wrong."""

    times: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    hidden: int = 0  # moves that a tablet's list was too short to show
    streams: int = 0
    events: int = 0
    stream_bytes: int = 0

    def add(self, action: str, ms: float, size: int = 0) -> None:
        self.times.setdefault(action, []).append(ms)
        self.sizes[action] = max(self.sizes.get(action, 0), size)

    def table(self) -> str:
        """One line per action."""
        lines = [f"{'action':<26}{'times':>7}{'p50':>8}{'p95':>8}{'p99':>8}   ms   largest answer"]
        for action, times in sorted(self.times.items()):
            p50, p95, p99 = (share(times, part) for part in (0.5, 0.95, 0.99))
            size = f"{self.sizes[action] / 1024:.1f} kB" if self.sizes.get(action) else ""
            lines.append(f"{action:<26}{len(times):>7}{p50:>8.1f}{p95:>8.1f}{p99:>8.1f}        {size}")
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "actions": {
                action: {
                    "times": len(times),
                    "p50": round(share(times, 0.5), 1),
                    "p95": round(share(times, 0.95), 1),
                    "p99": round(share(times, 0.99), 1),
                }
                for action, times in sorted(self.times.items())
            },
            "largest_answers": self.sizes,
            "hidden": self.hidden,
            "streams": self.streams,
            "events": self.events,
            "stream_bytes": self.stream_bytes,
            "errors": dict(self.errors),
        }
