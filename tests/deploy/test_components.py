"""The parts of the visual language: colours that can be read, tags that say one thing, a small first load.

Not here: whole pages (`test_pages.py`), browsers (`test_screens.py`).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation

from deploy.templatetags.posta_ui import ICONS, SCRIPTS, STATE_ICONS, bdi, icon, moment, state, theme
from deploy.wording import day_text, elapsed_text, moment_text
from tests.deploy.drawing import Reading

STYLES = settings.BASE_DIR / "static" / "css"
STATES = tuple(STATE_ICONS)
GROUNDS = ("ground", "surface", "sunken")
TEXT_PAIRS = [
    *product(("ink", "ink-soft", "accent", "danger"), GROUNDS),
    *product(("ink", "ink-soft", "accent", "accent-pressed"), ("accent-soft",)),
    ("on-accent", "accent"),
    ("on-accent", "accent-pressed"),
    ("on-danger", "danger"),
    *((name, f"{name}-soft") for name in STATES),
    *(("ink", f"{name}-soft") for name in STATES),
    *((name, "surface") for name in STATES),
]
EDGE_PAIRS = [
    *product(("line-strong", "focus", "accent"), GROUNDS),
    *((f"{name}-line", "surface") for name in STATES),
]
NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"), timezone.override("UTC"):
        yield


def declared(selector: str) -> dict[str, str]:
    """The tokens that a selector of tokens.css sets."""
    source = re.sub(r"/\*.*?\*/", "", (STYLES / "tokens.css").read_text(), flags=re.DOTALL)
    block = re.search(re.escape(selector) + r"\s*{([^{}]*)}", source)
    assert block, selector
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block[1]))


def tokens(name: str) -> dict[str, str]:
    light = declared(":root")
    return light if name == "light" else light | declared(f'[data-theme="{name}"]')


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_of_contrast_is_the_standards() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(("words", "ground"), TEXT_PAIRS)
@pytest.mark.parametrize(("name", "enough"), [("light", 4.5), ("dark", 4.5), ("contrast", 7.0)])
def test_words_can_be_read(name: str, enough: float, words: str, ground: str) -> None:
    colours = tokens(name)
    assert contrast(colours[words], colours[ground]) >= enough


@pytest.mark.parametrize(("edge", "ground"), EDGE_PAIRS)
@pytest.mark.parametrize("name", ["light", "dark", "contrast"])
def test_edges_and_focus_can_be_seen(name: str, edge: str, ground: str) -> None:
    colours = tokens(name)
    assert contrast(colours[edge], colours[ground]) >= 3


def test_dark_is_the_same_dark_by_choice_and_by_preference() -> None:
    assert declared(":root:not([data-theme])") == declared('[data-theme="dark"]')


def test_styles_use_tokens_that_exist_and_no_colour_of_their_own() -> None:
    known = set(declared(":root"))
    for path in STYLES.glob("*.css"):
        source = path.read_text()
        assert set(re.findall(r"var\(--([\w-]+)", source)) <= known, path.name
        if path.name != "tokens.css":
            assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", source) == [], path.name


def test_styles_name_no_side_of_the_screen() -> None:
    sides = re.compile(
        r"(?<![\w-])(?:margin|padding|border|inset)?-?(?:left|right)\s*:|text-align:\s*(?:left|right)"
    )
    for path in STYLES.glob("*.css"):
        assert sides.findall(path.read_text()) == [], path.name


def test_a_class_that_a_template_uses_has_a_style() -> None:
    styled = {
        name for path in STYLES.glob("*.css") for name in re.findall(r"\.([a-z][\w-]*)", path.read_text())
    }
    used: set[str] = set()
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        plain = re.sub(r"{[%{].*?[%}]}", " ", path.read_text())
        used |= {name for value in re.findall(r'class="([^"]*)"', plain) for name in value.split()}
    parts_of_names = {name for name in used if name.endswith("-")} | set(STATES)
    styled_as_elements = {"form-section__title", "input", "input--area"}
    assert used - styled - parts_of_names - styled_as_elements == set()


def test_a_first_load_is_small() -> None:
    served = [*sorted(STYLES.glob("*.css")), *(Path(_found(path)) for path in SCRIPTS)]
    served.append(Path(_found("django_htmx/htmx-2.min.js")))
    assert sum(len(gzip.compress(path.read_bytes())) for path in served) < 60_000


def _found(path: str) -> str:
    found = finders.find(path)
    assert isinstance(found, str), path
    return found


@pytest.mark.parametrize("name", [*ICONS, *STATE_ICONS])
def test_an_icon_is_drawn_in_the_page_and_says_nothing(name: str) -> None:
    drawn = Reading(icon(name)).all("svg")
    assert [svg.attrs["aria-hidden"] for svg in drawn] == ["true"]


def test_an_icon_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(KeyError):
        icon("confetti")


@pytest.mark.parametrize("name", STATES)
def test_a_state_has_colour_icon_word_and_number(name: str) -> None:
    badge = Reading(state(name, number=3))
    assert f"state--{name}" in badge.elements[0].attrs["class"]
    assert len(badge.all("svg")) == 1
    assert re.fullmatch(r"3 [A-Z][a-z ]+", badge.elements[0].text)


def test_a_name_cannot_turn_the_sentence_round() -> None:
    assert bdi("A\u202eb\u2066c\u200f<i>") == "<bdi>Abc&lt;i&gt;</bdi>"
    assert bdi(None) == "<bdi></bdi>"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW.replace(hour=10, minute=42), "10:42"),
        (NOW - timedelta(days=1), "19 Nov, 15:00"),
        (NOW.replace(year=2024), "20 Nov 2024, 15:00"),
    ],
)
def test_a_moment_is_as_short_as_it_can_be(at: datetime, words: str) -> None:
    assert moment_text(at, NOW) == words


def test_a_moment_is_told_in_the_time_of_the_place() -> None:
    with timezone.override("America/Panama"):
        assert moment_text(NOW.replace(hour=3), NOW) == "19 Nov, 22:00"
        assert day_text(date(2025, 11, 20), date(2025, 11, 20)) == "20 Nov"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (-5, "0 min"),
        (0, "0 min"),
        (12, "12 min"),
        (125, "2 h 5 min"),
        (60 * 24, "1 day"),
        (60 * 72, "3 days"),
    ],
)
def test_waiting_time_has_the_units_that_matter(minutes: int, words: str) -> None:
    assert elapsed_text(NOW - timedelta(minutes=minutes), NOW) == words


def test_a_moment_carries_its_exact_time_and_says_when_the_clock_was_corrected() -> None:
    assert f'datetime="{NOW.isoformat()}"' in moment(NOW)
    assert "clock corrected" in moment(NOW, corrected=True)
    assert "never" in moment(None)


@pytest.mark.parametrize(
    ("cookie", "chosen"), [("dark", "dark"), ("contrast", "contrast"), ("pink", ""), ('"><b>', "")]
)
def test_only_a_known_theme_reaches_the_page(cookie: str, chosen: str) -> None:
    assert theme({"posta_theme": cookie}) == chosen


class Question(forms.Form):
    weight = forms.DecimalField(label="Weight", help_text="In kilograms.")
    sex = forms.ChoiceField(
        choices=[("f", "Female"), ("m", "Male")], widget=forms.RadioSelect, show_hidden_initial=True
    )


def drawn(source: str, **context: object) -> Reading:
    return Reading(Template("{% load posta_ui %}" + source).render(Context(context)))


def test_a_field_ties_label_hint_and_error_to_its_input() -> None:
    page = drawn("{% field form.weight unit='kg' %}", form=Question({"weight": "heavy"}))
    (box,) = page.all("input")
    assert box.attrs["aria-invalid"] == "true"
    assert box.attrs["aria-describedby"].split() == ["id_weight_helptext", "id_weight_error"]
    assert set(page.ids) == {"id_weight", "id_weight_helptext", "id_weight_error"}
    assert [label.attrs["for"] for label in page.all("label")] == ["id_weight"]


def test_a_hint_given_on_the_page_is_tied_as_well() -> None:
    page = drawn("{% field form.sex hint='As on the card' %}", form=Question())
    assert page.all("fieldset")[0].attrs["aria-describedby"].split() == ["id_sex_helptext"]
    assert len(page.all("legend")) == 1


def test_choices_carry_the_value_they_were_shown_with() -> None:
    page = drawn("{% field form.sex %}", form=Question(initial={"sex": "m"}))
    hidden = [box.attrs for box in page.all("input") if box.attrs["type"] == "hidden"]
    assert [(box["name"], box["value"]) for box in hidden] == [("initial-sex", "m")]


def test_an_error_summary_leads_to_each_field() -> None:
    page = drawn("{% error_summary form %}{% field form.weight %}{% field form.sex %}", form=Question({}))
    targets = [link.attrs["href"][1:] for link in page.all("a")]
    assert targets == ["id_weight", "id_sex_0"]
    assert set(targets) <= set(page.ids)
    assert next(link.text for link in page.all("a")) == "Weight: This field is required."


def test_no_error_no_summary() -> None:
    assert drawn("{% error_summary form %}", form=Question()).elements == []


def test_each_form_gets_a_save_id_of_its_own() -> None:
    page = drawn("{% save_fields %}{% save_fields version='abc' %}")
    values = [(box.attrs["name"], box.attrs["value"]) for box in page.all("input")]
    saves = [UUID(value) for name, value in values if name == "save_id"]
    assert len(set(saves)) == 2
    assert {save.version for save in saves} == {7}
    assert ("version", "abc") in values


def test_scripts_carry_the_nonce_of_the_page() -> None:
    request = RequestFactory().get("/")
    request.csp_nonce = "n0nce"  # type: ignore[attr-defined]
    page = drawn("{% scripts %}", request=request)
    assert {script.attrs["nonce"] for script in page.all("script")} == {"n0nce"}
    assert len(page.all("script")) == len(SCRIPTS) + 1


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.deploy.addresses")
@pytest.mark.parametrize(("debug", "status"), [(True, 200), (False, 404)])
def test_the_page_of_components_is_open_in_debug_only(client: Client, debug: bool, status: int) -> None:
    with override_settings(DEBUG=debug):
        answer = client.get("/_components/", headers={"host": "localhost"})
    assert answer.status_code == status
    if debug:
        page = Reading(answer.content.decode())
        assert page.unlabelled() == []
        for name in STATES:
            assert f"state--{name}" in page.html
