"""What may be done with a referral, and who may.

Lives here, pure: what the steps of a referral amount to, the checks on state, people and words. Not here:
writing (`services.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.people.policy import check_unturned
from registry.refusals import Refused, _
from registry.staff.policy import EVERYONE, Authority, Role

MAY_REFER: Final = frozenset({Role.PROVIDER, Role.TRIAGE})
LONGEST_REASON: Final = 1000
LONGEST_SUMMARY: Final = 4000
LONGEST_PLACE: Final = 120


class StepKind(StrEnum):
    """What can happen to a referral after it was written."""

    RECEIVED = "received"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class ReferralState(StrEnum):
    """What a referral is now."""

    SENT = "sent"
    RECEIVED = "received"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


OPEN: Final = frozenset({ReferralState.SENT, ReferralState.RECEIVED})
HERE: Final = frozenset({StepKind.RECEIVED, StepKind.ANSWERED})
"""What is done only where the patient has come."""


def standing_of(kinds: Iterable[str]) -> ReferralState:
    """What the steps amount to, in whatever order they came. Somebody who saw the patient outweighs a
    cancellation that crossed it on the way.
    """
    happened = set(kinds)
    if StepKind.ANSWERED in happened:
        return ReferralState.ANSWERED
    if StepKind.RECEIVED in happened:
        return ReferralState.RECEIVED
    return ReferralState.CANCELLED if StepKind.CANCELLED in happened else ReferralState.SENT


def can_refer(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_REFER, facilities)


def check_refer(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_refer(who, facilities):
        raise Refused("not-allowed", _("Your role does not refer patients."), status=403)


def can_see_list(who: Authority) -> bool:
    return who.holds(EVERYONE - {Role.PHARMACIST, Role.LAB})


def check_see_list(who: Authority) -> None:
    if not can_see_list(who):
        raise Refused("not-allowed", _("Your role does not see who is expected."), status=403)


def check_words(reason: str, summary: str, place: str) -> None:
    """A letter says why, and fits on its page."""
    if not reason.strip():
        raise Refused.field("reason", "missing", _("Write why the patient is referred."))
    _check_text("reason", reason, LONGEST_REASON)
    _check_text("summary", summary, LONGEST_SUMMARY)
    _check_text("to_place", place, LONGEST_PLACE)
    check_unturned(place, "to_place")


def check_answer(note: str) -> None:
    """An answer says something, and fits below the letter."""
    if not note.strip():
        raise Refused.field("note", "missing", _("Write what was done."))
    _check_text("note", note, LONGEST_SUMMARY)


def _check_text(name: str, text: str, limit: int) -> None:
    if "\0" in text:
        raise Refused.field(name, "nul-character", _("The text holds a character that cannot be kept."))
    if len(text.strip()) > limit:
        raise Refused.field(name, "too-long", _("This is too long for a letter."))


def check_destination(here: UUID, to_facility: UUID | None, place: str) -> None:
    """Somewhere, and not where the patient is."""
    if to_facility is None and not place.strip():
        raise Refused.field("to_facility", "missing", _("Choose where the patient goes."))
    if to_facility == here:
        raise Refused.field("to_facility", "same-place", _("The patient is there already."))


def check_open(state: ReferralState) -> None:
    if state not in OPEN:
        raise Refused("referral-closed", _("This referral is closed."), status=409)


def check_not_cancelled(state: ReferralState) -> None:
    """Words that somebody wrote about a patient who came are kept, also the second ones."""
    if state is ReferralState.CANCELLED:
        check_open(state)


def check_unreceived(state: ReferralState) -> None:
    """Whoever has arrived cannot be called back."""
    if state is not ReferralState.SENT:
        raise Refused("referral-received", _("The other place has received the patient."), status=409)
