"""Rules that show and hide a question while somebody types in it: the place and the words stay.

Not here: what rules want (`tests/clinic/programs/test_rules.py`), the walk on real servers
(`tests/browser/test_rules.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clinic.visits.models import Visit
from tests.chromium import start_chromium
from tests.clinic.visits.day import Day
from tests.registry.people.tablets import HOST, tablet_of

pytestmark = pytest.mark.once
SWAP = """html => new Promise((done) => {
    window.htmx.swap(document.body, html, {swapStyle: "none", settleDelay: 20}, {afterSettleCallback: done});
})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield start_chromium(playwright)


@pytest.fixture
def triage(chromium: Browser, day: Day, visit: Visit) -> Iterator[Page]:
    with tablet_of(chromium, day.browser()) as page:
        page.route("**/stages/**?live", lambda route: route.fulfill(status=204))  # this test answers
        page.goto(f"{HOST}/visits/{visit.pk}/")
        page.get_by_role("link", name="Triage").first.click()
        yield page


def shown(page: Page) -> str:
    """The box of the question as the laptop would send it."""
    html: str = page.locator("#box-id_complaint").evaluate("box => box.outerHTML")
    return html.replace("<div ", '<div hx-swap-oob="true" ', 1)


HIDDEN = '<div class="field" id="box-id_complaint" data-settled hidden hx-swap-oob="true"></div>'


def begin(page: Page) -> str:
    html = shown(page)
    page.get_by_label("Main complaint").focus()
    page.keyboard.type("cou")
    return html


def test_a_question_that_is_sent_again_keeps_the_place_and_the_words(triage: Page) -> None:
    html = begin(triage)
    triage.evaluate(SWAP, html)
    triage.keyboard.type("gh")
    expect(triage.get_by_label("Main complaint")).to_have_value("cough")


def test_a_question_that_goes_and_comes_back_is_gone_on_with(triage: Page) -> None:
    html = begin(triage)
    triage.evaluate(SWAP, HIDDEN)
    expect(triage.get_by_label("Main complaint")).to_have_count(0)
    triage.evaluate(SWAP, html)
    triage.keyboard.type("gh")
    expect(triage.get_by_label("Main complaint")).to_have_value("cough")


def test_whoever_has_gone_on_is_left_alone(triage: Page) -> None:
    html = begin(triage)
    triage.evaluate(SWAP, HIDDEN)
    triage.get_by_label("Pulse").focus()
    triage.evaluate(SWAP, html)
    triage.keyboard.type("80")
    expect(triage.get_by_label("Pulse")).to_have_value("80")
    expect(triage.get_by_label("Main complaint")).to_have_value("")
