"""The guide for the people who do the work: the pages of `docs/guide`, read on the tablet without internet.

Lives here: the pages under `/guide/` with their pictures, and `help_for`, which section explains a page of
the app. The text is ours and comes with the code; nobody needs to log in to read how to log in. Not here:
what the guide says (`docs/guide/*.md`), how its pictures are made (`tests/deploy/test_guide.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

GUIDE: Final[Path] = settings.BASE_DIR / "docs" / "guide"
PICTURES: Final = GUIDE / "images"
WIDTH, HEIGHT = 800, 1280  # of every picture: a tablet held upright
PAGES: Final[Mapping[str, tuple[Any, str]]] = {
    "everybody": (_("For everybody"), "people"),
    "registrar": (_("Registrar"), "register"),
    "triage": (_("Triage nurse"), "queue"),
    "provider": (_("Provider"), "visit"),
    "lab": (_("Laboratory"), "lab"),
    "pharmacist": (_("Pharmacist"), "pharmacy"),
    "coordinator": (_("Coordinator"), "board"),
    "keys": (_("Tablets and log-ins"), "people"),
    "central": (_("Central administrator"), "central"),
}
HELP: Final[Mapping[str, str]] = {
    "account_login": "everybody#log-in",
    "me": "everybody#your-own-page",
    "switch": "everybody#change-person",
    "switch-person": "everybody#change-person",
    "my-pin": "everybody#change-person",
    "full-login": "everybody#change-person",
    "team": "keys#log-ins",
    "kept": "everybody#when-the-wi-fi-is-gone",
    "find": "registrar#find-first",
    "register": "registrar#register-somebody-new",
    "patient": "registrar#start-a-visit",
    "patient-edit": "registrar#correct-and-link",
    "patient-family": "registrar#correct-and-link",
    "cards": "registrar#cards-and-labels",
    "queue": "triage#take-the-next-patient",
    "visit": "triage#take-the-next-patient",
    "visit-stage": "triage#write-down",
    "prescribe": "provider#prescribe",
    "prescribe-medicine": "provider#prescribe",
    "lab-order": "provider#order-tests",
    "refer": "provider#refer",
    "referrals": "provider#refer",
    "worklist": "provider#programs",
    "enrollment": "provider#programs",
    "lab": "lab#the-bench",
    "lab-results": "lab#enter-a-result",
    "lab-correct": "lab#correct-a-result",
    "pharmacy": "pharmacist#hand-out",
    "dispense": "pharmacist#hand-out",
    "stock": "pharmacist#the-shelf",
    "stock-count": "pharmacist#the-shelf",
    "board": "coordinator#the-day",
    "clinic-day": "coordinator#the-day",
    "laptop-check": "coordinator#the-laptop-itself",
    "laptop-close": "coordinator#the-laptop-itself",
    "laptop-slip": "coordinator#the-laptop-itself",
    "sync-status": "coordinator#sync",
    "tablets": "keys#tablets",
    "tablets-add": "keys#tablets",
    "tablet-revoke": "keys#tablets",
    "log-ins": "keys#log-ins",
    "review": "coordinator#what-needs-you",
    "review-conflict": "coordinator#what-needs-you",
    "review-quarantine": "central#set-aside",
    "access-log": "keys#who-opened-which-record",
    "patient-reason": "registrar#find-first",
    "staff-list": "keys#passwords-and-new-people",
    "staff-member": "keys#passwords-and-new-people",
    "staff-rights": "keys#passwords-and-new-people",
    "staff-requests": "keys#passwords-and-new-people",
    "team-add": "keys#passwords-and-new-people",
    "reports": "coordinator#reports",
    "report": "coordinator#reports",
    "central-nodes": "central#clinics",
    "central-recovery": "central#clinics",
    "medicines": "central#the-list-of-medicines",
    "medicines-import": "central#the-list-of-medicines",
    "program-rules": "central#programs-and-rules",
    "programs-import": "central#programs-and-rules",
}
_PAGE_LINK: Final = re.compile(r"(?P<page>[a-z]+)\.md(?P<section>#[\w-]+)?")
_reader: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class GuidePage:
    """One page as the app shows it."""

    title: str
    body: SafeString
    sections: tuple[str, ...]


def help_for(url_name: str | None) -> str:
    """The address of the section that explains a page; the guide's first page where none does."""
    page, _hash, section = HELP.get(url_name or "", "").partition("#")
    return f"{reverse('guide-page', args=[page])}#{section}" if page else reverse("guide")


@cache
def page_named(name: str) -> GuidePage:
    """A page of the guide, made from its Markdown."""
    tokens = _reader.parse((GUIDE / f"{name}.md").read_text(encoding="utf-8"))
    title, sections = "", []
    for heading, words in _headings(tokens):
        heading.attrSet("id", slugify(words))
        if heading.tag == "h1":
            title = words
        else:
            sections.append(slugify(words))
    for token in tokens:
        for part in token.children or ():
            _point_inside(part)
    body = _reader.renderer.render(_without_title(tokens), _reader.options, {})
    return GuidePage(title, mark_safe(body), tuple(sections))  # noqa: S308 - our own text, and HTML in it is escaped


def _headings(tokens: Sequence[Token]) -> list[tuple[Token, str]]:
    pairs = pairwise(tokens)
    return [(token, after.content) for token, after in pairs if token.type == "heading_open"]


def _without_title(tokens: Sequence[Token]) -> list[Token]:
    first = next(i for i, token in enumerate(tokens) if token.type == "heading_close")
    return list(tokens[first + 1 :])


def _point_inside(part: Token) -> None:
    """Links between the files become links between the pages, pictures come from their own address."""
    if part.type == "link_open":
        found = _PAGE_LINK.fullmatch(str(part.attrGet("href")))
        if found:
            page, section = found["page"], found["section"] or ""
            part.attrSet("href", reverse("guide-page", args=[page]) + section)
    elif part.type == "image":
        part.attrSet("src", reverse("guide-picture", args=[Path(str(part.attrGet("src"))).name]))
        for name, value in (("width", str(WIDTH)), ("height", str(HEIGHT)), ("loading", "lazy")):
            part.attrSet(name, value)


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Which page is for whom."""
    pages = [{"name": name, "title": title, "icon": icon} for name, (title, icon) in PAGES.items()]
    return render(request, "guide/index.html", {"pages": pages})


@require_safe
def guide_page(request: HttpRequest, page: str) -> HttpResponse:
    """One role's page."""
    if page not in PAGES:
        raise Http404
    return render(request, "guide/page.html", {"page": page_named(page)})


@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    """A picture of the guide. It shows invented people and may stay on the tablet for the day."""
    file = PICTURES / f"{Path(name).stem}.webp"
    if not file.is_file():
        raise Http404
    answer = FileResponse(file.open("rb"), content_type="image/webp")
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


urlpatterns = [
    path("guide/", guide, name="guide"),
    path("guide/<slug:page>/", guide_page, name="guide-page"),
    path("guide/pictures/<str:name>", picture, name="guide-picture"),
]
