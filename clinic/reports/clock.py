"""The clinic's own clock over a span of days: how far it is from UTC, and until when.

Lives here: `pieces_of`. Days and hours of a report are those of the clinic (`POSTA_TIME_ZONE`), and the
database keeps UTC; a summer time that begins within the days makes two pieces of them. Not here: using them
(`sql.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

A_DAY: Final = timedelta(days=1)
A_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """Until a moment (not included) the clinic's clock is so many seconds ahead of UTC."""

    until: datetime
    seconds: int


def pieces_of(start: datetime, end: datetime, zone: tzinfo) -> tuple[Piece, ...]:
    """One piece for most spans, one more for each change of the clock. Together they cover the span."""
    at, end = start.astimezone(UTC), end.astimezone(UTC)
    pieces: list[Piece] = []
    while at < end:
        after = min(at + A_DAY, end)
        if _ahead(after, zone) != _ahead(at, zone):
            change = _change_between(at, after, zone)
            pieces.append(Piece(change, _ahead(at, zone)))
            after = change
        at = after
    return (*pieces, Piece(end, _ahead(end, zone)))


def _ahead(at: datetime, zone: tzinfo) -> int:
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first whole second at which the clock shows the later distance."""
    first, last = 0, int((after - before).total_seconds())
    while last - first > 1:
        middle = (first + last) // 2
        if _ahead(before + timedelta(seconds=middle), zone) == _ahead(before, zone):
            first = middle
        else:
            last = middle
    return before + last * A_SECOND
