"""Attempts that must not have happened, noted at central for whoever looks after the programme.

Lives here: `note`, which keeps an attempt as a `SecurityEvent`, at most so many in a minute: a thousand
guesses must not fill the disk. Sentences name ids and numbers, never people. Not here: what counts as an
attempt (the doors, `sync/checks.py`), alarms that are rare by themselves and never capped
(`sync/intake.py`, `sync/hello.py`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sync.models import SecurityEvent
from sync.node import current_node

MOST_A_MINUTE: Final = 20
A_MINUTE_MS: Final = 60_000
LONGEST: Final = 300


def note(code: str, sentence: str, node_uuid: UUID | None) -> bool:
    """Keep an event, unless there have been enough of this code by this node in the last minute. Answers
    whether it was kept.
    """
    now = current_node().wall()
    recent = SecurityEvent.objects.filter(code=code, node_uuid=node_uuid, at__gt=now - A_MINUTE_MS)
    if recent.count() >= MOST_A_MINUTE:
        return False
    SecurityEvent.objects.create(at=now, code=code, node_uuid=node_uuid, sentence=sentence[:LONGEST])
    return True
