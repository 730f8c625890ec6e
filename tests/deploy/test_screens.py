"""Pages in a real browser: nothing sticks out, gloves can touch everything, small scripts keep their word.

Not here: what pages contain (`test_pages.py`). Nothing is served: the browser is handed drawn pages and
static files.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import override_settings
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, Route, expect, sync_playwright
from playwright.sync_api import Page as Tab

from tests.chromium import start_chromium
from tests.deploy.drawing import draw
from tests.deploy.specimens import ARABIC, LATIN, Page, pages

TWICE_THE_TEXT = "--blink-settings=defaultFontSize=32"
HOST = "http://clinic.local"
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect")),
        "img-src 'self' data:",
        "form-action 'self'",
    ]
)
PHONE, TABLET, LAPTOP = (360, 800), (800, 1280), (1280, 800)

TOO_SMALL = """() =>
  [...document.querySelectorAll('a, button, summary, label.choice, select, textarea, input')]
  .filter(e => e.checkVisibility() && !e.closest('.skip'))
  .filter(e => !e.matches('[type=hidden], [type=radio], [type=checkbox]'))
  .filter(e => !(e.closest('.prose') && e.textContent.trim() !== e.parentElement.textContent.trim()))
  .filter(e => { const box = e.getBoundingClientRect(); return box.height < 55.5 || box.width < 55.5 })
  .map(e => e.outerHTML.slice(0, 120))"""
STICKS_OUT = "() => document.documentElement.scrollWidth > innerWidth"
OPEN_ALL = "() => document.querySelectorAll('details').forEach(details => { details.open = true })"

CROWDED = (
    "home login-tiles find-results register-likely patient history queue visit stage-kinds sync-run review "
    "conflict quarantine central-nodes"
).split()

Show = Callable[..., Tab]


@pytest.fixture(scope="module")
def browsers() -> Iterator[dict[bool, Browser]]:
    """A browser, and one whose reader asked for text twice as large."""
    with sync_playwright() as playwright:
        yield {
            large: start_chromium(playwright, *([TWICE_THE_TEXT] if large else [])) for large in (False, True)
        }


@pytest.fixture
def show(browsers: dict[bool, Browser]) -> Iterator[Show]:
    """Opens a drawn page; `answers` are the addresses that the laptop answers besides it."""
    opened: list[BrowserContext] = []
    refused: list[str] = []

    def open_page(
        page: Page,
        size: tuple[int, int] = PHONE,
        *,
        large: bool = False,
        answers: dict[str, tuple[int, str]] | None = None,
    ) -> Tab:
        context = browsers[large].new_context(
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
        )
        opened.append(context)
        html = draw(page)

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(HOST).partition("?")[0]
            if path.startswith("/static/"):
                file = Path(str(finders.find(path.removeprefix("/static/"))))
                route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file)[0])
            elif path in (answers or {}):
                status, body = (answers or {})[path]
                route.fulfill(status=status, body=body, content_type="text/html")
            elif path == "/page/":
                headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY}
                route.fulfill(body=html, headers=headers)
            else:
                route.abort()

        tab = context.new_page()
        tab.clock.install()
        tab.route("**/*", answer)
        tab.on(
            "console",
            lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None,
        )
        tab.goto(f"{HOST}/page/")
        return tab

    with override_settings(ROOT_URLCONF="tests.deploy.addresses"), translation.override("en"):
        yield open_page
    for context in opened:
        context.close()
    assert refused == []


@pytest.mark.parametrize("name", pages())
def test_a_page_fits_every_screen_and_every_finger(show: Show, name: str) -> None:
    tab = show(pages()[name])
    for width, height in (PHONE, TABLET, LAPTOP):
        tab.set_viewport_size({"width": width, "height": height})
        assert not tab.evaluate(STICKS_OUT), width
        assert tab.evaluate(TOO_SMALL) == [], width
    tab.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    tab.evaluate(OPEN_ALL)
    assert not tab.evaluate(STICKS_OUT)
    assert tab.evaluate(TOO_SMALL) == []


@pytest.mark.parametrize("name", CROWDED)
def test_a_page_fits_a_phone_with_text_twice_as_large(show: Show, name: str) -> None:
    tab = show(pages()[name], large=True)
    assert tab.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)") == 36
    tab.evaluate(OPEN_ALL)
    assert not tab.evaluate(STICKS_OUT)


@pytest.mark.parametrize("name", CROWDED)
def test_a_page_fits_when_it_is_turned_round(show: Show, name: str) -> None:
    with translation.override("ar"):
        tab = show(pages(ARABIC)[name])
    assert not tab.evaluate(STICKS_OUT)
    assert tab.evaluate("() => getComputedStyle(document.body).direction") == "rtl"


def test_the_status_line_stays_in_sight(show: Show) -> None:
    tab = show(pages()["patient"])
    tab.mouse.wheel(0, 2000)
    expect(tab.locator("#status-line")).to_be_in_viewport(ratio=1)
    expect(tab.locator("#status-line")).to_contain_text("24 unsent")


def test_a_silent_laptop_is_said_instead_of_an_old_number(show: Show) -> None:
    tab = show(pages()["queue"])
    tab.clock.run_for(5500)
    expect(tab.get_by_text("The clinic laptop does not answer.")).to_be_visible()
    expect(tab.locator("#status-link")).to_be_hidden()


def test_a_poll_that_ends_at_the_log_in_page_leaves_the_page_alone(show: Show) -> None:
    tab = show(
        pages()["queue"], answers={"/sync-status-badge/": (401, ""), "/queue/": (401, "<p>log in</p>")}
    )
    tab.clock.run_for(5500)
    expect(tab.get_by_text("You are logged out.")).to_be_visible()
    expect(tab.locator("#queue")).to_contain_text(LATIN.father)


def test_the_status_line_renews_itself(show: Show) -> None:
    fresh = '<div class="status-line" id="status-line"><a id="status-link" href="/">25 unsent</a></div>'
    tab = show(pages()["problem"], answers={"/sync-status-badge/": (200, fresh)})
    tab.clock.run_for(5500)
    expect(tab.locator("#status-line")).to_have_text("25 unsent")


def test_a_theme_is_worn_at_once_and_remembered(show: Show) -> None:
    tab = show(pages()["home"])
    tab.locator(".menu__open").click()
    tab.get_by_role("button", name="High contrast").click()
    expect(tab.locator("html")).to_have_attribute("data-theme", "contrast")
    expect(tab.get_by_role("button", name="High contrast")).to_have_attribute("aria-pressed", "true")
    assert "posta_theme=contrast" in tab.evaluate("() => document.cookie")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("button", name="High contrast")).to_be_hidden()


def test_a_double_tap_is_one_request(show: Show) -> None:
    tab = show(pages()["patient-new"])
    sent = tab.evaluate("""() => {
        let sent = 0;
        addEventListener('submit', event => {
            if (!event.defaultPrevented) sent += 1;
            event.preventDefault();
        });
        const button = document.querySelector('form[action^="/visit-open/"] button');
        button.click(); button.click(); button.click();
        return sent;
    }""")
    assert sent == 1


def test_one_more_number_is_one_more_row(show: Show) -> None:
    tab = show(pages()["register"])
    tab.get_by_role("button", name="Add a number").click()
    expect(tab.locator("[name=form-TOTAL_FORMS]")).to_have_value("2")
    expect(tab.locator("#id_form-1-system")).to_be_focused()


def test_mistakes_come_first(show: Show) -> None:
    tab = show(pages()["register-wrong"])
    expect(tab.locator("#error-summary")).to_be_focused()
    tab.get_by_role("link", name="Given name: This field is required.").click()
    expect(tab.locator("#id_given_name")).to_be_focused()


def test_another_value_is_asked_for_only_when_wanted(show: Show) -> None:
    tab = show(pages()["conflict"])
    expect(tab.get_by_label("The right value")).to_be_hidden()
    tab.get_by_label("Neither: I write the right one").check()
    expect(tab.get_by_label("The right value")).to_be_visible()


def test_a_search_asks_while_it_is_typed(show: Show) -> None:
    tab = show(pages()["find"], answers={"/find/": (200, "<p>María is here</p>")})
    tab.get_by_label("Name, phone, number or card").press_sequentially("mar")
    tab.clock.run_for(500)
    expect(tab.locator("#results")).to_have_text("María is here")
    assert tab.url == f"{HOST}/page/"  # a name in the address would stay in the tablet's history


def test_what_was_typed_before_the_scripts_came_is_searched_for(show: Show) -> None:
    tab = show(pages()["find"], answers={"/find/": (200, "<p>María is here</p>")})
    late: list[Route] = []
    tab.route("**/htmx*.js", lambda route: late.append(route))
    tab.goto(f"{HOST}/page/", wait_until="commit")
    tab.get_by_label("Name, phone, number or card").fill("mar")
    tab.wait_for_function("() => document.readyState === 'interactive'")
    late[0].fallback()
    expect(tab.locator("#results")).to_have_text("María is here")


def test_a_search_that_got_no_answer_is_asked_again(show: Show) -> None:
    tab = show(pages()["find"], answers={"/find/": (200, "<p>María is here</p>")})
    swallowed: list[str] = []

    def swallow(route: Route) -> None:
        if swallowed:
            route.fallback()
        else:
            swallowed.append(route.request.url)
            route.abort()

    tab.route("**/find/?*", swallow)
    with tab.expect_event("requestfailed"):
        tab.get_by_label("Name, phone, number or card").fill("mar")
        tab.clock.run_for(500)
    expect(tab.locator("#results")).not_to_have_text("María is here")
    tab.clock.run_for(2_000)
    expect(tab.locator("#results")).to_have_text("María is here")
    assert len(swallowed) == 1


def test_nothing_of_a_page_is_kept_on_the_tablet(show: Show) -> None:
    tab = show(pages()["find"], answers={"/find/": (200, "<p>María is here</p>")})
    tab.get_by_label("Name, phone, number or card").fill("mar")
    tab.clock.run_for(500)
    expect(tab.locator("#results")).to_have_text("María is here")
    kept = tab.evaluate("() => [...Object.values(localStorage), ...Object.values(sessionStorage)]")
    assert set(kept) <= {"/page/"}  # htmx notes where it is; addresses carry no names
