"""When a sealed save may be written in its author's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clinic.tablet.policy import Bearer, Pass, can_write_in_name, check_pass
from registry.refusals import Refused

MORNING = datetime(2026, 11, 20, 7, tzinfo=UTC)
TINA, PIA = UUID(int=1), UUID(int=2)
HELD = Pass(UUID(int=9), TINA, "tablet-7", MORNING, MORNING + timedelta(hours=12))


def judged(
    held: Pass = HELD,
    author: UUID = TINA,
    device: str = "tablet-7",
    after: float = 1,
    sent: float = 2,
    bearer: Bearer = Bearer.OWN,
) -> str:
    """The code of the refusal, empty where there is none. Hours after the log-in."""
    at, now = MORNING + timedelta(hours=after), MORNING + timedelta(hours=sent)
    may = can_write_in_name(held, author=author, device=device, bearer=bearer, sealed_at=at, now=now)
    try:
        check_pass(held, author=author, device=device, bearer=bearer, sealed_at=at, now=now)
    except Refused as refused:
        assert not may
        return refused.code
    assert may
    return ""


def test_whoever_was_logged_in_when_they_tapped_save_is_the_author() -> None:
    assert judged() == ""
    assert judged(sent=48) == ""  # the tablet came back two days later
    assert judged(replace(HELD, ended_at=MORNING + timedelta(hours=1.5))) == ""  # and logged out meanwhile


@pytest.mark.parametrize(
    ("held", "author", "device", "after", "sent", "code"),
    [
        (HELD, PIA, "tablet-7", 1, 2, "another-tablet"),
        (HELD, TINA, "tablet-8", 1, 2, "another-tablet"),
        (replace(HELD, active=False), TINA, "tablet-7", 1, 2, "author-left"),
        (replace(HELD, known=False), TINA, "tablet-7", 1, 2, "pass-unknown"),
        (HELD, TINA, "tablet-7", 12.5, 13, "not-logged-in-then"),
        (HELD, TINA, "tablet-7", -1, 2, "not-logged-in-then"),
        (replace(HELD, ended_at=MORNING + timedelta(hours=1)), TINA, "tablet-7", 2, 3, "not-logged-in-then"),
        (HELD, TINA, "tablet-7", 5, 2, "too-late"),  # from the future
        (HELD, TINA, "tablet-7", 1, 24 * 15, "too-late"),
        (replace(HELD, ended_at=MORNING + timedelta(hours=2)), TINA, "tablet-7", 1, 15, "too-late"),
    ],
)
def test_everything_else_waits_for_its_author(
    held: Pass, author: UUID, device: str, after: float, sent: float, code: str
) -> None:
    assert judged(held, author, device, after, sent) == code


@pytest.mark.parametrize(
    ("bearer", "code"),
    [
        (Bearer.OTHER, "another-tablet"),
        (Bearer.UNPROVED, "another-tablet"),
        (Bearer.SENT_AWAY, "tablet-sent-away"),
    ],
)
def test_only_its_own_tablet_brings_what_counts(bearer: Bearer, code: str) -> None:
    assert judged(bearer=bearer) == code
