"""The guide says what the app says: every button it names exists, every picture is there, and it is read on
the tablet without internet.

Not here: making the pictures (`test_guide_pictures.py`).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from clinic.programs.definition import resolve
from clinic.programs.examples import SHIPPED, example
from deploy import guide
from deploy.catalogues import asked_for
from deploy.guide import GUIDE, HELP, PAGES, PICTURES, help_for, page_named
from tests.deploy.drawing import Reading
from tests.deploy.guide_pictures import PICTURED, SPECIMENS

MOST_WORDS: Final = 700
LARGEST, LARGEST_TOGETHER = 60_000, 1_500_000
BOLD: Final = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(images/([^)]+)\)")
PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]|<[^>]*>")


def text_of(name: str) -> str:
    return (GUIDE / f"{name}.md").read_text(encoding="utf-8")


def plain(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip().rstrip(":")


@cache
def said() -> frozenset[str]:
    """Everything that the app says: its own sentences, their whole parts, and the names in programs."""
    sentences = {text for words, _ in asked_for() for text in ([words] if isinstance(words, str) else words)}
    parts = {part for text in sentences for part in (text, *re.split(r"(?<=[.?!])\s+", text))}
    parts |= {part for text in parts for part in PLACEHOLDER.split(text)}
    parts |= {stage.name.spoken("en") for name in SHIPPED for stage in resolve(example(name)).stages}
    return frozenset(plain(part) for part in parts)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short(name: str) -> None:
    assert len(text_of(name).split()) <= MOST_WORDS


@pytest.mark.parametrize("name", PAGES)
def test_every_button_that_the_guide_names_is_in_the_app(name: str) -> None:
    quoted = [plain(words) for words in BOLD.findall(text_of(name))]
    assert quoted
    assert [words for words in quoted if words not in said()] == []


def test_a_button_that_is_not_there_would_be_noticed() -> None:
    assert "Save" in said()
    assert "Save everything twice" not in said()


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_is_there_and_told_in_words(name: str) -> None:
    pictures = PICTURE.findall(text_of(name))
    assert pictures, "a page without a picture"
    for words, file in pictures:
        assert len(words.split()) >= 3, file
        assert (PICTURES / file).read_bytes()[8:12] == b"WEBP", file


def test_pictures_are_small_and_all_of_them_are_used() -> None:
    files = {path.stem: path.stat().st_size for path in PICTURES.iterdir()}
    used = {Path(file).stem for name in PAGES for _words, file in PICTURE.findall(text_of(name))}
    assert set(files) == used == set(PICTURED) | set(SPECIMENS)
    assert max(files.values()) <= LARGEST
    assert sum(files.values()) <= LARGEST_TOGETHER


def test_every_role_has_its_page() -> None:
    assert {path.stem for path in GUIDE.glob("*.md")} == {"README", *PAGES}
    listed = set(re.findall(r"\]\((\w+)\.md\)", text_of("README")))
    assert listed == set(PAGES)


def test_help_leads_to_sections_that_exist_from_pages_that_exist() -> None:
    known = {name for name in get_resolver("deploy.urls").reverse_dict if isinstance(name, str)}
    assert set(HELP) <= known
    for address in HELP.values():
        page, _hash, section = address.partition("#")
        assert section in page_named(page).sections, address
    assert help_for("queue") == "/guide/triage/#take-the-next-patient"
    assert help_for(None) == help_for("a page without help") == "/guide/"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_before_anybody_logs_in(client: Client, name: str) -> None:
    answer = client.get(f"/guide/{name}/", secure=True)
    page = Reading(answer.content.decode())
    assert answer.status_code == 200
    assert [heading.text for heading in page.all("h1")] == [page_named(name).title]
    assert set(page_named(name).sections) <= set(page.ids)
    for image in page.all("img"):
        assert image.attrs["alt"] and image.attrs["width"] == "800"
        got = client.get(image.attrs["src"], secure=True)
        assert (got.status_code, got["Content-Type"]) == (200, "image/webp")
        assert b"".join(got.streaming_content)  # type: ignore[attr-defined]
    for link in page.all("a"):
        if link.attrs["href"].startswith("/guide/"):
            assert client.get(link.attrs["href"], secure=True).status_code == 200, link.attrs


@pytest.mark.django_db
def test_the_first_page_of_the_guide_leads_to_all_others(client: Client) -> None:
    page = Reading(client.get("/guide/", secure=True).content.decode())
    doors = [link.attrs["href"] for link in page.all("a") if link.attrs.get("class") == "door"]
    assert doors == [reverse("guide-page", args=[name]) for name in PAGES]
    assert "/guide/" in [link.attrs["href"] for link in Reading(_login(client)).all("a")]


def _login(client: Client) -> str:
    return client.get("/account/login/", secure=True).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/guide/README/", "/guide/nothing/", "/guide/pictures/none.webp", "/guide/pictures/..%2F"]
)
def test_nothing_else_is_given_out(client: Client, address: str) -> None:
    assert client.get(address, secure=True).status_code == 404


def test_html_in_the_guide_is_only_text() -> None:
    html = guide._reader.render("<script>alert(1)</script> [x](javascript:alert(1))")
    assert "<script" not in html
    assert "href" not in html
