"""Changing shift: a tap and six digits, on the tablet where the password was typed, until the shift is over.

Not here: what a PIN does not open (`test_full_login.py`), the screen that locks itself (`test_idle.py`).
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from registry.people.models import Patient
from registry.staff import devices
from registry.staff.models import Account, Shift, SignIn
from registry.staff.pins import TRIES, check_pin, is_trivial
from registry.staff.services import install_roster
from registry.staff.shifts import COOKIE, end_sessions_of, end_shifts
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas
from sync.ledger.selectors import history_of
from sync.node import Node
from tests.registry.conftest import PASSWORD, TODAY, Cast, give_numbers
from tests.registry.people.test_pages import EVA, fields_of
from tests.registry.staff.at_the_tablet import PIN, Tablet, later


@pytest.fixture
def tablet(clinic: Node, cast: Cast) -> Tablet:
    """Rosa and Ana have logged in with their passwords, chosen PINs and put it down."""
    tablet = Tablet()
    for name, pin in (("rosa", PIN), ("ana", "775031")):
        tablet.log_in(name)
        tablet.choose_pin(pin)
        tablet.leave()
    return tablet


def test_a_tap_and_six_digits(tablet: Tablet, cast: Cast) -> None:
    page = tablet.get("/switch/")
    assert [one["username"] for one in page.context["here"]] == ["ana", "rosa"]
    assert tablet.get(f"/switch/{cast.rosa.pk}/").status_code == 200
    answer = tablet.enter(cast.rosa)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert tablet.who() == "rosa"
    tablet.leave()
    assert tablet.who() == ""
    tablet.enter(cast.ana, "775031")
    assert tablet.who() == "ana"


def test_thirty_switches_and_every_record_names_whoever_typed_it(
    tablet: Tablet, cast: Cast, clinic: Node
) -> None:
    """H5: the author of every record is whoever entered the PIN; nobody sees the page of the one before."""
    give_numbers(clinic, 40)
    for turn in range(30):
        member, pin = ((cast.rosa, PIN), (cast.ana, "775031"))[turn % 2]
        tablet.enter(member, pin)
        form = fields_of(tablet.get("/register/")) | EVA | {"given_name": f"Eva {turn}", "is_new": "yes"}
        assert tablet.post("/register/", form).status_code == 302
        page = tablet.get("/me/").content.decode()
        assert str(member) in page
        assert str(cast.ana if member == cast.rosa else cast.rosa) not in page
        tablet.leave()
        assert tablet.get("/me/").status_code == 302
    assert Patient.objects.count() == 30
    for patient in Patient.objects.all():
        number = int(patient.given_name.removeprefix("Eva "))
        who = {entry.author for entry in history_of(patient)}
        assert who == {(cast.rosa, cast.ana)[number % 2].pk}


def test_the_page_says_who_has_a_pin_here_and_who_needs_the_password(tablet: Tablet, cast: Cast) -> None:
    elsewhere = Tablet().get("/switch/")
    assert elsewhere.context["here"] == []
    assert {one["username"] for one in elsewhere.context["others"]} == {"rosa", "ana"}
    tablet.log_in("ana")
    tablet.post("/account/logout/")
    page = tablet.get("/switch/")
    assert [one["username"] for one in page.context["here"]] == ["rosa"]
    assert [one["pin"] for one in page.context["others"]] == [False]


def test_a_pin_is_worth_nothing_on_another_tablet(tablet: Tablet, cast: Cast) -> None:
    other = Tablet()
    other.log_in("ana")
    other.leave()
    assert other.enter(cast.rosa)["Location"] == "/account/login/?who=rosa&pin=over"
    assert other.who() == ""
    stolen = Client(headers={"user-agent": "the same"})
    stolen.cookies[devices.COOKIE] = tablet.client.cookies[devices.COOKIE].value  # a label is no proof
    assert Tablet(stolen).enter(cast.rosa)["Location"].startswith("/account/login/")


def test_after_five_wrong_pins_only_the_password_helps(tablet: Tablet, cast: Cast, clinic: Node) -> None:
    said = [tablet.enter(cast.rosa, f"31415{n}") for n in range(TRIES)]
    assert [answer.status_code for answer in said] == [200] * (TRIES - 1) + [302]
    assert "Tries left: 4" in said[0].content.decode()
    assert said[-1]["Location"] == "/account/login/?who=rosa&pin=over"
    assert tablet.enter(cast.rosa)["Location"] == "/account/login/?who=rosa&pin=over"
    assert Shift.objects.get(staff_id=cast.rosa.pk).pin_failures == TRIES  # and no restart forgets it
    tablet.log_in("rosa")
    assert tablet.who() == "rosa"
    tablet.leave()
    # What somebody guessed at is gone; she chooses another.
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")
    assert not bytes(Shift.objects.get(staff_id=cast.rosa.pk).pin_verifier)


def test_a_try_is_counted_before_it_is_looked_at(
    tablet: Tablet, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def look(*_: object) -> bool:
        counted.append(Shift.objects.get(staff_id=cast.rosa.pk).pin_failures)
        return False

    monkeypatch.setattr("registry.staff.pins.check_node_verifier", look)
    tablet.enter(cast.rosa)
    tablet.enter(cast.rosa)
    assert counted == [1, 2]


def test_the_right_pin_starts_counting_anew(tablet: Tablet, cast: Cast) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            tablet.enter(cast.rosa, "999000")
        assert tablet.enter(cast.rosa)["Location"] == "/"
        tablet.leave()


def test_a_pin_ends_with_the_shift(tablet: Tablet, cast: Cast, clinic: Node) -> None:
    later(clinic, hours=11, minutes=59)
    tablet.enter(cast.rosa)
    assert tablet.who() == "rosa"
    later(clinic, hours=12, minutes=1)
    assert tablet.who() == ""
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")


def test_a_clock_that_was_put_back_makes_no_shift_longer(tablet: Tablet, cast: Cast, clinic: Node) -> None:
    tablet.enter(cast.rosa)
    later(clinic, hours=-2)
    assert tablet.who() == ""
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")


def test_logging_out_ends_the_shift_and_switching_does_not(tablet: Tablet, cast: Cast) -> None:
    tablet.enter(cast.rosa)
    tablet.post("/account/logout/")
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")
    tablet.enter(cast.ana, "775031")
    assert tablet.who() == "ana"


def test_a_pin_ends_with_the_password_and_with_the_account(tablet: Tablet, cast: Cast) -> None:
    Account.objects.filter(staff_id=cast.rosa.pk).update(stamp="another")
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")
    Account.objects.filter(staff_id=cast.ana.pk).update(is_active=False)
    assert tablet.enter(cast.ana, "775031")["Location"] == "/switch/"
    install_roster([])
    assert tablet.get("/switch/").context["here"] == []


def test_a_database_that_was_put_back_knows_no_shift(tablet: Tablet, cast: Cast) -> None:
    Replica.objects.filter(is_self=True).update(uuid=uuid4())
    forget_replicas()
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")


def test_others_end_shifts_too(tablet: Tablet, cast: Cast) -> None:
    tablet.enter(cast.rosa)
    assert end_sessions_of(cast.rosa.pk) == 1
    assert tablet.who() == ""
    assert tablet.enter(cast.rosa)["Location"].startswith("/account/login/")
    end_shifts()
    assert tablet.get("/switch/").context["here"] == []


def test_a_shift_goes_on_after_the_next_password(tablet: Tablet, cast: Cast, clinic: Node) -> None:
    later(clinic, hours=8)
    tablet.log_in("rosa")
    tablet.leave()
    later(clinic, hours=19)
    assert tablet.enter(cast.rosa)["Location"] == "/"
    assert Shift.objects.get(staff_id=cast.rosa.pk).ends_at == TODAY + timedelta(hours=20)


def test_what_is_kept_of_a_pin_does_not_tell_it(tablet: Tablet, cast: Cast, clinic: Node) -> None:
    shift = Shift.objects.get(staff_id=cast.rosa.pk)
    assert PIN.encode() not in bytes(shift.pin_verifier) + bytes(shift.pin_salt)
    assert check_pin(cast.rosa.pk, shift.browser, PIN) is not None
    clinic.path("keys", "pepper").write_bytes(bytes(32))  # the database alone is worth nothing
    assert check_pin(cast.rosa.pk, shift.browser, PIN) is None


@pytest.mark.parametrize(
    "pin", ["111111", "123456", "654321", "890123", "121212", "123123", "112233", "147258"]
)
def test_what_a_thief_tries_first_is_no_pin(pin: str) -> None:
    assert is_trivial(pin)


@pytest.mark.parametrize("pin", [PIN, "775031", "100200", "860413"])
def test_other_pins_may_be_chosen(pin: str) -> None:
    assert not is_trivial(pin)


@pytest.mark.parametrize(
    ("pin", "again", "said"),
    [
        ("123456", "123456", "too easy to guess"),
        ("40821", "40821", "six digits"),
        ("40821a", "40821a", "six digits"),
        ("408213", "408214", "not the same"),
    ],
)
def test_a_pin_that_is_not_taken(clinic: Node, cast: Cast, pin: str, again: str, said: str) -> None:
    tablet = Tablet()
    tablet.log_in("rosa")
    page = tablet.post("/me/pin/", {"pin": pin, "again": again})
    assert page.status_code == 400
    assert said in page.content.decode()
    assert not bytes(Shift.objects.get().pin_verifier)


def test_digits_of_another_script_are_the_same_pin(clinic: Node, cast: Cast) -> None:
    tablet = Tablet()
    tablet.log_in("rosa")
    tablet.choose_pin("٤٠٨٢١٣")
    tablet.leave()
    assert tablet.enter(cast.rosa)["Location"] == "/"


def test_central_has_no_pins(cast: Cast, node: Node) -> None:
    node.role = "central"
    tablet = Tablet()
    tablet.log_in("olga")
    assert tablet.choose_pin().status_code == 404
    tablet.leave()
    assert tablet.get("/switch/")["Location"] == "/account/login/"


def test_only_a_full_log_in_is_told_to_central(tablet: Tablet, cast: Cast) -> None:
    before = SignIn.objects.count()
    tablet.enter(cast.rosa)
    assert SignIn.objects.count() == before == 2


def test_the_browser_is_known_by_a_secret_that_no_script_reads(tablet: Tablet) -> None:
    cookie = tablet.client.cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        True,
        True,
        "Strict",
        "/",
    )
    assert len(cookie.value) == 43
    assert cookie.value not in Shift.objects.all()[0].browser


def test_the_log_in_page_leads_to_the_pins(tablet: Tablet) -> None:
    assert tablet.get("/account/login/?next=/")["Location"] == "/switch/"
    asked_for = tablet.get("/account/login/?next=/find/")
    assert "Use a shift PIN" in asked_for.content.decode()
    named = tablet.get("/account/login/?who=rosa")
    assert named.context["form"]["login"].value() == "rosa"
    assert Tablet().get("/account/login/").status_code == 200


def test_nobody_by_that_id(tablet: Tablet) -> None:
    assert tablet.get(f"/switch/{uuid4()}/")["Location"] == "/switch/"


def test_a_password_elsewhere_is_still_needed(clinic: Node, cast: Cast) -> None:
    tablet = Tablet()
    assert tablet.log_in("rosa", PASSWORD + "x").status_code == 200
    assert not Shift.objects.exists()
    assert tablet.get("/me/pin/").status_code == 302
