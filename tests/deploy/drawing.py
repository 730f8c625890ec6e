"""Draws specimen pages as a browser would get them, and reads them back.

Lives here: `draw` and `Reading`, what the tests ask of a page's elements. Not here: the contexts
(`specimens.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace

from django.template.loader import render_to_string
from django.test import RequestFactory

from tests.deploy.specimens import Page

VOID = frozenset({"br", "circle", "hr", "img", "input", "link", "meta", "path", "rect"})
FILLED_IN = frozenset({"input", "select", "textarea"})


def draw(page: Page, *, theme: str = "", url_name: str = "") -> str:
    """The page's HTML for somebody whose tablet chose this theme."""
    request = RequestFactory().get("/", headers={"host": "clinic.local"})
    request.COOKIES["posta_theme"] = theme
    request.resolver_match = SimpleNamespace(url_name=url_name)  # type: ignore[assignment]
    return render_to_string(page.template, page.context, request=request)


@dataclass
class Element:
    tag: str
    attrs: dict[str, str]
    inside: tuple[str, ...]
    text: str = ""


@dataclass
class Reading(HTMLParser):
    """Every element of a page in order, with its own and its children's text and the tags around it."""

    html: str
    elements: list[Element] = field(default_factory=list)
    words: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._around())
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, self._around()))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open, f"</{tag}> closes nothing"
            opened = self._open.pop()
            assert opened.tag == tag, f"<{opened.tag} {opened.attrs}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append((data, self._around()))
            for element in self._open:
                element.text += data

    def _around(self) -> tuple[str, ...]:
        return tuple(element.tag for element in self._open)

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    @property
    def ids(self) -> list[str]:
        return [element.attrs["id"] for element in self.elements if "id" in element.attrs]

    def unlabelled(self) -> list[Element]:
        """What is filled in without a label tied to it."""
        labelled = {element.attrs.get("for") for element in self.all("label")}
        return [
            element
            for element in self.elements
            if element.tag in FILLED_IN
            and element.attrs.get("type") != "hidden"
            and "label" not in element.inside
            and element.attrs.get("id") not in labelled
        ]
