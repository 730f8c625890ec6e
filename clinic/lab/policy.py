"""What may be done with an order, and who may.

Lives here, pure: what the steps of an order amount to (`standing_of`), and the checks on state and people.
Not here: what a result means (`definition.py`), reading and writing (`selectors.py`, `services.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _
from registry.staff.policy import Authority, Role, can_record

MAY_ORDER: Final = frozenset({Role.PROVIDER, Role.TRIAGE})
MOST_TESTS: Final = 30


class StepKind(StrEnum):
    """What can happen to an order."""

    TAKEN = "taken"
    CANCELLED = "cancelled"
    SEEN = "seen"


class OrderState(StrEnum):
    """What an order is now."""

    ORDERED = "ordered"
    TAKEN = "taken"
    RESULTED = "resulted"
    SEEN = "seen"
    CANCELLED = "cancelled"


WAITING: Final = frozenset({OrderState.ORDERED, OrderState.TAKEN})


def standing_of(kinds: Iterable[str], has_result: bool) -> OrderState:
    """What an order is, whatever order its steps arrived in. A result outweighs a cancellation: the work was
    done, and somebody must see it.
    """
    happened = set(kinds)
    if has_result:
        return OrderState.SEEN if StepKind.SEEN in happened else OrderState.RESULTED
    if StepKind.CANCELLED in happened:
        return OrderState.CANCELLED
    return OrderState.TAKEN if StepKind.TAKEN in happened else OrderState.ORDERED


def can_order(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_ORDER, facilities)


def check_order(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_order(who, facilities):
        raise Refused("not-allowed", _("Your role does not order tests."), status=403)


def can_report(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return can_record(who, "lab", facilities)


def check_report(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_report(who, facilities):
        raise Refused("not-allowed", _("Your role does not enter results."), status=403)


def can_see_bench(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    """Whether the laboratory's list is for this person."""
    return can_report(who, facilities) or can_order(who, facilities)


def check_see_bench(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_see_bench(who, facilities):
        raise Refused("not-allowed", _("Your role does not work in the laboratory."), status=403)


def check_tests(codes: Collection[str]) -> None:
    """Somebody who orders names tests, and not all there are."""
    if not codes:
        raise Refused.field("tests", "no-test", _("Choose a test."))
    if len(codes) > MOST_TESTS:
        raise Refused.field("tests", "too-many", _("These are too many tests at once."))


def check_waits(state: OrderState) -> None:
    """Only what still waits is taken or cancelled."""
    if state is OrderState.CANCELLED:
        raise Refused("order-cancelled", _("This order was cancelled."), status=409)
    if state not in WAITING:
        raise Refused("has-a-result", _("This order has a result already."), status=409)


def check_has_result(state: OrderState) -> None:
    if state not in (OrderState.RESULTED, OrderState.SEEN):
        raise Refused("no-result", _("There is no result yet."), status=409)
