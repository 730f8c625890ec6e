"""A tablet goes from hand to hand: a tap and a PIN, a screen that locks itself, nothing of who was before.

Not here: how long a shift and a PIN hold (`tests/registry/staff/test_shifts.py`).
"""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

from deploy.demo.programme import colleague
from registry.staff.policy import Role
from tests.browser.conftest import Hand, log_in
from tests.browser.steps import (
    a_name,
    register,
    walked,
)
from tests.browser.test_lost_wifi import Take, open_triage, patient, ready, take, visit

__all__ = ["patient", "take", "visit"]
pytestmark = walked

PINS: Final = {Role.TRIAGE: "408213", Role.REGISTRAR: "775031"}
QUARTER: Final = "16:00"
TYPED: Final = "Tepetlixpa"


def menu(page: Page) -> None:
    page.locator("#menu summary").click()


def choose_pin(page: Page, pin: str) -> None:
    menu(page)
    page.locator("#menu").get_by_role("link", name="Choose a shift PIN").click()
    page.get_by_label("Shift PIN").fill(pin)
    page.get_by_label("The same again").fill(pin)
    page.get_by_role("button", name="Keep this PIN").click()
    expect(page.get_by_text("Your shift PIN holds on this tablet")).to_be_visible()


def leave(page: Page) -> None:
    menu(page)
    page.get_by_role("button", name="Switch person").click()
    expect(page.get_by_role("heading", name="Who is here?")).to_be_visible()


def enter(page: Page, role: Role) -> None:
    """One tap, six digits."""
    page.get_by_role("link", name=re.compile(colleague(role).full_name)).click()
    for digit in PINS[role]:
        page.locator("[data-pad]").get_by_role("button", name=digit, exact=True).click()
    expect(page.locator(".menu__person")).to_have_text(colleague(role).full_name)


def shared(page: Page) -> None:
    """The triage nurse and the registrar have begun their shifts on this tablet."""
    for role, pin in PINS.items():
        log_in(page, role)
        choose_pin(page, pin)
        leave(page)
        if role is Role.TRIAGE:
            page.get_by_role("link", name="Someone else").click()
            page.goto(f"/account/login/?who={colleague(Role.REGISTRAR).username}")


def test_thirty_switches_leave_nothing_of_whoever_was_before(tablet: Hand, central_off: None) -> None:
    """H5: a tap and six digits; going back never shows the page of the one before, and the actor is right."""
    page = tablet()
    shared(page)
    made = []
    for turn in range(30):
        role = (Role.TRIAGE, Role.REGISTRAR)[turn % 2]
        other = colleague((Role.REGISTRAR, Role.TRIAGE)[turn % 2]).full_name
        enter(page, role)
        if turn in (0, 29):
            page.goto("/")
            made.append((register(page, a_name()), page.url, role))
        else:
            page.goto("/me/")
        expect(page.get_by_text(other)).to_have_count(0)
        leave(page)
        page.go_back()
        page.wait_for_load_state()
        expect(page.locator(".menu__person")).not_to_contain_text(colleague(role).full_name)
        assert colleague(role).username not in page.locator("main").inner_text().split()
        page.goto("/switch/")
    enter(page, Role.REGISTRAR)
    for _number, address, role in made:
        page.goto(f"{address.partition('?')[0]}history/")
        expect(page.get_by_role("main")).to_contain_text(colleague(role).full_name)


def test_the_keyboard_enters_a_pin(tablet: Hand, central_off: None) -> None:
    page = tablet()
    shared(page)
    page.get_by_role("link", name=re.compile(colleague(Role.TRIAGE).full_name)).press("Enter")
    page.get_by_label("Shift PIN").press_sequentially(PINS[Role.TRIAGE])
    expect(page.locator(".menu__person")).to_have_text(colleague(Role.TRIAGE).full_name)


def test_a_screen_that_nobody_touches_locks_and_the_form_waits(tablet: Hand, visit: str) -> None:
    page = tablet()
    shared(page)
    enter(page, Role.TRIAGE)
    page.clock.install()
    open_triage(page, visit)
    form = page.url
    with page.expect_response(re.compile("/tablet/drafts/")):
        page.get_by_label("Main complaint").fill(TYPED)
        page.clock.run_for(3_500)  # no further: what waits for the laptop gives up by this clock too
    page.clock.fast_forward(QUARTER)
    expect(page.get_by_role("heading", name="Who is here?")).to_be_visible()
    assert TYPED not in page.content()
    page.go_back()
    page.wait_for_load_state()
    assert TYPED not in page.content()
    expect(page.get_by_role("heading", name="Triage")).to_have_count(0)
    page.goto("/switch/")
    enter(page, Role.TRIAGE)
    assert page.url == form
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Main complaint")).to_have_value(TYPED)


def test_without_wifi_the_screen_locks_by_its_own_clock(take: Take, visit: str) -> None:
    """H14: the page hides itself, nothing can be read, and the next page is that of whoever comes."""
    own = take()
    page = own.start()
    page.goto("/")
    log_in(page, Role.TRIAGE)
    choose_pin(page, PINS[Role.TRIAGE])
    ready(page)
    page.clock.install()
    open_triage(page, visit)
    page.get_by_label("Main complaint").fill(TYPED)
    own.wifi.lose()
    page.clock.fast_forward(QUARTER)
    page.clock.run_for(12_000)
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    assert TYPED not in page.content()
    page.go_back()
    assert TYPED not in page.content()
    own.wifi.find()
    page.clock.run_for(30_000)
    expect(page.get_by_role("heading", name="Who is here?")).to_be_visible()
    enter(page, Role.TRIAGE)
