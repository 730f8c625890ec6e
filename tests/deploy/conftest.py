"""What tests of whole pages share: a clinic in the middle of its day, and a browser beside it.

Not here: the pages (`lived_pages.py`, `specimens.py`), how they are shown (`screen.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, sync_playwright
from pytest_django import DjangoDbBlocker

from tests.chromium import start_chromium
from tests.databases import DatabaseShelf
from tests.deploy.screen import Screen, Served, serve_pages
from tests.lived_in import LivedIn, live_in

TWICE_THE_TEXT = "--blink-settings=defaultFontSize=32"


@pytest.fixture(scope="session")
def lived(
    tmp_path_factory: pytest.TempPathFactory,
    database_shelf: DatabaseShelf,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LivedIn]:
    """A clinic and its central; pages may be asked for, nothing is written."""
    with django_db_blocker.unblock():
        made = live_in(tmp_path_factory.mktemp("lived"), database_shelf)
        yield made
        made.world.close()


@pytest.fixture(scope="module")
def screens() -> Iterator[dict[bool, Screen]]:
    """A tab, and one of somebody who asked for text twice as large."""
    with sync_playwright() as playwright, serve_pages() as served:
        made = {large: _screen(playwright, served, large) for large in (False, True)}
        yield made
        for screen in made.values():
            screen.tab.context.close()
    assert [said for screen in made.values() for said in screen.refused] == []


def _screen(playwright: Playwright, served: Served, large: bool) -> Screen:
    browser = start_chromium(playwright, *([TWICE_THE_TEXT] if large else []))
    screen = Screen(served, browser.new_context(reduced_motion="reduce").new_page())
    screen.listen()
    return screen


@pytest.fixture
def screen(screens: dict[bool, Screen]) -> Screen:
    """One tab in which drawn pages are opened one after the other."""
    return screens[False]


@pytest.fixture
def large_screen(screens: dict[bool, Screen]) -> Screen:
    """The same for somebody who asked for text twice as large."""
    return screens[True]
