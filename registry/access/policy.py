"""Who may open whose record, what must be said first, and who may read what was opened.

Lives here, pure: the door of one record (`may_open`), the reasons, what kind of look an address is, how often
the same look is written down, and who reads the log. Not here: whom somebody's places care for
(`registry/people/selectors.py`), the rows (`models.py`), writing (`services.py`).
Read next: `desk.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _
from registry.staff.policy import Authority, Role

SHIFT: Final = timedelta(hours=12)
"""For so long a reason opens one person's record for one colleague, and a search may be answered by one."""
AGAIN: Final = timedelta(hours=1)
"""The same look by the same person on the same device is written down once in this time."""
LONGEST_NOTE: Final = 200
MAY_READ_LOG: Final = frozenset({Role.COORDINATOR, Role.CENTRAL_ADMIN})


class Reason(StrEnum):
    """Why somebody opens the record of another place's patient."""

    EMERGENCY = "emergency"
    REFERRED = "referred"
    MOVED = "moved"
    OTHER = "other"


class What(StrEnum):
    """What was looked at. A list has no one patient."""

    RECORD = "record"
    HISTORY = "history"
    FILE = "file"
    PRINT = "print"
    LIST = "list"


class Answer(StrEnum):
    """What the door of a record says."""

    OPEN = "open"
    ASK = "ask"
    NOBODY = "nobody"


def may_open(*, belongs: bool, met_at: datetime | None, opened_at: datetime | None, now: datetime) -> Answer:
    """The door of one record for one person. Whoever belongs to the asker's places opens; whom a search has
    shown lately opens with a reason, for a shift; everybody else does not exist.
    """
    if belongs:
        return Answer.OPEN
    if _lately(opened_at, now):
        return Answer.OPEN
    return Answer.ASK if _lately(met_at, now) else Answer.NOBODY


def _lately(at: datetime | None, now: datetime) -> bool:
    # A clock that was put back makes nothing last longer.
    return at is not None and abs(now - at) <= SHIFT


def clean_reason(code: str, note: str) -> tuple[Reason, str]:
    """A reason as it is kept. Raises `Refused`."""
    said = " ".join("".join(one if one.isprintable() else " " for one in note).split())
    if code not in set(Reason):
        raise Refused.field("reason", "reason-missing", _("Say why you open this record."))
    if len(said) > LONGEST_NOTE:
        raise Refused.field("note", "too-long", _("The text is too long."))
    if code == Reason.OTHER and not said:
        raise Refused.field("note", "reason-missing", _("Write the reason in a few words."))
    return Reason(code), said


def what_of(route: str) -> What | None:
    """What kind of look an address is, by its pattern; None for the small pictures beside names in lists."""
    parts = [part for part in route.split("/") if part]
    last = parts[-1] if parts else ""
    if last == "small":
        return None
    if last == "history":
        return What.HISTORY
    if last in {"card", "label", "labels", "letter"}:
        return What.PRINT
    if "attachments" in parts:
        return What.FILE
    return What.RECORD


def can_read_log(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_READ_LOG, facilities)


def check_read_log(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_read_log(who, facilities):
        raise Refused("not-allowed", _("Only coordinators and the programme office read this."), status=403)


def log_of_all(who: Authority) -> bool:
    """Whether the person reads what was opened at every place."""
    return any(role in MAY_READ_LOG and facility is None for role, facility in who.grants) and who.active


def log_of(who: Authority) -> frozenset[UUID]:
    """The places whose log the person reads."""
    if not who.active:
        return frozenset()
    return frozenset(at for role, at in who.grants if role in MAY_READ_LOG and at is not None)
