"""How long a proof holds, and what a tablet is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.tablets.policy import (
    Proof,
    Standing,
    can_be_called,
    clean_label,
    device_named,
    is_copy,
    normal_code,
    shown_code,
    standing_of,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def proof(*, current: bool = True, used: bool = True, revoked: bool = False) -> Proof:
    return Proof(NOON, revoked, current, used)


@pytest.mark.parametrize(
    ("minutes", "current", "standing"),
    [
        (0, True, Standing.PROVED),
        (60, True, Standing.PROVED),
        (61, True, Standing.STALE),
        (-61, True, Standing.STALE),  # the clock was set back
        (1, False, Standing.PROVED),  # it was on its way
        (2, False, Standing.STALE),
    ],
)
def test_a_proof_holds_for_an_hour_and_the_one_before_for_a_minute(
    minutes: int, current: bool, standing: Standing
) -> None:
    assert standing_of(proof(current=current), NOON + timedelta(minutes=minutes)) is standing


def test_a_revoked_tablet_proves_nothing() -> None:
    assert standing_of(proof(revoked=True), NOON) is Standing.REVOKED


def test_only_a_cookie_that_was_replaced_for_good_is_a_copy() -> None:
    later = NOON + timedelta(minutes=2)
    assert is_copy(proof(current=False), later)
    assert not is_copy(proof(current=False), NOON)
    assert not is_copy(proof(current=False, used=False), later)  # the new one never arrived
    assert not is_copy(proof(), later)


def test_a_code_may_be_typed_as_people_type() -> None:
    assert normal_code(" k7qm-2xwd\n") == "K7QM2XWD"
    assert normal_code(shown_code("K7QM2XWD")) == "K7QM2XWD"


def test_a_name_has_no_letters_that_nobody_sees() -> None:
    assert clean_label("  Tab\u202elet\n\u200b 3 ") == "Tab let 3"
    assert len(clean_label("x" * 99)) == 40


def test_two_tablets_have_two_names() -> None:
    assert not can_be_called("TABLET 3", ["Tablet 3"])
    assert can_be_called("Tablet 4", ["Tablet 3"])


@pytest.mark.parametrize(
    ("label", "device"),
    [("Tablet 3", "tablet-3-ab12cd"), ("لوح ٣", "tablet-ab12cd"), ("Farmácia/2", "farmacia-2-ab12cd")],
)
def test_what_changes_carry_is_readable_and_different(label: str, device: str) -> None:
    assert device_named(label, "ab12cd") == device
    assert len(device_named("y" * 40, "ab12cd")) <= 40
