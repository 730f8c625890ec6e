"""A browser in small: what a page's form would post."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from django.http import QueryDict
from django.template.loader import render_to_string

from clinic.forms.stage_form import StageForm


@dataclass
class Page(HTMLParser):
    """Reads the controls of a piece of HTML as a browser does."""

    html: str
    posted: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    _area: str | None = None
    _area_text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.append((tag, named))
        if "id" in named:
            self.ids.append(named["id"])
        for name in ("for", "list", "aria-labelledby"):
            self.references += [named[name]] if name in named else []
        self.references += named.get("aria-describedby", "").split()
        if tag == "textarea":
            self._area, self._area_text = named["name"], ""
        if tag == "input" and "name" in named and "disabled" not in named:
            ticked = "checked" in named or named["type"] not in ("radio", "checkbox")
            self.posted += [(named["name"], _kept(named["type"], named.get("value", "")))] if ticked else []

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area_text += data
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            text = self._area_text.removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            self.posted.append((self._area, text))
            self._area = None

    def inputs(self, name: str) -> list[dict[str, str]]:
        """The attributes of every control with this name."""
        return [attrs for _tag, attrs in self.tags if attrs.get("name") == name]

    def post(self, **changes: str | list[str]) -> QueryDict:
        """What the form posts, with some controls filled in; underscores of a part's name are hyphens."""
        names = {name.replace("__", "-"): value for name, value in changes.items()}
        pairs = [(name, value) for name, value in self.posted if name not in names]
        for name, value in names.items():
            pairs += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return QueryDict(urlencode(pairs))


def _kept(kind: str, value: str) -> str:
    """A line of text cannot hold a line break; hidden fields keep theirs, and all travel as CR LF."""
    if kind == "hidden":
        return value.replace("\r\n", "\n").replace("\n", "\r\n")
    return value.replace("\r", "").replace("\n", "")


def page_of(form: StageForm) -> Page:
    return Page(render_to_string("forms/stage_form.html", {"form": form}))
