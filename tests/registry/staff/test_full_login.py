"""What a shift PIN does not open: the password is asked for in place, and the page opens afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from registry.staff.full_login import CLOSED_PAGES, OPEN_PAGES, is_open_by_pin, needs_full_login
from registry.staff.models import Account, SignIn
from registry.staff.sessions import issue_token
from sync.node import Node
from tests.registry.conftest import PASSWORD, Cast
from tests.registry.staff.at_the_tablet import Tablet, later


@pytest.fixture
def tablet(clinic: Node, cast: Cast) -> Tablet:
    """Ana, who is a provider, has come in by PIN."""
    tablet = Tablet()
    tablet.log_in("ana")
    tablet.choose_pin()
    tablet.leave()
    tablet.enter(cast.ana)
    return tablet


@pytest.mark.parametrize(
    "address",
    [
        "/review/conflicts/1/",
        "/review/quarantine/1/",
        "/reports/register.csv",
        "/me/pin/",
        "/account/sessions/",
        "/account/password/change/",
        "/account/2fa/",
    ],
)
def test_the_password_first(tablet: Tablet, address: str) -> None:
    asked = tablet.get(address)
    assert asked.status_code == 302
    assert asked["Location"].startswith("/me/password/?next=")


@pytest.mark.parametrize(
    "address", ["/find/", "/queue/", "/register/", "/reports/", "/review/", "/me/", "/sync/"]
)
def test_the_days_work_needs_no_more(tablet: Tablet, address: str) -> None:
    assert tablet.get(address).status_code == 200


def test_then_the_page_opens(tablet: Tablet, cast: Cast) -> None:
    asked = tablet.get("/reports/register.csv")
    assert "A shift PIN does not open this page." in tablet.get(asked["Location"]).content.decode()
    wrong = tablet.post(asked["Location"], {"password": "something else"})
    assert (wrong.status_code, "This is not your password." in wrong.content.decode()) == (400, True)
    before = SignIn.objects.count()
    right = tablet.post(asked["Location"], {"password": PASSWORD})
    assert (right.status_code, right["Location"]) == (302, "/reports/register.csv")
    assert tablet.get(right["Location"]).status_code == 200
    assert SignIn.objects.count() == before + 1
    tablet.leave()
    tablet.enter(cast.ana)
    assert tablet.get("/reports/register.csv").status_code == 302


def test_a_decision_that_is_sent_goes_nowhere_either(tablet: Tablet) -> None:
    page = "https://testserver/review/"
    sent = tablet.post("/review/quarantine/1/release/", headers={"referer": page})
    assert sent["Location"] == "/me/password/?next=https%3A%2F%2Ftestserver%2Freview%2F"
    foreign = tablet.post("/review/quarantine/1/release/", headers={"referer": "https://elsewhere.example/"})
    assert foreign["Location"] == "/me/password/?next=%2F"


def test_a_fragment_leads_the_whole_page_there(tablet: Tablet) -> None:
    answer = tablet.get("/review/conflicts/1/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (403, "/me/password/?next=%2F")


def test_nothing_of_the_api_opens_to_a_pin(tablet: Tablet) -> None:
    for answer in (tablet.get("/api/v1/reports/register/"), tablet.post("/api/v1/conflicts/1/resolve/")):
        assert (answer.status_code, answer.json()["code"]) == (403, "full-login-needed")
        assert answer["Content-Type"] == "application/problem+json"


def test_a_pin_and_any_word_at_all_are_no_token(tablet: Tablet, cast: Cast) -> None:
    """A header that names nobody does not bring the log-in behind the cookie back."""
    for word in ("x", "Basic x", "Bearer", "Bearer x", ""):
        said = {"headers": {"Authorization": word}}
        for answer in (
            tablet.get("/api/v1/patients/?q=jo", **said),
            tablet.get("/api/v1/board/live/", **said),
            tablet.post("/api/v1/patients/", {}, content_type="application/json", **said),
        ):
            assert (word, answer.status_code) == (word, 401)
    token = issue_token(Account.objects.get(staff_id=cast.rosa.pk))
    rosas = tablet.get("/api/v1/reports/register/", headers={"Authorization": f"Bearer {token}"})
    assert rosas.status_code == 403  # a registrar reads no reports, whoever's cookie lies beside it
    assert rosas.json()["code"] == "not-allowed"


def test_guessing_the_password_there_is_as_slow_as_anywhere(tablet: Tablet, clinic: Node) -> None:
    said = [
        tablet.post("/me/password/?next=/", {"password": f"wrong {n}"}).content.decode() for n in range(7)
    ]
    assert "Too many wrong guesses" in said[-1]
    assert (
        "Too many wrong guesses"
        in tablet.post("/me/password/?next=/", {"password": PASSWORD}).content.decode()
    )
    later(clinic, minutes=5)
    assert tablet.post("/me/password/?next=/", {"password": PASSWORD}).status_code == 302


def test_nobody_is_led_elsewhere(tablet: Tablet) -> None:
    answer = tablet.post("/me/password/?next=//elsewhere.example/", {"password": PASSWORD})
    assert answer["Location"] == "/"


def test_a_view_may_ask_for_more() -> None:
    def view(request: object) -> None:
        """A page of the daily work."""

    view.__module__ = "clinic.visits.views"
    assert is_open_by_pin("anything", view)
    assert not is_open_by_pin("anything", needs_full_login(view))


def addresses(found: list[Any] | None = None) -> Iterator[tuple[str | None, Callable[..., Any], str]]:
    """Every address of the app: its name, its view, its pattern."""
    for one in get_resolver().url_patterns if found is None else found:
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns)
        elif isinstance(one, URLPattern):
            yield one.name, one.callback, str(one.pattern)


def test_what_is_named_exists() -> None:
    names = {name for name, _view, _pattern in addresses()}
    assert names >= OPEN_PAGES
    assert names >= CLOSED_PAGES


def test_a_page_that_nobody_thought_about_is_closed() -> None:
    """Whatever administers, decides, exports or enrols is not among what a PIN opens."""
    opened = {name for name, view, _pattern in addresses() if name and is_open_by_pin(name, view)}
    words = "central change_password conflict export mfa office reject release revoke session tablets team"
    assert not {name for name in opened if any(word in name for word in words.split())}
