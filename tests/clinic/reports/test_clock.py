"""The clinic's own clock: zones that are odd, and days on which it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clinic.reports.clock import pieces_of

FIRST = datetime(2015, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC",
    "America/Panama",
    "Asia/Kathmandu",
    "Europe/Paris",
    "America/Asuncion",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
)


@given(
    some.sampled_from(ZONES),
    some.integers(0, 15 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds)),
    some.integers(1, 400),
    some.floats(0, 1),
)
def test_every_moment_has_its_distance_from_utc(name: str, start: datetime, days: int, part: float) -> None:
    zone, end = ZoneInfo(name), start + timedelta(days=days)
    pieces = pieces_of(start, end, zone)
    moment = start + (end - start) * part
    ahead = next((piece.seconds for piece in pieces if moment < piece.until), pieces[-1].seconds)
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    assert ahead == offset.total_seconds()
    assert all(one.until < other.until for one, other in pairwise(pieces))


@pytest.mark.parametrize("name", ["UTC", "America/Panama", "Asia/Kathmandu"])
def test_without_summer_time_there_is_one_piece(name: str) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    assert len(pieces_of(start, start + timedelta(days=1000), ZoneInfo(name))) == 1
