"""Forms that no tablet keeps, without Wi-Fi: they stay on the screen with what was typed.

Not here: forms that are kept (`tests/browser/test_lost_wifi.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clinic.visits.models import CareStep, Visit
from tests.chromium import start_chromium
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser
from tests.registry.people.tablets import HOST, tablet_of

pytestmark = pytest.mark.once
STAYS = "What you typed stays on this page."


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield start_chromium(playwright)


def test_a_form_waits_for_the_wifi_with_what_was_typed(chromium: Browser, day: Day, visit: Visit) -> None:
    row = day.enrolled(visit.patient)
    with tablet_of(chromium, browser(day.cast.ana)) as page:
        page.goto(f"{HOST}/enrollments/{row.pk}/")
        fill(page)
        page.route("**/tablet/ping/", lambda route: route.abort())
        page.get_by_role("button", name="Mark for follow-up").dblclick()
        expect(page.get_by_text(STAYS)).to_be_visible()
        expect(page.get_by_label("What for")).to_have_value("Ring her")
        assert not CareStep.objects.exists()
        page.unroute("**/tablet/ping/")
        page.get_by_role("button", name="Mark for follow-up").click()
        expect(page.get_by_text("Marked for follow-up.")).to_be_visible()
    assert CareStep.objects.get().reason == "Ring her"


def fill(page: Page) -> None:
    page.get_by_text("Mark for follow-up").first.click()
    page.get_by_label("What for").fill("Ring her")
