"""The pictures of the guide can be made from the app as it is, and are made when asked for.

    POSTA_GUIDE_PICTURES=write .venv/bin/python -m pytest -n0 tests/deploy/test_guide_pictures.py

Without that the pages behind them are drawn all the same, so that no picture shows what is gone.
"""

from __future__ import annotations

import base64
import os
from typing import Final

import pytest
from django.test import override_settings
from django.utils import translation
from playwright.sync_api import Page as Tab

from deploy.guide import HEIGHT, PICTURES, WIDTH
from tests.deploy.drawing import draw
from tests.deploy.guide_pictures import PICTURED, SPECIMENS
from tests.deploy.screen import Screen
from tests.deploy.specimens import pages
from tests.lived_in import LivedIn

pytestmark = pytest.mark.once  # what a browser makes of a page is the same on every engine
WRITE: Final = os.environ.get("POSTA_GUIDE_PICTURES") == "write"
# The browser itself knows WebP; half the size is enough for a picture beside a sentence.
TO_WEBP: Final = """async ([png, width, height]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width, height});
  canvas.getContext('2d').drawImage(image, 0, 0, width, height);
  return canvas.toDataURL('image/webp', 0.72).split(',')[1];
}"""


@pytest.mark.parametrize("name", PICTURED)
def test_a_picture_shows_a_page_in_use(screen: Screen, lived: LivedIn, name: str) -> None:
    _picture(screen, PICTURED[name].html(lived), name)


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_picture_shows_a_specimen(screen: Screen, name: str) -> None:
    with override_settings(ROOT_URLCONF="tests.deploy.addresses"), translation.override("en"):
        html = draw(pages()[SPECIMENS[name]])
    _picture(screen, html, name)


def _picture(screen: Screen, html: str, name: str) -> None:
    tab = screen.show(html, (WIDTH, HEIGHT))
    assert tab.locator("main h1").inner_text()
    if WRITE:
        tab.evaluate("() => document.activeElement?.blur()")
        png = base64.b64encode(tab.screenshot()).decode()
        (PICTURES / f"{name}.webp").write_bytes(_as_webp(tab, png))


def _as_webp(tab: Tab, png: str) -> bytes:
    tab.goto("about:blank")
    return base64.b64decode(tab.evaluate(TO_WEBP, [png, WIDTH, HEIGHT]))
