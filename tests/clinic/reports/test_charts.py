"""Drawings: sound XML without a style or a script, every number in them, and words for those who listen."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

import pytest
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as some

from clinic.reports.charts import Curve, Drawn, bars, curves

SVG = "{http://www.w3.org/2000/svg}"
WHAT_A_PAGE_ALLOWS = {"svg", "g", "path", "rect", "circle", "text", "title", "desc"}
NAMES = some.text(
    some.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=40
)


def parsed(drawn: Drawn) -> Element:
    return fromstring(drawn.svg)  # noqa: S314 - it is ours


def parts(drawn: Drawn, tag: str, name: str = "") -> list[Element]:
    found = parsed(drawn).iter(f"{SVG}{tag}")
    return [one for one in found if not name or name in one.attrib.get("class", "").split()]


def texts(drawn: Drawn, name: str = "") -> list[str]:
    return [one.text or "" for one in parts(drawn, "text", name)]


def check_is_harmless(drawn: Drawn) -> None:
    root = parsed(drawn)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= WHAT_A_PAGE_ALLOWS
    for element in root.iter():
        assert not {name for name in element.attrib if name == "style" or name.startswith("on")}
    assert "<!--" not in drawn.svg
    assert "http" not in drawn.svg.replace("http://www.w3.org/2000/svg", "")


def test_a_bar_for_each_number() -> None:
    drawn = bars(title="Visits", words="Together 12.", values=[("8", 3), ("9", 0), ("10", 9)])
    check_is_harmless(drawn)
    heights = [float(one.attrib["height"]) for one in parts(drawn, "rect", "rect")]
    assert len(heights) == 3
    assert heights[1] == pytest.approx(0)
    assert heights[2] == pytest.approx(3 * heights[0])
    assert texts(drawn, "value") == ["3", "", "9"]
    assert {"8", "9", "10"} <= set(texts(drawn))


def test_lying_bars_have_the_first_on_top_and_shorten_long_names() -> None:
    long = "Other reasons to come to a clinic at all"
    drawn = bars(title="Kinds", words="", values=[("General", 4), (long, 1)], lying=True)
    check_is_harmless(drawn)
    places = {one.text: float(one.attrib["y"]) for one in parts(drawn, "text")}
    short = next(text for text in places if text and text.startswith("Other"))
    assert places["General"] < places[short]
    assert short.endswith("…")
    assert len(short) < len(long)


def test_many_bars_have_few_names() -> None:
    drawn = bars(title="Days", words="", values=[(str(day), day) for day in range(1, 32)])
    assert len(parts(drawn, "rect", "rect")) == 31
    (axis,) = [one for one in parts(drawn, "g", "axis") if "x" in one.attrib["class"].split()]
    below = [one.text for one in axis.iter(f"{SVG}text") if one.text]
    assert below == [str(day) for day in range(1, 32, 3)]


def test_a_dot_for_each_point_and_none_on_quiet_lines() -> None:
    drawn = curves(
        title="Weight",
        words="Heavier.",
        lines=[
            Curve("+2", [(0, 4.0), (12, 12.0)], quiet=True),
            Curve("Weight", [(2, 5.0), (6, 8.0), (11, 9.5)]),
        ],
        at=[0, 6, 12],
        say=lambda month: f"{month:g}",
    )
    check_is_harmless(drawn)
    dots = parts(drawn, "circle")
    assert len(dots) == 3
    across = [float(one.attrib["cx"]) for one in dots]
    assert (across[1] - across[0]) / (across[2] - across[0]) == pytest.approx(4 / 9)
    up = [float(one.attrib["cy"]) for one in dots]
    assert (up[0] - up[1]) / (up[0] - up[2]) == pytest.approx(3 / 4.5)
    assert texts(drawn, "end") == ["+2"]
    assert drawn.lines == ("Weight",)
    assert {"0", "6", "12"} <= set(texts(drawn))


@pytest.mark.parametrize("numbers", [(101, 101), (15.8, 15.9), (0.02, 0.03), (60, 160)])
def test_the_scale_has_a_few_round_numbers_around_the_points(numbers: tuple[float, float]) -> None:
    line = Curve("L", [(1, numbers[0]), (2, numbers[1])])
    drawn = curves(title="T", words="W", lines=[line], at=[1, 2], say=str)
    (axis,) = [one for one in parts(drawn, "g", "axis") if "y" in one.attrib["class"].split()]
    scale = [float(one.text or "") for one in axis.iter(f"{SVG}text")]
    assert 4 <= len(scale) <= 8
    assert scale[0] <= min(numbers) <= max(numbers) <= scale[-1]


def test_a_chart_is_introduced_to_those_who_listen() -> None:
    drawn = bars(title="Visits <by hour>", words='Together 3; most at "8".', values=[("8", 3)])
    root = parsed(drawn)
    assert root.attrib["role"] == "img"
    named = {one.attrib["id"]: one.text for one in root if "id" in one.attrib}
    assert named[root.attrib["aria-labelledby"]] == "Visits <by hour>"
    assert named[root.attrib["aria-describedby"]] == 'Together 3; most at "8".'
    other = bars(title="Visits <by hour>", words="Together 4.", values=[("8", 4)])
    assert not set(re.findall(r'\bid="([^"]+)"', drawn.svg)) & set(re.findall(r'\bid="([^"]+)"', other.svg))


@given(NAMES, NAMES, some.lists(some.tuples(NAMES, some.integers(0, 100_000)), min_size=1, max_size=20))
def test_no_words_break_a_drawing(title: str, words: str, values: list[tuple[str, int]]) -> None:
    for lying in (False, True):
        drawn = bars(title=title, words=words, values=values, lying=lying)
        assert isinstance(drawn.svg, SafeString)
        check_is_harmless(drawn)
        assert len(parts(drawn, "rect", "rect")) == len(values)


@given(
    some.lists(
        some.tuples(some.floats(700_000, 750_000), some.floats(0.01, 500)),
        min_size=1,
        max_size=30,
        unique=True,
    )
)
def test_every_point_is_in_the_drawing(points: list[tuple[float, float]]) -> None:
    drawn = curves(title="T", words="W", lines=[Curve("L", sorted(points))], at=[points[0][0]], say=str)
    check_is_harmless(drawn)
    assert len(parts(drawn, "circle")) == len(points)
    height = float(parsed(drawn).attrib["viewBox"].split()[3])
    assert all(-1 <= float(dot.attrib["cy"]) <= height for dot in parts(drawn, "circle"))
