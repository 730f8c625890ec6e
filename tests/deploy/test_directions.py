"""Names of both directions on the pages in use: an Arabic name on an English page, Spanish ones on an Arabic
page. Each keeps to itself, so that no name turns the sentence around it.

Not here: specimens with hostile names (`test_pages.py`).
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from deploy.demo.programme import STAFF
from tests.deploy.drawing import Reading
from tests.deploy.lived_pages import LIVED
from tests.lived_day import NAMES
from tests.lived_in import LivedIn

pytestmark = pytest.mark.once  # what leaves the server is the same on every engine
ARABIC: Final = re.compile("[\u0621-\u064a]")
LATIN: Final = [part for given, family, *_ in NAMES for part in (given, family) if part[0].isascii()]
COLLEAGUES: Final = [one.full_name for one in STAFF]
PLAIN: Final = {"title", "option", "textarea"}  # these hold text only; a browser isolates each of them itself


def _bare(html: str, is_name: re.Pattern[str]) -> list[str]:
    """Texts with a name outside of any element that keeps it apart."""
    return [
        words.strip()
        for words, around in Reading(html).words
        if is_name.search(words) and not {"bdi", *PLAIN} & set(around)
    ]


def test_a_bare_name_would_be_noticed(lived: LivedIn) -> None:
    assert _bare("<p>أحمد</p><p><bdi>أحمد</bdi></p><p>Ana</p>", ARABIC) == ["أحمد"]
    assert ARABIC.search(LIVED["clinic-board"].html(lived))


@pytest.mark.parametrize("name", LIVED)
def test_an_arabic_name_keeps_to_itself_on_an_english_page(lived: LivedIn, name: str) -> None:
    html = LIVED[name].html(lived)
    languages = "".join(re.findall(r'lang="ar"[^>]*>[^<]*<', html))
    assert [words for words in _bare(html, ARABIC) if words not in languages] == []


@pytest.mark.parametrize("name", LIVED)
def test_a_spanish_name_keeps_to_itself_on_an_arabic_page(lived: LivedIn, name: str) -> None:
    html = LIVED[name].html(lived, language="ar")
    frame = re.search(r"<html lang=\"(\w+)\" dir=\"(\w+)\"", html)
    assert frame and frame.groups() == ("ar", "rtl")
    assert _bare(html, re.compile("|".join(map(re.escape, [*LATIN, *COLLEAGUES])))) == []
