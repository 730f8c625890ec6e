"""Rules while somebody types, on a tablet: what is typed stays, and so does the place.

Not here: what rules want (`tests/clinic/programs/test_rules.py`).
"""

from __future__ import annotations

import os

from playwright.sync_api import Page, expect

from registry.staff.policy import Role
from tests.browser.conftest import Hand
from tests.browser.steps import (
    a_name,
    open_stage,
    register,
    save,
    start_visit,
    walked,
)

pytestmark = walked


def test_rules_answer_while_a_nurse_types(tablet: Hand, central_off: None) -> None:
    name = a_name()
    desk = tablet(Role.REGISTRAR)
    register(desk, name)
    start_visit(desk)
    page = tablet(Role.TRIAGE)
    page.get_by_role("button", name=f"Take {name}").click()
    open_stage(page, "Triage")

    page.get_by_label("Temperature").fill("39.6")
    page.get_by_label("Pulse").focus()
    page.keyboard.type("9")
    expect(page.get_by_text("High fever: the patient is seen first.")).to_be_visible()
    page.keyboard.type("8")
    expect(page.get_by_label("Pulse")).to_have_value("98")
    expect(page.get_by_label("Temperature")).to_have_value("39.6")

    pregnant, period = (
        page.get_by_role("group", name="Pregnancy"),
        page.get_by_label("First day of the last period"),
    )
    expect(period).to_be_hidden()
    pregnant.get_by_label("Pregnant", exact=True).check()
    expect(period).to_be_visible()
    expect(pregnant.get_by_label("Pregnant", exact=True)).to_be_focused()
    period.fill("2025-01-31")
    pregnant.get_by_label("Not pregnant").check()
    expect(period).to_be_hidden()
    panel = page.locator("#rule-panel")
    expect(panel).to_contain_text("These answers do not apply now.")
    shot(page, "rules-taken-away")
    pregnant.get_by_label("Pregnant", exact=True).check()
    expect(period).to_have_value("2025-01-31")
    expect(panel).not_to_contain_text("These answers do not apply now.")

    page.get_by_label("Blood pressure, upper").fill("80")
    page.get_by_label("Blood pressure, lower").fill("90")
    page.get_by_label("Weight").fill("61")
    expect(page.get_by_text("The upper value must be more than the lower one.")).to_be_visible()
    shot(page, "rules")
    save(page)
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_label("Blood pressure, upper").fill("120")
    save(page)
    expect(page.get_by_text("Saved on the clinic laptop.")).to_be_visible()


def shot(page: Page, name: str) -> None:
    """Kept where somebody wants to look (`POSTA_SHOTS`)."""
    if where := os.environ.get("POSTA_SHOTS"):
        page.screenshot(path=f"{where}/{name}.png", full_page=True)
