"""Saves that came to central, on their way into rows: judged, and merged where they are fine.

Lives here: `Part` (one save and what became of it), `Batch` (those that are judged together), `verdict`,
`apply_all` and `apply_alone` (a save that cannot be stored is set aside, and takes no other with it). Not
here: the log and the receipt (`sync/intake.py`), saves that waited (`sync/release.py`), what is checked
(`sync/checks.py`), the merge into rows (`sync/apply.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import OperationalError, transaction

from sync.apply import Settled, arrival_of, settle
from sync.checks import FINE, Sight, Verdict, judge, scope_in
from sync.core.protocol import Change
from sync.core.receipts import Outcome
from sync.feed.subscriptions import follow
from sync.feed.wall import walled
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.models import EnrolledNode

log = logging.getLogger(__name__)

STATES = {
    "fine": ChangeRow.State.APPLIED,
    "held": ChangeRow.State.HELD,
    "quarantined": ChangeRow.State.QUARANTINED,
}

BROKEN: Final = Verdict("quarantined", "broken-save", "The parts of this save do not fit together.")
WORST_FIRST: Final[tuple[Outcome, ...]] = ("conflicted", "merged", "applied", "repeat")


@dataclass(slots=True)
class Part:
    """The changes of one save in this batch (with those held before), and what became of them."""

    changes: list[Change]
    earlier: int = 0
    verdict: Verdict = FINE
    outcome: Outcome = "applied"

    @property
    def is_whole(self) -> bool:
        return self.changes[0].ordinal == 0 and self.changes[-1].last

    @property
    def key(self) -> str:
        return f"save:{self.changes[0].save_id}"


@dataclass(slots=True)
class Batch:
    """One batch on its way in."""

    node: EnrolledNode
    replica: Replica
    received: int
    sha: bytes
    fresh: list[Change] = field(default_factory=list)
    received_before: dict[int, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    applied: set[UUID] = field(default_factory=set)


def verdict(part: Part, sight: Sight, *, may_grow: bool) -> Verdict:
    if part.is_whole:
        return judge(part.changes, sight)
    if may_grow and not part.changes[0].ordinal and not part.changes[-1].last:
        return Verdict("held", "incomplete", "The rest of this save has not arrived yet.", part.key)
    return BROKEN


def apply_all(batch: Batch, parts: Sequence[Part], sight: Sight) -> None:
    """All saves at once; if one cannot be stored, each on its own so that only the bad one is set aside,
    with what hangs on it.

    A failure of the database itself (a deadlock, a lost connection) is not held against any: it comes again.
    """
    try:
        with transaction.atomic():
            _note(batch, parts, _settle(batch, [change for part in parts for change in part.changes]))
    except OperationalError:
        raise
    except Exception:  # whatever a room trips over must not stop the saves behind it
        for part in parts:
            part.verdict = verdict(part, sight, may_grow=False)
            if part.verdict is FINE:
                apply_alone(batch, part)
            if part.verdict is not FINE:
                sight.aside.update(change.record_id for change in part.changes)


def apply_alone(batch: Batch, part: Part) -> None:
    try:
        with transaction.atomic():
            _note(batch, [part], _settle(batch, part.changes))
    except OperationalError:
        raise
    except Exception as error:
        log.exception("save %s cannot be stored", part.changes[0].save_id)
        part.verdict = Verdict(
            "quarantined", "not-storable", f"Central could not store this save: {type(error).__name__}."
        )


def _settle(batch: Batch, changes: Sequence[Change]) -> list[Settled]:
    received, new = batch.received_before, _new_scopes(changes)
    arrivals = [
        arrival_of(change, batch.replica.number, received.get(change.seq, batch.received))
        for change in changes
    ]
    with walled(batch.node, new):
        settled = settle(arrivals)
    follow(batch.node, new)
    return settled


def _new_scopes(changes: Iterable[Change]) -> list[UUID]:
    return [change.record_id for change in changes if change.creates and scope_in(change) == change.record_id]


def _note(batch: Batch, parts: Sequence[Part], settled: Sequence[Settled]) -> None:
    outcomes = iter(settled)
    for part in parts:
        words = {next(outcomes).outcome for _ in part.changes}
        part.outcome = next(word for word in WORST_FIRST if word in words)
        batch.applied.update(change.record_id for change in part.changes)
