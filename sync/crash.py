"""Places where a test may cut the power.

Lives here: `crash_point(name)`, a no-op in production. A real-process test sets `POSTA_CRASH_AT=name` (or
`name:n` for the n-th passage) and the process kills itself there with SIGKILL, as a power cut would; the test
world raises instead. Read next: `tests/system/`.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

_passed: Counter[str] = Counter()
_hook: Callable[[str], None] | None = None
_at, _, _nth = os.environ.get("POSTA_CRASH_AT", "").partition(":")


def crash_point(name: str) -> None:
    """Die here if a test asked for it; otherwise nothing."""
    if _hook is not None:
        _hook(name)
    if _at and name == _at:
        _passed[name] += 1
        if _passed[name] == int(_nth or "1"):
            os.kill(os.getpid(), signal.SIGKILL)


def install_hook(hook: Callable[[str], None] | None) -> None:
    """Let the test world decide in process what happens at a crash point."""
    global _hook
    _hook = hook
