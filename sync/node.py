"""The node this code runs as: its role, its directory, its clock, its marks.

Lives here: `Node` and `current_node()`, and the seams that tests replace (wall clock, random numbers, files
under `data_dir`). One process normally is one node, built from the settings at first use; `tests/world.py`
has several nodes in one process and chooses with `acting_as`. Not here: keys (`sync/vault/keys.py`), the
replica's row (`sync/ledger/models.py`). Read next: `sync/marks.py`.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sync.core.clock import HybridClock
from sync.marks import Marks

Role = Literal["clinic", "central"]


def wall_ms() -> int:
    """This machine's idea of the time: milliseconds since 1970, UTC. It may be wrong; hello measures by how
    much.
    """
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Node:
    """One node as its own code sees it."""

    role: Role
    data_dir: Path
    name: str = ""
    wall: Callable[[], int] = wall_ms
    rng: random.Random = field(default_factory=secrets.SystemRandom)
    marks: Marks = field(init=False)
    clock: HybridClock = field(init=False)
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data_dir = Path(self.data_dir)
        self.marks = Marks(self.data_dir / "marks")
        self.clock = HybridClock(self.wall, floor=self.marks.read().clock_floor)

    @property
    def is_central(self) -> bool:
        return self.role == "central"

    def now(self) -> datetime:
        """The time as this node's clock has it, to the millisecond, UTC."""
        return datetime.fromtimestamp(self.wall() / 1000, tz=UTC)

    def path(self, *parts: str) -> Path:
        return self.data_dir.joinpath(*parts)


_acting: ContextVar[Node | None] = ContextVar("posta_node", default=None)
_process_node: Node | None = None


def current_node() -> Node:
    """The node that this code runs as."""
    acting = _acting.get()
    return acting if acting is not None else _node_of_this_process()


def _node_of_this_process() -> Node:
    global _process_node
    if _process_node is None:
        from django.conf import settings

        _process_node = Node(role=settings.POSTA_ROLE, data_dir=Path(settings.POSTA_DATA))
    return _process_node


@contextmanager
def acting_as(node: Node) -> Iterator[Node]:
    """Run a block as another node (tests with several nodes in one process)."""
    token = _acting.set(node)
    try:
        yield node
    finally:
        _acting.reset(token)
