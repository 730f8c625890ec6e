"""Wherever a log-in is ended from, it is no signature any more.

Not here: what a pass allows (`test_policy.py`), what is done with what was sealed under it
(`test_outbox.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.usersessions.models import UserSession
from django.urls import reverse

from clinic.tablet.passes import read_pass
from registry.staff.models import Account
from registry.staff.shifts import end_sessions_of
from tests.clinic.tablet.conftest import hand
from tests.clinic.visits.day import Day

pytestmark = pytest.mark.once


def test_a_log_in_that_is_ended_elsewhere_ends_its_pass(day: Day) -> None:
    """On one's own page, on allauth's, and by the coordinator."""
    tina = Account.objects.get(staff_id=day.tina.pk)
    mine = hand(day, day.tina, "tablet-1").client
    ways: list[Callable[[], object]] = [
        lambda: mine.post(reverse("my-sessions-end"), secure=True),
        lambda: mine.post(reverse("usersessions_list"), secure=True),
        lambda: end_sessions_of(day.tina.pk),
    ]
    for number, end in enumerate(ways):
        open_page = hand(day, day.tina, f"tablet-{number + 2}")
        key = open_page.client.session.session_key
        UserSession.objects.create(user=tina, session_key=key, ip="10.0.0.7", user_agent="")
        held = read_pass(open_page.author_pass)
        assert held is not None and held.ended_at is None
        end()
        held = read_pass(open_page.author_pass)
        assert held is not None and held.ended_at is not None, number
