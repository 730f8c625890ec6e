"""A log-in without internet lasts thirty days: said in time, and in plain words when it is over."""

from __future__ import annotations

import pytest

from sync.node import Node
from tests.registry.staff.at_the_tablet import Tablet, later


def test_refused_on_the_thirty_first_day(clinic: Node) -> None:
    """H3: the password is right and does not open; only whoever knows it is told why."""
    later(clinic, days=29, hours=23)
    assert Tablet().log_in("rosa").status_code == 302
    later(clinic, days=30, hours=1)
    said = Tablet().log_in("rosa").content.decode()
    assert "Your log-in without internet has ended." in said
    stranger = Tablet().log_in("rosa", "a wrong password").content.decode()
    assert "has ended" not in stranger


def test_a_right_password_that_has_expired_is_no_guess(clinic: Node) -> None:
    later(clinic, days=31)
    for _ in range(12):
        assert "has ended" in Tablet().log_in("rosa").content.decode()


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (20, ""),
        (22, ""),
        (22.5, "ends in 7 days"),
        (26.5, "ends in 3 days"),
        (28.5, "ends in 1 day."),
        (29.5, "ends in 0 days"),
    ],
)
def test_warned_in_the_last_week(clinic: Node, days: float, said: str) -> None:
    """H3: seven, three and one day before, on the first page and on one's own."""
    tablet = Tablet()
    later(clinic, days=days)
    tablet.log_in("rosa")
    for address in ("/queue/", "/me/"):
        page = tablet.get(address).content.decode()
        assert ("Your log-in without internet ends" in page) is bool(said)
        assert said in page
