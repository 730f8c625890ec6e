"""The second step of a log-in: who must have it, how it is set up, and that codes are not guessed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from pytest_django import Settings

from registry.staff.models import Account
from registry.staff.second_factor import must_have
from sync.models import SecurityEvent
from sync.node import Node
from sync.vault.keys import pepper
from tests.registry.conftest import PASSWORD, Cast
from tests.registry.staff.at_the_tablet import Tablet

Code = Callable[[str], str]


@pytest.fixture
def central(cast: Cast, node: Node, settings: Settings) -> Node:
    """Olga of the programme office logs in at central, where two steps are required."""
    settings.POSTA_SECOND_FACTOR = "required"
    node.role = "central"
    return node


@pytest.fixture
def moment() -> Callable[[int], int]:
    """The window of an app's code, so many windows from now."""
    return lambda windows: int(time.time()) // 30 + windows


def code_of(secret: str, window: int) -> str:
    return str(format_hotp_value(hotp_value(secret, window)))


def set_up(tablet: Tablet, window: int) -> str:
    page = tablet.get("/account/2fa/totp/activate/")
    secret: str = page.context["form"].secret
    answer = tablet.post("/account/2fa/totp/activate/", {"code": code_of(secret, window)})
    assert answer.status_code == 302, answer.content.decode()
    return secret


def test_whoever_must_have_it_is_led_there_and_nowhere_else(
    central: Node, moment: Callable[[int], int]
) -> None:
    tablet = Tablet()
    assert tablet.log_in("olga")["Location"] == "/account/2fa/totp/activate/"
    assert tablet.get("/")["Location"] == "/account/2fa/totp/activate/"
    assert tablet.get("/central/nodes/")["Location"] == "/account/2fa/totp/activate/"
    assert tablet.get("/find/", headers={"HX-Request": "true"}).status_code == 403
    page = tablet.get("/account/2fa/totp/activate/").content.decode()
    assert "data:image/svg+xml;base64," in page
    set_up(tablet, moment(0))
    assert tablet.get("/").status_code == 200
    codes = tablet.get("/account/2fa/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10


def test_from_then_on_the_password_alone_opens_nothing(central: Node, moment: Callable[[int], int]) -> None:
    tablet = Tablet()
    tablet.log_in("olga")
    secret = set_up(tablet, moment(0))
    recovery = tablet.get("/account/2fa/recovery-codes/").context["unused_codes"][0]
    elsewhere = Tablet()
    assert elsewhere.log_in("olga")["Location"] == "/account/2fa/authenticate/"
    assert elsewhere.who() == ""
    assert "Type the code" in elsewhere.get("/account/2fa/authenticate/").content.decode()
    elsewhere.post("/account/2fa/authenticate/", {"code": code_of(secret, moment(1))})
    assert elsewhere.who() == "olga"
    without = Tablet()
    without.log_in("olga")
    without.post("/account/2fa/authenticate/", {"code": recovery})
    assert without.who() == "olga"


def test_a_code_is_not_guessed(central: Node, moment: Callable[[int], int]) -> None:
    tablet = Tablet()
    tablet.log_in("olga")
    secret = set_up(tablet, moment(0))
    elsewhere = Tablet()
    elsewhere.log_in("olga")
    wrong = f"{(int(code_of(secret, moment(1))) + 500_000) % 1_000_000:06d}"
    said = [elsewhere.post("/account/2fa/authenticate/", {"code": wrong}).content.decode() for _ in range(6)]
    assert "Too many wrong guesses" not in said[4]
    assert "Too many wrong guesses" in said[5]
    right = elsewhere.post("/account/2fa/authenticate/", {"code": code_of(secret, moment(1))})
    assert "Too many wrong guesses" in right.content.decode()
    assert elsewhere.who() == ""


def test_it_cannot_be_left_by_whoever_must_have_it(
    central: Node, moment: Callable[[int], int], settings: Settings
) -> None:
    tablet = Tablet()
    tablet.log_in("olga")
    set_up(tablet, moment(0))
    assert "Your role needs two steps." in tablet.get("/account/2fa/totp/deactivate/").content.decode()
    tablet.post("/account/2fa/totp/deactivate/")
    assert Authenticator.objects.filter(type="totp").exists()
    settings.POSTA_SECOND_FACTOR = "offered"
    tablet.post("/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()


def test_the_secret_is_not_readable_in_the_database(central: Node, moment: Callable[[int], int]) -> None:
    tablet = Tablet()
    tablet.log_in("olga")
    secret = set_up(tablet, moment(0))
    rows = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in rows
    assert pepper().hex() not in rows


def test_a_lost_telephone(central: Node, moment: Callable[[int], int], cast: Cast) -> None:
    from registry.staff.services import add_staff
    from tests.registry.conftest import THE_NODE

    add_staff(by=THE_NODE, username="otto", grants=[("central-admin", None)], password=PASSWORD)
    lost, helper = Tablet(), Tablet()
    lost.log_in("olga")
    set_up(lost, moment(0))
    helper.log_in("otto")
    set_up(helper, moment(0))
    helper.post(f"/team/{cast.olga.pk}/second-step/")
    assert SecurityEvent.objects.filter(code="second-step-forgotten").exists()
    assert lost.who() == ""
    again = Tablet()
    assert again.log_in("olga")["Location"] == "/account/2fa/totp/activate/"


@pytest.mark.parametrize(
    ("role", "name", "must"),
    [
        ("central", "olga", True),
        ("clinic", "olga", False),
        ("central", "ana", False),
        ("clinic", "rosa", False),
    ],
)
def test_who_must_have_it(central: Node, role: str, name: str, must: bool) -> None:
    central.role = role  # type: ignore[assignment]
    assert must_have(Account.objects.get(username=name)) is must


def test_where_it_is_offered_nobody_is_led_there(central: Node, settings: Settings) -> None:
    settings.POSTA_SECOND_FACTOR = "offered"
    tablet = Tablet()
    assert tablet.log_in("olga")["Location"] == "/"
    assert "Set it up" in tablet.get("/account/2fa/").content.decode()
