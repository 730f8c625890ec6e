"""A screen that nobody touches locks; polls are no touch; whoever unlocks it comes back to their page.

Not here: the page's own clock (`tests/browser/test_shift_change.py`).
"""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from pytest_django import Settings

from registry.staff import watch
from sync.node import Node
from tests.registry.conftest import Cast
from tests.registry.staff.at_the_tablet import PIN, Tablet, later


@pytest.fixture
def tablet(clinic: Node, cast: Cast) -> Tablet:
    tablet = Tablet()
    tablet.log_in("rosa")
    tablet.choose_pin()
    return tablet


def test_it_locks_after_fifteen_minutes(tablet: Tablet, clinic: Node, cast: Cast) -> None:
    later(clinic, minutes=14)
    assert tablet.who() == "rosa"
    later(clinic, minutes=28)
    assert tablet.who() == "rosa"
    later(clinic, minutes=45)
    locked = tablet.get("/find/")
    assert (locked.status_code, locked["Location"]) == (302, "/switch/")
    assert tablet.get("/find/").status_code == 302
    assert "Rosa" in tablet.get("/switch/").content.decode()


def test_whoever_unlocks_it_comes_back_to_their_page(tablet: Tablet, clinic: Node, cast: Cast) -> None:
    tablet.leave("/register/")
    assert tablet.enter(cast.rosa)["Location"] == "/register/"
    tablet.leave()
    assert tablet.enter(cast.rosa)["Location"] == "/"


def test_with_the_password_as_well(tablet: Tablet, clinic: Node, cast: Cast) -> None:
    tablet.leave("/register/")
    assert tablet.log_in("rosa")["Location"] == "/register/"


def test_somebody_else_does_not(tablet: Tablet, clinic: Node, cast: Cast) -> None:
    other = tablet.client
    tablet.leave("/register/")
    assert tablet.log_in("ana")["Location"] == "/"
    assert "shift_back_to" not in other.session


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere(tablet: Tablet, cast: Cast, address: str) -> None:
    tablet.leave(address)
    assert tablet.enter(cast.rosa)["Location"] == "/"


def test_polls_and_feeds_are_no_touch(tablet: Tablet, clinic: Node) -> None:
    for minute in range(1, 18):
        later(clinic, minutes=minute)
        for address in ("/sync/badge/", "/sync/progress/"):
            tablet.get(address, headers={"HX-Request": "true"})
        tablet.get("/tablet/ping/")
        tablet.get("/queue/", headers={"HX-Request": "true"})
    assert tablet.get("/sync/badge/", headers={"HX-Request": "true"}).status_code == 401
    assert tablet.get("/find/").status_code == 302


def test_the_pages_word_and_a_save_are_touches(tablet: Tablet, clinic: Node) -> None:
    later(clinic, minutes=12)
    assert tablet.post("/switch/touched/").status_code == 204
    later(clinic, minutes=24)
    tablet.post("/tablet/drafts/")
    later(clinic, minutes=36)
    assert tablet.who() == "rosa"
    assert Tablet().post("/switch/touched/").status_code == 401


def test_a_restart_forgets_no_touch(tablet: Tablet, clinic: Node) -> None:
    later(clinic, minutes=10)
    tablet.who()
    watch.forget()
    later(clinic, minutes=20)
    assert tablet.who() == "rosa"
    watch.forget()
    later(clinic, minutes=40)
    assert tablet.who() == ""


def test_a_touch_is_written_once_a_minute_and_prolongs_no_session(tablet: Tablet, clinic: Node) -> None:
    tablet.get("/me/")  # what the first page brings to the session
    ends = Session.objects.latest("expire_date").expire_date
    seen = []
    for seconds in (5, 30, 50, 70, 100):
        later(clinic, seconds=seconds)
        answer = tablet.get("/me/")
        assert "posta_session" not in str(answer.cookies)
        seen.append(UserSession.objects.latest("last_seen_at").last_seen_at)
    assert len(set(seen)) == 2
    assert Session.objects.latest("expire_date").expire_date == ends


def test_how_long_is_a_setting(tablet: Tablet, clinic: Node, settings: Settings) -> None:
    settings.POSTA_IDLE_MINUTES = 2
    later(clinic, minutes=4)
    assert tablet.who() == ""


def test_the_lock_keeps_the_shift_and_ends_the_pass_of_the_page(
    tablet: Tablet, clinic: Node, cast: Cast
) -> None:
    from clinic.tablet.models import AuthorPass

    tablet.get("/me/")
    later(clinic, minutes=30)
    tablet.get("/find/")
    assert AuthorPass.objects.get().ended_at is not None
    assert tablet.enter(cast.rosa, PIN)["Location"] == "/find/"


def test_a_lock_without_wifi_keeps_the_shift_and_a_log_out_does_not(tablet: Tablet, cast: Cast) -> None:
    tablet.post("/tablet/leave/", {"why": "idle"})
    assert tablet.who() == ""
    assert tablet.enter(cast.rosa)["Location"] == "/"
    tablet.post("/tablet/leave/", {"why": "logout"})
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")
