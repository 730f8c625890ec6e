"""The Wi-Fi goes in the middle of a form: nothing is lost, nothing is written twice, nothing readable stays.

Tablets here have a disk of their own (a persistent profile) and reach the laptop through a Wi-Fi that a
test takes away. Not here: the seal and what comes out of it (`tests/clinic/tablet/`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.staff.policy import Role
from tests.browser.conftest import PATIENCE_MS, TABLET, Hand, Posta, log_in
from tests.browser.steps import (
    a_name,
    decide,
    open_stage,
    register,
    start_visit,
    tap_save,
    until,
    walked,
)
from tests.browser.wifi import Wifi
from tests.chromium import QUIET, where_chromium_is

pytestmark = walked

SECRET = "Xilotepec"  # a word that must not be found on the tablet's disk
WAITING = re.compile(r"Kept on this tablet – \s*1 waiting")
ITEMS = """() => new Promise((resolve) => { const asked = indexedDB.open("posta", 1);
  asked.onsuccess = () => { const all = asked.result.transaction("waiting").objectStore("waiting").getAll();
    all.onsuccess = () => { asked.result.close(); resolve(all.result); }; }; })"""


@dataclass
class OwnTablet:
    """A tablet with a disk and a Wi-Fi of its own. `restart` is the battery taken out and put back."""

    chromium: Browser
    wifi: Wifi
    disk: Path
    context: BrowserContext | None = None
    wrong: list[str] = field(default_factory=list)

    def start(self) -> Page:
        self.context = self.chromium.browser_type.launch_persistent_context(
            str(self.disk),
            executable_path=where_chromium_is(),
            args=[*QUIET, "--ignore-certificate-errors"],
            base_url=f"https://127.0.0.1:{self.wifi.port}",
            ignore_https_errors=True,
            viewport={"width": TABLET[0], "height": TABLET[1]},
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        self.context.on("console", self._said)
        return self.context.pages[0]

    def _said(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Trusted" in message.text:
            self.wrong.append(message.text)

    def stop(self) -> None:
        if self.context is not None:
            self.context.close()
            self.context = None

    def restart(self) -> Page:
        self.stop()
        return self.start()

    def bytes_on_disk(self) -> bytes:
        """Everything that the browser left, whatever it calls the files."""
        return b"".join(file.read_bytes() for file in sorted(self.disk.rglob("*")) if file.is_file())


Take = Callable[[], OwnTablet]


@pytest.fixture
def take(posta: Posta, chromium: Browser, central_off: None) -> Iterator[Take]:
    taken: list[OwnTablet] = []
    with tempfile.TemporaryDirectory(prefix="posta-tablets-", ignore_cleanup_errors=True) as folder:

        def one() -> OwnTablet:
            wifi = Wifi(posta.clinic.node.port).start()
            taken.append(OwnTablet(chromium, wifi, Path(folder) / f"tablet-{len(taken)}"))
            return taken[-1]

        yield one
        for tablet in taken:
            tablet.stop()
            tablet.wifi.stop()
        assert [wrong for tablet in taken for wrong in tablet.wrong] == []


def ready(page: Page) -> None:
    """The service worker looks after this page."""
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")


@pytest.fixture
def patient() -> str:
    """Somebody new."""
    return a_name()


@pytest.fixture
def visit(tablet: Hand, central_off: None, patient: str) -> str:
    """They are on a visit; the address without the laptop's name."""
    desk = tablet(Role.REGISTRAR)
    register(desk, patient)
    start_visit(desk)
    return desk.evaluate("location.pathname")  # type: ignore[no-any-return]


def open_triage(page: Page, visit: str, role: Role = Role.TRIAGE) -> None:
    page.goto("/")
    if page.get_by_label("Password").count():
        log_in(page, role)
    ready(page)
    page.goto(visit)
    open_stage(page, "Triage")


def written(tablet: Hand, visit: str) -> Page:
    """The visit as a colleague sees it on a tablet with Wi-Fi."""
    page = tablet(Role.PROVIDER)
    page.goto(visit)
    return page


def weights(page: Page, text: str) -> Any:
    return page.get_by_role("region", name="Written today").get_by_text(text)


def test_a_page_that_came_past_the_worker_is_looked_after_too(take: Take, tablet: Hand) -> None:
    page = take().start()
    page.goto("/")
    ready(page)
    page.context.new_cdp_session(page).send("Page.reload", {"ignoreCache": True})
    page.wait_for_load_state()
    ready(page)


def test_a_save_without_wifi_waits_survives_and_goes_out_once(take: Take, tablet: Hand, visit: str) -> None:
    own = take()
    page = own.start()
    open_triage(page, visit)
    page.get_by_label("Main complaint").fill(SECRET)
    page.get_by_label("Weight").fill("61.2")
    own.wifi.lose()
    page.get_by_role("button", name="Save", exact=True).dblclick()
    expect(page.get_by_role("heading", name="Kept on this tablet")).to_be_visible()
    expect(page.get_by_text(WAITING)).to_be_visible()
    page.reload()
    expect(page.get_by_text(WAITING)).to_be_visible()

    items = page.evaluate(ITEMS)
    assert len(items) == 1
    assert set(items[0]) == {"id", "kind", "author", "tablet", "at", "key", "sealed"}
    page = own.restart()  # a session ends with the browser; what waits does not
    page.goto("/")
    expect(page.get_by_role("heading", name="The clinic laptop does not answer")).to_be_visible()
    expect(page.get_by_text(WAITING)).to_be_visible()
    assert weights(written(tablet, visit), "61.2 kg").count() == 0

    own.wifi.find()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    until(lambda: page.evaluate(ITEMS) == [], "everything has gone out")
    seen = written(tablet, visit)
    expect(weights(seen, "61.2 kg")).to_have_count(1)
    expect(seen.get_by_role("region", name="Written today")).to_contain_text("Luis Palacio")
    own.stop()
    assert SECRET.encode() not in own.bytes_on_disk()
    assert SECRET.encode("utf-16-le") not in own.bytes_on_disk()


def test_it_goes_out_under_its_author_whoever_holds_the_tablet(take: Take, tablet: Hand, visit: str) -> None:
    own = take()
    page = own.start()
    open_triage(page, visit)
    page.get_by_label("Weight").fill("58")
    own.wifi.lose()
    tap_save(page)
    expect(page.get_by_text(WAITING)).to_be_visible()
    page = own.restart()
    own.wifi.find()
    page.goto("/account/login/")
    log_in(page, Role.PROVIDER)
    until(lambda: page.evaluate(ITEMS) == [], "everything has gone out")
    page.goto(visit)
    expect(weights(page, "58 kg")).to_have_count(1)
    expect(page.get_by_role("region", name="Written today")).to_contain_text("Luis Palacio")


def test_what_is_being_typed_survives_a_reload_without_wifi(take: Take, tablet: Hand, visit: str) -> None:
    own = take()
    page = own.start()
    open_triage(page, visit)
    own.wifi.lose()
    page.get_by_label("Main complaint").fill(SECRET)
    until(lambda: [item["kind"] for item in page.evaluate(ITEMS)] == ["draft"], "what is typed is kept")
    page.reload()
    expect(page.get_by_role("heading", name="The clinic laptop does not answer")).to_be_visible()
    expect(page.get_by_text("Unfinished forms kept sealed on this tablet: 1")).to_be_visible()
    assert SECRET not in page.content()
    own.wifi.find()
    expect(page.get_by_text("You started this before")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Main complaint")).to_have_value(SECRET)
    tap_save(page)
    expect(page.get_by_text("Saved on the clinic laptop.")).to_be_visible()
    own.stop()
    assert SECRET.encode() not in own.bytes_on_disk()


def test_a_draft_is_offered_on_another_tablet(take: Take, tablet: Hand, visit: str) -> None:
    """A9: on whichever tablet its author takes."""
    own = take()
    page = own.start()
    open_triage(page, visit)
    page.get_by_label("Main complaint").fill("Tos desde ayer")
    with page.expect_response(lambda answer: answer.url.endswith("/tablet/drafts/")) as kept:
        pass
    assert kept.value.status == 204
    own.stop()  # the battery is empty
    other, colleague = tablet(Role.TRIAGE), tablet(Role.PROVIDER)
    colleague.goto(visit)
    open_stage(colleague, "Triage")
    expect(colleague.get_by_text("You started this before")).to_have_count(0)
    other.goto(visit)
    open_stage(other, "Triage")
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_label("Main complaint")).to_have_value("Tos desde ayer")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_text("Saved on the clinic laptop.")).to_be_visible()


def test_a_form_that_became_old_overwrites_nothing(
    take: Take, tablet: Hand, visit: str, patient: str
) -> None:
    first = tablet(Role.TRIAGE)
    first.goto(visit)
    open_stage(first, "Triage")
    first.get_by_label("Weight").fill("70")
    tap_save(first)
    own = take()
    page = own.start()
    page.goto("/")
    log_in(page, Role.TRIAGE)
    ready(page)
    for one in (page, first):
        one.goto(visit)
        open_stage(one, "Triage")
        expect(one.get_by_label("Weight")).to_have_value("70")
    page.get_by_label("Weight").fill("71")
    own.wifi.lose()
    tap_save(page)
    expect(page.get_by_text(WAITING)).to_be_visible()
    first.get_by_label("Weight").fill("72")
    tap_save(first)
    own.wifi.find()
    expect(page.get_by_text("both are kept until somebody decides")).to_be_visible()
    expect(page.get_by_text("It is saved on the clinic laptop.")).to_be_visible()
    decide(tablet(Role.COORDINATOR), patient, ("71 kg", "72 kg"), right="72 kg")


def test_a_save_that_met_the_end_of_the_wifi_on_its_way_is_kept_by_the_worker(
    take: Take, tablet: Hand, visit: str
) -> None:
    own = take()
    page = own.start()
    open_triage(page, visit)
    page.get_by_label("Weight").fill("63")
    page.route("**/tablet/ping/", lambda route: route.fulfill(status=204))  # it was there a moment ago
    own.wifi.lose()
    tap_save(page)
    expect(page.get_by_role("heading", name="Kept on this tablet")).to_be_visible()
    page.unroute("**/tablet/ping/")
    own.wifi.find()
    expect(page.get_by_text("It is saved on the clinic laptop.")).to_be_visible()
    expect(weights(written(tablet, visit), "63 kg")).to_have_count(1)


def test_a_log_out_without_wifi_leaves_nothing_to_read(take: Take, visit: str) -> None:
    """H14: the page is gone at once, going back shows nothing, the log-in ends before the next page."""
    """H14: the page is gone at once, and nothing brings it back."""
    own = take()
    page = own.start()
    open_triage(page, visit)
    page.get_by_label("Main complaint").fill(SECRET)
    own.wifi.lose()
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name=re.compile("You are logged out"))).to_be_visible()
    assert SECRET not in page.content()
    assert page.evaluate("() => [localStorage.length, sessionStorage.length]") == [0, 0]
    own.wifi.find()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto(visit)
    expect(page.get_by_label("Password")).to_be_visible()
    own.stop()
    assert SECRET.encode() not in own.bytes_on_disk()
