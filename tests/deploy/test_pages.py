"""Every page of the first release, drawn with a specimen context: what none may lack, and none may have.

Not here: how pages look in a browser (`test_screens.py`), the parts they are made of (`test_components.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.forms import BaseForm
from django.template.loader import render_to_string
from django.test import override_settings
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import trans_real

from tests.deploy.drawing import Reading, draw
from tests.deploy.specimens import ARABIC, LATIN, pages

TEMPLATES = settings.BASE_DIR / "templates"
PAGES = pages()
POLLED = re.compile(r'hx-get="(?P<address>[^"]*)"')
HOSTILE = "Ana\u202egnidaer\u2066 Guerra"
WORD = re.compile(r"[^\W\d_]+")


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.deploy.addresses"), translation.override("en"):
        yield


def read(name: str) -> Reading:
    return Reading(draw(PAGES[name]))


def sources() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole(name: str) -> None:
    page = read(name)
    assert [html.attrs["dir"] for html in page.all("html")] == ["ltr"]
    assert page.all("title")[0].text.split("–")[0].strip()
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert len(page.ids) == len(set(page.ids)), "an id is there twice"
    assert [heading.text for heading in page.all("h1", "h2", "h3") if not heading.text.strip()] == []
    assert [door.attrs for door in page.all("a") if door.attrs.get("href", "") in ("", "#")] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_inline_script_or_style(name: str) -> None:
    page = read(name)
    assert page.all("style") == []
    assert [script for script in page.all("script") if not script.attrs.get("src")] == []
    loud = [e.attrs for e in page.elements if any(a == "style" or a.startswith("on") for a in e.attrs)]
    assert loud == []


@pytest.mark.parametrize("name", PAGES)
def test_everything_on_a_page_has_words(name: str) -> None:
    page = read(name)
    assert [element.attrs for element in page.unlabelled()] == []
    assert [element.attrs for element in page.all("a", "button", "summary") if not element.text.strip()] == []
    assert [svg.attrs for svg in page.all("svg") if svg.attrs.get("aria-hidden") != "true"] == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_points_at_is_there(name: str) -> None:
    page = read(name)
    ids = set(page.ids)
    for element in page.elements:
        for attribute in ("aria-labelledby", "aria-describedby", "for", "form", "data-shown-by", "list"):
            assert set(element.attrs.get(attribute, "").split()) <= ids, (attribute, element.attrs)
        if element.attrs.get("href", "").startswith("#"):
            assert element.attrs["href"][1:] in ids, element.attrs


@pytest.mark.parametrize("name", PAGES)
def test_a_writing_form_carries_its_token_and_one_save_id(name: str) -> None:
    html = draw(PAGES[name])
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", html, re.DOTALL):
        assert form.count("csrfmiddlewaretoken") == 1
        assert form.count('name="save_id"') <= 1
    minted = re.findall(r'name="save_id" value="([^"]+)"', html)
    assert len(minted) == len(set(minted)), "two forms of a page would count as one save"


@pytest.mark.parametrize(
    "name", ["register", "edit", "patient-new", "queue", "visit", "stage", "conflict", "quarantine"]
)
def test_pages_that_write_mint_a_save_id(name: str) -> None:
    assert 'name="save_id"' in draw(PAGES[name])


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("edit", "p"),
        ("visit", "v-token"),
        ("stage", "s-token"),
        ("conflict", "c-token"),
        ("quarantine", "q-token"),
    ],
)
def test_an_edit_sends_back_the_version_it_showed(name: str, version: str) -> None:
    assert f'name="version" value="{version}"' in draw(PAGES[name])


def test_an_edit_sends_back_the_values_it_showed() -> None:
    shown = {e.attrs["name"]: e.attrs.get("value") for e in read("edit").all("input") if "name" in e.attrs}
    assert shown["initial-given_name"] == LATIN.mother
    assert shown["initial-sex"] == "female"


@pytest.mark.parametrize("name", PAGES)
def test_names_keep_to_themselves(name: str) -> None:
    hostile = pages(
        replace(LATIN, nurse=HOSTILE, mother=HOSTILE, father=HOSTILE, child=HOSTILE, registrar=HOSTILE)
    )
    html = draw(hostile[name])
    shown = [(words, around) for words, around in Reading(html).words if "gnidaer" in words]
    assert [words for words, around in shown if "bdi" not in around] == []
    if shown:
        assert "\u202e" not in "".join(words for words, _ in shown)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_turns_round_for_arabic(name: str) -> None:
    with translation.override("ar"):
        page = Reading(draw(pages(ARABIC)[name]))
    assert [(html.attrs["lang"], html.attrs["dir"]) for html in page.all("html")] == [("ar", "rtl")]


class _Marked(trans_real.DjangoTranslation):
    """A language that brackets what went through the catalogue."""

    def gettext(self, message: str) -> str:
        return f"⟦{message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def _said(value: Any) -> Iterator[str]:
    """Every text that the page got from its context."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _said(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _said(one)
    elif isinstance(value, BaseForm):
        for bound in value:
            yield from (str(bound.label), *map(str, bound.errors))
            yield from (str(label) for _, label in getattr(bound.field, "choices", ()))
    else:
        yield str(value)


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("stage")])
def test_every_word_can_be_translated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = PAGES[name].context
    said = {
        word for text in _said([context, list(context.get("identifiers", ()))]) for word in WORD.findall(text)
    }
    said |= {"Posta"} | {word for code, _ in settings.LANGUAGES for word in WORD.findall(_own_name(code))}
    monkeypatch.setattr(trans_real, "translation", lambda _language: _Marked("en"))
    with translation.override("en"):
        page = Reading(draw(PAGES[name]))
    plain, inside = " ".join(words for words, _ in page.words), 1
    while inside:  # a sentence may hold another: yesterday's hour has its day beside it
        plain, inside = re.subn(r"⟦[^⟦⟧]*⟧", " ", plain)
    assert set(WORD.findall(plain)) - said == set()


def _own_name(code: str) -> str:
    name = str(translation.get_language_info(code)["name_local"])
    return f"{name} {name.capitalize()}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_sentences_are_short(path: Path) -> None:
    source = path.read_text()
    texts = re.findall(r'{% translate "([^"]+)"', source)
    texts += re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", source, re.DOTALL)
    sentences = [s for text in texts for s in re.split(r"[.?!:]\s|{% plural %}", text)]
    assert [sentence for sentence in sentences if len(sentence.split()) > 12] == []


@pytest.mark.parametrize(
    "path",
    [p for p in sources() if p.parent.name not in ("elements", "controls")],
    ids=lambda path: str(path.relative_to(TEMPLATES)),
)
def test_a_template_says_what_it_needs(path: Path) -> None:
    source = path.read_text()
    wants = set(re.findall(r"{{ (?!block)(\w+)", source)) - {"word", "label"}
    assert not wants or "{% comment %}" in source, f"{path.name} uses {sorted(wants)}"


def test_every_address_that_a_template_names_exists() -> None:
    named = {
        name for path in sources() for name in re.findall(r'{% (?:url|nav_item) "([^"]+)"', path.read_text())
    }
    missing = []
    with override_settings(ROOT_URLCONF=settings.ROOT_URLCONF):
        for name in sorted(named):
            try:
                reverse(name, urlconf="deploy.urls")
            except NoReverseMatch as error:
                if "not a valid view function or pattern name" in str(error):
                    missing.append(name)
    assert missing == []


@pytest.mark.parametrize("name", ["sync-run", "sync-done", "queue"])
def test_what_changes_by_itself_asks_by_itself(name: str) -> None:
    addresses = POLLED.findall(draw(PAGES[name]))
    assert "/sync-status-badge/" in addresses
    assert len(addresses) == 2


def test_all_safe_is_said_only_by_its_verdict() -> None:
    assert "All safe" in draw(PAGES["sync-done"])
    assert "All safe" not in draw(PAGES["sync-run"]) + draw(PAGES["sync-first"])


def test_a_conflict_names_both_people_and_both_values() -> None:
    text = " ".join(words for words, _ in read("conflict").words)
    for said in ("12.4 kg", "14.2 kg", LATIN.nurse, LATIN.registrar, "tablet-3", "Laptop B"):
        assert said in text


def test_what_was_searched_stays_out_of_addresses() -> None:
    assert [link.attrs["href"] for link in read("find-nobody").all("a") if "Xyz" in link.attrs["href"]] == []


def test_strangers_see_no_doors() -> None:
    page = read("login")
    assert page.all("nav") == []
    assert "status-line" not in page.ids


def test_a_central_has_its_own_doors() -> None:
    assert [
        link.text.strip() for link in read("central-home").all("a") if "nav__link" in link.attrs["class"]
    ] == ["Find", "Clinics", "Review"]


def test_a_door_that_does_not_exist_is_left_out() -> None:
    with override_settings(ROOT_URLCONF="tests.deploy.few_addresses"):
        page = Reading(draw(PAGES["problem"]))
    assert [link.text for link in page.all("a") if "nav__link" in link.attrs["class"]] == []
    assert "What was" not in page.html


def test_a_broken_laptop_still_has_words() -> None:
    page = Reading(render_to_string("500.html"))
    assert "safe on the laptop" in " ".join(words for words, _ in page.words)
