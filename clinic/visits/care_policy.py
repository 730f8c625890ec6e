"""What may be decided about somebody's care in a program.

Lives here, pure: the checks on days, reasons and the state of an enrollment. Not here: visits and their
stations (`policy.py`), which day is due (`schedule.py`), writing (`following.py`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from registry.refusals import Refused, _

FIRST_YEAR: Final = 1900
LONGEST_PLAN: Final = timedelta(days=3 * 366)
MOST_OCCURRENCES: Final = 200
LONGEST_REASON: Final = 300


def check_incident_on(day: date | None, today: date) -> None:
    """What a program counts from has happened."""
    if day is not None and day > today:
        raise Refused.field("incident_on", "in-the-future", _("This date is in the future."))
    if day is not None and day.year < FIRST_YEAR:
        raise Refused.field("incident_on", "long-ago", _("This date is too long ago."))


def can_follow(status: str) -> bool:
    return status == "active"


def check_active(status: str) -> None:
    """Nothing is planned for somebody who is no longer followed."""
    if not can_follow(status):
        raise Refused("enrollment-ended", _("This program is closed for this person."), status=409)


def check_ended(status: str) -> None:
    """Only what was ended is opened again."""
    if can_follow(status):
        raise Refused("enrollment-active", _("This person is followed in the program already."), status=409)


def check_planned_on(day: date, today: date) -> None:
    """A plan is for today or later, and for a day that its maker may live to see."""
    if day < today:
        raise Refused.field("on", "in-the-past", _("Choose today or a later day."))
    if day > today + LONGEST_PLAN:
        raise Refused.field("on", "far-away", _("This day is too far away."))


def check_occurrence(occurrence: int, *, repeatable: bool) -> None:
    """A stage that is asked once has one coming."""
    if not 1 <= occurrence <= (MOST_OCCURRENCES if repeatable else 1):
        raise Refused.field("occurrence", "no-such-occurrence", _("There is no such visit in this program."))


def shorten_reason(reason: str) -> str:
    """A reason in one line."""
    said = " ".join(reason.split())
    if len(said) > LONGEST_REASON:
        raise Refused.field("reason", "too-long", _("Shorten the reason."))
    return said


def clean_reason(reason: str) -> str:
    """Nothing is skipped without a reason."""
    said = shorten_reason(reason)
    if not said:
        raise Refused.field("reason", "missing-reason", _("Say why."))
    return said
