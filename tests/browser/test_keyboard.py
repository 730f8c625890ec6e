"""A patient is found, registered, measured and sent on by somebody who touches neither screen nor mouse.

Lives here: the walk with the keyboard alone, and what the keyboard needs on every page: a way past the
frame, a focus that is seen, a menu that gives it back, no trap. Not here: the same walk with fingers
(`test_walk.py`), what axe finds (`tests/deploy/test_axe.py`).
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from deploy.demo.programme import colleague
from registry.staff.policy import Role
from tests.browser.conftest import LAPTOP, Hand
from tests.browser.steps import (
    a_name,
    walked,
)

pytestmark = walked

MOST_TABS: Final = 120
# A tick or a choice shows its focus on the card around it.
IS_SEEN: Final = """async () => {
  await Promise.all(document.getAnimations().map(one => one.finished));
  const at = document.activeElement, shown = at.closest('.choice') ?? at;
  const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
  const ringed = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none';
  const x = Math.min(Math.max(box.x + box.width / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(box.y + box.height / 2, 0), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  const free = top && (shown.contains(top) || top.contains(shown));
  return ringed && free ? '' : `${ringed ? 'covered' : 'no ring'}: ${at.outerHTML.slice(0, 120)}`;
}"""
WHERE: Final = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return '';
  window.stops ??= 0;
  at.dataset.stop ??= String(window.stops += 1);
  return at.dataset.stop;
}"""


def is_here(wanted: Locator) -> bool:
    return bool(wanted.count()) and bool(wanted.first.evaluate("at => at === document.activeElement"))


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until the focus is there. Every stop on the way must be seen."""
    wanted.first.wait_for()
    for _ in range(MOST_TABS):
        if is_here(wanted):
            return
        page.keyboard.press("Tab")
        if page.evaluate(WHERE):
            assert page.evaluate(IS_SEEN) == ""
    raise AssertionError(f"the tab key never comes to {wanted}")


def press(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def tick(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Space")
    expect(wanted).to_be_checked()


def write(page: Page, wanted: Locator, text: str) -> None:
    tab_to(page, wanted)
    page.keyboard.type(text)


def log_in_by_keyboard(page: Page, role: Role) -> None:
    """The tiles are one stop; the arrow keys choose among them."""
    who = colleague(role)
    tile = page.get_by_role("radio", name=who.full_name)
    tab_to(page, page.get_by_role("radio").first)
    page.keyboard.press("Space")
    for _ in range(page.get_by_role("radio").count()):
        if tile.is_checked():
            break
        page.keyboard.press("ArrowDown")
    write(page, page.get_by_label("Password"), who.password)
    page.keyboard.press("Enter")
    page.get_by_text(who.full_name).first.wait_for()


def test_a_patient_is_registered_measured_and_sent_on_by_keyboard(tablet: Hand, central_off: None) -> None:
    desk, name = tablet(size=LAPTOP), a_name()
    log_in_by_keyboard(desk, Role.REGISTRAR)
    press(desk, desk.get_by_role("link", name="Find", exact=True))
    write(desk, desk.get_by_label("Name, phone, number or card"), name)
    press(desk, desk.get_by_role("link", name="Register a new patient"))
    tick(desk, desk.get_by_label("Female"))
    write(desk, desk.get_by_label("Age", exact=True), "31")
    press(desk, desk.get_by_role("button", name="Register", exact=True))
    expect(desk.get_by_text(re.compile("^Registered: "))).to_be_visible()
    press(desk, desk.get_by_role("button", name="General OPD"))
    expect(desk.get_by_text("The visit has begun.")).to_be_visible()

    triage = tablet(size=LAPTOP)
    log_in_by_keyboard(triage, Role.TRIAGE)
    press(triage, triage.get_by_role("button", name=f"Take {name}"))
    press(triage, triage.get_by_role("link", name=re.compile("^Triage")))
    write(triage, triage.get_by_label("Main complaint"), "Tos desde ayer")
    tick(triage, triage.get_by_label("Hard to breathe"))
    write(triage, triage.get_by_label("Temperature"), "38,4")
    press(triage, triage.get_by_role("button", name="Save", exact=True))
    expect(triage.get_by_text("Saved on the clinic laptop.")).to_be_visible()
    press(triage, triage.get_by_role("button", name="Send to Consultation"))
    expect(triage.get_by_role("heading", name="Triage")).to_be_visible()


def test_the_first_tab_leads_past_the_frame(tablet: Hand, central_off: None) -> None:
    page = tablet(Role.TRIAGE)
    page.goto("/register/")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    assert page.evaluate(IS_SEEN) == ""
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('main').contains(document.activeElement)")


def test_the_menu_opens_closes_and_gives_the_focus_back(tablet: Hand, central_off: None) -> None:
    page = tablet(Role.TRIAGE)
    opener = page.locator(".menu__open")
    press(page, opener)
    tab_to(page, page.get_by_role("link", name="Help with this page"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Help with this page")).to_be_hidden()
    expect(opener).to_be_focused()


@pytest.mark.parametrize("address", ["/find/", "/register/", "/queue/", "/board/", "/me/", "/guide/triage/"])
def test_nothing_keeps_the_focus_to_itself(tablet: Hand, central_off: None, address: str) -> None:
    page = tablet(Role.COORDINATOR)
    page.goto(address)
    page.evaluate("() => document.activeElement.blur()")
    stops: list[str] = []
    for _ in range(MOST_TABS * 2):
        page.keyboard.press("Tab")
        stop = page.evaluate(WHERE)
        if not stop:
            continue  # the browser's own bar
        if stop in stops:
            break
        assert page.evaluate(IS_SEEN) == ""
        stops.append(stop)
    assert len(stops) > 5
    assert stop == stops[0], "the focus goes round within the page"
