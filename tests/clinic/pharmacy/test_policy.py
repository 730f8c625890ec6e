"""Who may, and what a line has come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest

from clinic.pharmacy import policy
from clinic.pharmacy.policy import LineState, standing_of
from registry.refusals import Refused
from registry.staff.policy import Authority, Role

HERE, ELSEWHERE = uuid4(), uuid4()
RIGHTS = {
    "prescribe": {Role.PROVIDER},
    "dispense": {Role.PHARMACIST, Role.PROVIDER},
    "keep_stock": {Role.PHARMACIST, Role.COORDINATOR},
    "note_allergy": {Role.TRIAGE, Role.PROVIDER, Role.PHARMACIST},
    "refute_allergy": {Role.PROVIDER},
    "see_stock": set(Role) - {Role.CENTRAL_ADMIN},
}


@pytest.mark.parametrize("act", RIGHTS)
@pytest.mark.parametrize("role", Role)
def test_rights_are_a_role_at_a_place(act: str, role: Role) -> None:
    can: Callable[..., bool] = getattr(policy, f"can_{act}")
    check: Callable[..., None] = getattr(policy, f"check_{act}")
    who = Authority(uuid4(), True, frozenset({(role, HERE)}))
    assert can(who, [HERE]) is (role in RIGHTS[act])
    assert not can(who, [ELSEWHERE])
    if role in RIGHTS[act]:
        check(who, [HERE])
    with pytest.raises(Refused) as refused:
        check(who, [ELSEWHERE])
    assert (refused.value.code, refused.value.status) == ("not-allowed", 403)


def test_only_the_office_writes_the_list() -> None:
    office = Authority(uuid4(), True, frozenset({(Role.CENTRAL_ADMIN, None)}))
    policy.check_list_medicines(office)
    assert not policy.can_list_medicines(Authority(uuid4(), True, frozenset({(Role.PHARMACIST, HERE)})))


@pytest.mark.parametrize(
    ("given", "steps", "state", "remaining"),
    [
        (0, [], LineState.PRESCRIBED, 15),
        (5, [], LineState.PARTLY, 10),
        (15, [], LineState.DISPENSED, 0),
        (0, ["cancelled"], LineState.CANCELLED, 15),
        (5, ["ended"], LineState.ENDED, 10),
        (15, ["ended"], LineState.DISPENSED, 0),
        (20, [], LineState.DISPENSED, 0),
        (15, ["cancelled"], LineState.CANCELLED, 0),
    ],
)
def test_rows_amount_to_a_state(given: int, steps: list[str], state: LineState, remaining: int) -> None:
    now = standing_of(15, given, steps)
    assert (now.state, now.remaining, now.is_too_much) == (state, remaining, given > 15)
    assert policy.can_cancel(now) is (state in (LineState.PRESCRIBED, LineState.PARTLY))


def code_of(check: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        check()
    return refused.value.code


def test_what_was_said_is_checked() -> None:
    now = standing_of(15, 10, [])
    policy.check_give(now, 5, "q")
    assert code_of(lambda: policy.check_give(now, 6, "q")) == "above-prescribed"
    assert code_of(lambda: policy.check_give(now, 0, "q")) == "too-small"
    assert code_of(lambda: policy.check_give(standing_of(15, 15, []), 1, "q")) == "line-closed"
    assert code_of(lambda: policy.check_quantity(None, "q")) == "quantity-missing"
    assert code_of(lambda: policy.check_quantity(10**9, "q")) == "too-large"
    assert code_of(lambda: policy.check_counted(-1, "q")) == "too-small"
    assert code_of(lambda: policy.check_reason("lunch")) == "unknown-reason"
    assert code_of(lambda: policy.check_note(" ", "n", wanted=True)) == "reason-missing"
    assert code_of(lambda: policy.clean_atc("J1")) == "bad-atc"
    assert policy.clean_atc(" j01ca04 ") == "J01CA04"
    assert policy.clean_lot_number(" ab  12 ") == "AB 12"
    assert code_of(lambda: policy.clean_lot_number("x" * 41)) == "too-long"
    today = date(2026, 11, 20)
    policy.check_expiry(today, today)
    policy.check_expiry(None, today)
    assert code_of(lambda: policy.check_expiry(date(2026, 11, 19), today)) == "lot-expired"
    assert code_of(lambda: policy.check_expiry(date(3026, 1, 1), today)) == "bad-expiry"
