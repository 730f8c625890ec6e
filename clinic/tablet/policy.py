"""Whether a sealed save may be written in its author's name; who may add or send away a tablet.

Lives here, pure: what a pass says (`Pass`), who brings what was sealed under it (`Bearer`), `check_pass` /
`can_write_in_name`, and who looks after tablets.
A pass that does not hold never loses what was typed: it is kept for its author, who looks at it and saves it
themselves. Not here: opening the seal (`sealing.py`), what the author may write (the room of the form).
Read next: `outbox.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _
from registry.staff.policy import Authority, Role

CLOCKS_DIFFER: Final = timedelta(minutes=2)
LATEST: Final = timedelta(days=14)
AFTER_A_LOG_OUT: Final = timedelta(hours=12)
"""The tablet that tells of a log-out is in the Wi-Fi, and brings at once whatever had waited there."""
KEPT_TYPED: Final = timedelta(days=14)
REMEMBERED: Final = timedelta(days=90)  # far longer than anything may wait
MOST_FIELDS_BYTES: Final = 512 * 1024
MOST_ITEMS: Final = 50
MOST_SEALED_BYTES: Final = 2 * MOST_FIELDS_BYTES


@dataclass(frozen=True, slots=True)
class Pass:
    """A log-in on a tablet. `known`: this laptop remembers it, and with the password that still holds.
    `browser` is where it was given, which only that browser can prove.
    """

    id: UUID
    staff_id: UUID
    device: str
    issued_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    known: bool = True
    active: bool = True
    browser: str = ""


class Bearer(Enum):
    """Who brings what was sealed under a pass, by what the request proves: the text itself proves nothing,
    for a pass and the name of its tablet stand on every page.
    """

    OWN = "own"  # the tablet or browser that the pass was given to
    UNPROVED = "unproved"  # perhaps that tablet: it shows its key and comes again
    SENT_AWAY = "sent away"  # that tablet was revoked, and may be in anybody's hands
    OTHER = "other"


def check_pass(
    held: Pass, *, author: UUID, device: str, bearer: Bearer, sealed_at: datetime, now: datetime
) -> None:
    """`device` is where it says it was sealed, `sealed_at` when, by the laptop's clock carried on by the
    tablet. Both are the tablet's own word, so they count only from the tablet itself.
    """
    if bearer is Bearer.SENT_AWAY:
        raise Refused("tablet-sent-away", _("Its tablet was sent away."), status=403)
    if held.staff_id != author or held.device != device or bearer is not Bearer.OWN:
        raise Refused("another-tablet", _("It came from another tablet than it was written on."), status=403)
    if not held.active:
        raise Refused("author-left", _("Its author no longer works here."), status=403)
    if not held.known:
        raise Refused(
            "pass-unknown", _("The password was changed since, or the laptop replaced."), status=403
        )
    ended = min(held.ended_at or held.expires_at, held.expires_at)
    if not held.issued_at - CLOCKS_DIFFER <= sealed_at <= ended + CLOCKS_DIFFER:
        raise Refused("not-logged-in-then", _("It was saved after the log-in had ended."), status=403)
    latest = sealed_at + LATEST
    if held.ended_at is not None:
        latest = min(latest, held.ended_at + AFTER_A_LOG_OUT)
    if not sealed_at - CLOCKS_DIFFER <= now <= latest:
        raise Refused("too-late", _("It waited on the tablet for too long."), status=403)


def can_write_in_name(
    held: Pass, *, author: UUID, device: str, bearer: Bearer, sealed_at: datetime, now: datetime
) -> bool:
    try:
        check_pass(held, author=author, device=device, bearer=bearer, sealed_at=sealed_at, now=now)
    except Refused:
        return False
    return True


def check_manage_tablets(who: Authority) -> None:
    if not can_manage_tablets(who):
        raise Refused("not-allowed", _("Only a coordinator looks after tablets."), status=403)


def check_see_blocked(who: Authority) -> None:
    if not can_see_blocked(who):
        raise Refused("not-allowed", _("Only coordinators and the programme office see this."), status=403)


def can_see_blocked(who: Authority) -> bool:
    return who.holds({Role.COORDINATOR, Role.CENTRAL_ADMIN})


def can_manage_tablets(who: Authority) -> bool:
    return who.holds({Role.COORDINATOR})
