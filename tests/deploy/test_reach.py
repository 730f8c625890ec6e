"""Every page of a lived-in clinic in tired hands: gloves, a phone, glasses left at home, a slow Wi-Fi.

Lives here: the size of what is tapped, text twice as large, and the weight of pages, over the pages in use
and the specimens. Not here: single pages and their scripts (`test_screens.py`), axe (`test_axe.py`).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.contrib.staticfiles import finders
from django.test import override_settings
from django.utils import translation

from tests.deploy.drawing import draw
from tests.deploy.lived_pages import LIVED
from tests.deploy.screen import OPEN_ALL, PHONE, TABLET, Screen
from tests.deploy.specimens import pages
from tests.deploy.test_screens import STICKS_OUT, TOO_SMALL
from tests.lived_in import LivedIn

pytestmark = pytest.mark.once  # what a browser makes of a page is the same on every engine
FIRST_LOAD: Final = 150_000
A_PAGE_AFTER: Final = 30_000
STATIC: Final = re.compile(r'(?:src|href)="/static/([^"]+)"')
WIDEST: Final = """() => [...document.querySelectorAll('main *, header *')]
  .filter(e => e.checkVisibility() && Math.max(e.getBoundingClientRect().right - innerWidth,
    -e.getBoundingClientRect().left) > 1)
  .map(e => e.outerHTML.slice(0, 100)).slice(-3)"""


@pytest.fixture
def addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.deploy.addresses"), translation.override("en"):
        yield


@pytest.mark.parametrize("name", LIVED)
def test_every_target_is_as_large_as_a_gloved_finger(screen: Screen, lived: LivedIn, name: str) -> None:
    tab = screen.show(LIVED[name].html(lived))
    tab.evaluate(OPEN_ALL)
    for width, height in (TABLET, PHONE):
        tab.set_viewport_size({"width": width, "height": height})
        assert tab.evaluate(TOO_SMALL) == [], width
        assert not tab.evaluate(STICKS_OUT), tab.evaluate(WIDEST)


@pytest.mark.parametrize("name", LIVED)
def test_a_phone_shows_a_page_in_use_with_text_twice_as_large(
    large_screen: Screen, lived: LivedIn, name: str
) -> None:
    _fits_twice_as_large(large_screen, LIVED[name].html(lived))


@pytest.mark.parametrize("name", pages())
@pytest.mark.usefixtures("addresses")
def test_a_phone_shows_a_specimen_with_text_twice_as_large(large_screen: Screen, name: str) -> None:
    _fits_twice_as_large(large_screen, draw(pages()[name]))


def _fits_twice_as_large(screen: Screen, html: str) -> None:
    tab = screen.show(html, PHONE)
    assert tab.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)") == 36
    tab.evaluate(OPEN_ALL)
    assert not tab.evaluate(STICKS_OUT), tab.evaluate(WIDEST)


# --- weight -------------------------------------------------------------------------------------------------


def _weight(body: bytes) -> int:
    return len(gzip.compress(body, 6))


def _static_of(html: str) -> int:
    files = {Path(str(finders.find(name))) for name in STATIC.findall(html)}
    return sum(_weight(file.read_bytes()) for file in files)


@pytest.mark.parametrize("name", LIVED)
def test_a_page_in_use_is_light(lived: LivedIn, name: str) -> None:
    html = LIVED[name].html(lived)
    assert _weight(html.encode()) < A_PAGE_AFTER
    assert _static_of(html) + _weight(html.encode()) < FIRST_LOAD


@pytest.mark.parametrize("name", pages())
@pytest.mark.usefixtures("addresses")
def test_a_specimen_is_light(name: str) -> None:
    html = draw(pages()[name])
    assert _weight(html.encode()) < A_PAGE_AFTER
    assert _static_of(html) + _weight(html.encode()) < FIRST_LOAD
