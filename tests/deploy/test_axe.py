"""Nobody is shut out of any page: axe-core finds nothing at AA, in any theme, in either direction.

Lives here: the search of every specimen and every page of a lived-in clinic, and that no page template is
left out of both. Not here: what axe cannot see: the size of targets and of text (`test_screens.py`), the
keyboard (`tests/browser/test_keyboard.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import override_settings
from django.test.signals import template_rendered
from django.utils import translation

from tests.deploy.drawing import draw
from tests.deploy.lived_pages import LIVED
from tests.deploy.screen import OPEN_ALL, Screen
from tests.deploy.specimens import ARABIC, pages
from tests.lived_in import LivedIn

pytestmark = pytest.mark.once  # what a browser makes of a page is the same on every engine
LEVEL: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SEARCH: Final = """async ([kind, values]) => {
  const found = await axe.run(document, {runOnly: {type: kind, values}, resultTypes: ['violations']});
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')}`));
}"""
WEAR: Final = "theme => { document.documentElement.dataset.theme = theme }"
TURNED: Final = ("home", "patient", "queue", "visit", "stage-kinds", "sync-run", "conflict", "register-wrong")
TEMPLATES: Final = settings.BASE_DIR / "templates"


def _axe(screen: Screen, kind: str, values: list[str]) -> list[str]:
    found: list[str] = screen.tab.evaluate(SEARCH, [kind, values])
    return found


def _faults(screen: Screen, html: str) -> Iterator[str]:
    """What axe says of a page: everything in light, colours again in the other two themes."""
    tab = screen.show(html)
    tab.evaluate(OPEN_ALL)
    tab.evaluate(AXE_SCRIPT)
    tab.evaluate(WEAR, "light")
    yield from _axe(screen, "tag", LEVEL)
    for theme in ("dark", "contrast"):
        tab.evaluate(WEAR, theme)
        yield from (f"{theme}: {fault}" for fault in _axe(screen, "rule", ["color-contrast"]))


@pytest.fixture
def addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.deploy.addresses"), translation.override("en"):
        yield


@pytest.mark.parametrize("name", pages())
@pytest.mark.usefixtures("addresses")
def test_a_specimen_shuts_nobody_out(screen: Screen, name: str) -> None:
    assert list(_faults(screen, draw(pages()[name]))) == []


@pytest.mark.parametrize("name", LIVED)
def test_a_page_in_use_shuts_nobody_out(screen: Screen, lived: LivedIn, name: str) -> None:
    assert list(_faults(screen, LIVED[name].html(lived))) == []


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.usefixtures("addresses")
def test_a_page_that_is_turned_round_shuts_nobody_out(screen: Screen, name: str) -> None:
    with translation.override("ar"):
        html = draw(pages(ARABIC)[name])
    assert list(_faults(screen, html)) == []


def test_every_page_template_is_looked_at(lived: LivedIn) -> None:
    drawn = {page.template for page in pages().values()} | {"components/index.html"}

    def note(sender: Any, template: Any, **_: Any) -> None:
        drawn.add(template.name)

    template_rendered.connect(note)
    try:
        for look in LIVED.values():
            look.html(lived)
    finally:
        template_rendered.disconnect(note)
    ours = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if re.search(r"{% extends ", path.read_text()) and path.parent.name not in ("layouts", "elements")
    }
    assert ours - drawn == set()
