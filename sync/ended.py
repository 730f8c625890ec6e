"""Saves of somebody whose work central has ended: which of them a person has to look at.

Lives here: `tell_ended`, by which the room that knows staff says whose work has ended and when, and
`written_before`, what is believed of when a save was written. Whatever is not shown to be older than that
moment waits for a person: it is neither trusted nor lost. Not here: the other checks of a save (`checks.py`),
accepting and rejecting (`review/services.py`). Read next: `docs/adr/0030-work-after-the-end.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from sync.core.clock import millis_of, unpack
from sync.core.protocol import Change
from sync.tables import table_named

ENDED: Final = "author-ended"
SENTENCE: Final = "Written after this person's work had ended."

Ended = Callable[[Collection[UUID]], Mapping[UUID, int]]
_tell: list[Ended] = []


def tell_ended(tell: Ended) -> Ended:
    """Register who knows whose work has ended: ids → the moment of it in central's ms, for those whose work
    has. Usable as a decorator.
    """
    _tell[:] = [tell]
    return tell


def ended_since(authors: Iterable[UUID | None]) -> dict[UUID, int]:
    """Whose work of these people has ended, and when."""
    wanted = {one for one in authors if one is not None}
    return dict(_tell[0](wanted)) if _tell and wanted else {}


def end_of(save: Sequence[Change], ended: Mapping[UUID, int]) -> int | None:
    """When the work of whoever wrote this save ended; None where it did not, or where it makes no difference.

    A list that is only added to is the laptop's own record of what people did: it is no work of theirs, and
    to keep it back would hide what somebody did who should not have been there.
    """
    if not ended or all(is_record_about_people(change) for change in save):
        return None
    authors = {one.author for one in save if one.author is not None}
    return min((ended[one] for one in authors & ended.keys()), default=None)


def is_record_about_people(change: Change) -> bool:
    """Whether a change adds to a list that is only ever added to."""
    table = table_named(change.table)
    return table is not None and table.sync.append_only


def written_before(save: Sequence[Change], end_ms: int, received: int | None, behind_ms: int) -> bool:
    """Whether a save is shown to be older than that moment: central had it by then, or its stamp says so and
    nothing speaks against the clock it was read from.

    A stamp with a counter was read from no clock: the laptop's stood before what it had stamped last, or
    another save has that millisecond. What the clock is known to be behind is added, what it is ahead is not
    taken off: where it errs, this errs towards a person's look.
    """
    if received is not None and millis_of(received) < end_ms:
        return True
    _millis, counter = unpack(save[0].stamp)
    latest = max(millis_of(one.stamp) + max(one.clock_offset_ms, behind_ms, 0) for one in save)
    return not counter and latest < end_ms
