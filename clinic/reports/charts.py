"""Charts, drawn on the server as part of the page.

Lives here: `bars` and `curves`, which answer a drawing whose every part has a class and no colour of its own:
`static/css/reports.css` gives it the colours of the chosen theme. Nothing in it is a style or a script, so
the page's policy needs no exception. What a chart says is said beside it in a table; whoever makes one gives
it a sentence as well (`words`). Why this library: docs/adr/0024-reports-and-charts.md. Not here: the numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.style import Style

# The library hangs an importer for its maps into Python, of a kind that Python warns about. No maps here.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

WIDTH: Final = 360
HEIGHT: Final = 240
LETTERS: Final = 15
"""How high a letter is, in the drawing's own units: reports.css says the same."""
LONGEST_NAME: Final = 22
MOST_LABELS: Final = 12
STEPS: Final = 5
FEWEST_STEPS: Final = 3
_DRAWN: Final = frozenset({"svg", "g", "path", "rect", "circle", "text"})
_SIZES: Final = Style(label_font_size=LETTERS, major_label_font_size=LETTERS, value_font_size=LETTERS)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart: its title, the drawing, what it says in a sentence, and the names of its lines in order."""

    title: str
    svg: SafeString
    words: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart. A `quiet` one is there to compare with: no dots, and its name at its end."""

    name: str
    points: Sequence[Point]
    quiet: bool = False


def bars(*, title: str, words: str, values: Sequence[tuple[str, int]], lying: bool = False) -> Drawn:
    """One bar for each (name, number), with the number at its end; `lying` ones leave room for long names,
    the first on top.
    """
    steps = _whole_steps(max([4, *(number for _name, number in values)]))
    shown = list(reversed(values)) if lying else values
    settings = _settings() | {
        "height": max(40 + 36 * len(values), 110) if lying else HEIGHT,
        "range": (0, steps[-1] * 1.1),
        "print_values": True,
        "print_values_position": "top",
        "print_zeroes": False,
    }
    chart = pygal.HorizontalBar(**settings) if lying else pygal.Bar(**settings)
    chart.y_labels = steps
    chart.x_labels = [_short(name) for name, _number in shown] if lying else _few_labels(shown)
    chart.add("", [number for _name, number in shown])
    return Drawn(title, _svg(chart, title, words, ()), words)


def curves(
    *,
    title: str,
    words: str,
    lines: Sequence[Curve],
    at: Sequence[float],
    say: Callable[[float], str],
) -> Drawn:
    """Lines over days or months; `at` are the places with a label below, and `say` words one."""
    ends = [line.name if line.quiet else "" for line in lines]
    settings = _settings() | {"margin_right": 32 if any(ends) else 16}
    chart = pygal.XY(**settings, show_dots=True, dots_size=4, x_value_formatter=say)
    chart.x_labels = list(at)
    chart.y_labels = _round_steps([number for line in lines for _place, number in line.points])
    chart.value_formatter = _plain
    for line in lines:
        chart.add("", list(line.points), show_dots=not line.quiet)
    names = tuple(line.name for line in lines if not line.quiet)
    return Drawn(title, _svg(chart, title, words, ends), words, names)


def _settings() -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "js": (),
        "style": _SIZES,
        "show_legend": False,
        "disable_xml_declaration": True,
        "margin": 8,
        "truncate_label": -1,
        "no_data_text": "–",
    }


def _whole_steps(highest: int) -> list[int]:
    """About four steps of a round number, from zero to above the highest."""
    step = 1
    while step * 5 < highest:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return list(range(0, highest + step, step))


def _round_steps(numbers: Sequence[float]) -> list[float]:
    """About five round numbers around these, with room where all of them are the same."""
    least, most = min(numbers, default=0), max(numbers, default=1)
    room = max(most - least, abs(most) / 20, 0.1)
    power = 10 ** math.floor(math.log10(room / STEPS))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice * STEPS >= room)
    first, last = math.floor(least / step), math.ceil(most / step)
    while last - first < FEWEST_STEPS:
        first, last = first - 1, last + 1
    return [round(place * step, 6) for place in range(first, last + 1)]


def _plain(value: float) -> str:
    return f"{value:g}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _few_labels(values: Sequence[tuple[str, int]]) -> list[str]:
    """A name under every bar, or under every second or third where they would run into each other."""
    every = -(-len(values) // MOST_LABELS) or 1
    return [name if place % every == 0 else "" for place, (name, _number) in enumerate(values)]


def _svg(chart: Any, title: str, words: str, ends: Sequence[str]) -> SafeString:
    def finished(root: Element) -> Element:
        _clean(root)
        _name_ends(root, ends)
        _introduce(root, title, words)
        return root

    chart.add_xml_filter(finished)
    drawing: str = chart.render(is_unicode=True)
    return mark_safe(drawing)  # noqa: S308 - ElementTree escapes every text in it


def _clean(root: Element) -> None:
    """Without styles, scripts, tooltips and the library's own words."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_of_no_use(child):
                parent.remove(child)
    for element in root.iter():
        element.attrib.pop("style", None)
        element.attrib.pop("id", None)


def _is_of_no_use(element: Element) -> bool:
    """Comments (whose tag is no text), what the policy forbids, and what only the library's script reads."""
    classes = element.attrib.get("class", "").split()
    return element.tag not in _DRAWN or "tooltip-overlay" in classes


def _name_ends(root: Element, ends: Sequence[str]) -> None:
    """The names of the quiet lines, each where its line stops."""
    for series in [one for one in root.iter("g") if "series" in one.attrib.get("class", "").split()]:
        place = int(series.attrib["class"].split("serie-")[1].split()[0])
        line = series.find("path")
        if place < len(ends) and ends[place] and line is not None:
            x, y = line.attrib["d"].split()[-2:]
            end = {"x": f"{float(x.lstrip('ML')) + 4:g}", "y": f"{float(y) + LETTERS / 3:g}", "class": "end"}
            SubElement(series, "text", end).text = ends[place]


def _introduce(root: Element, title: str, words: str) -> None:
    """A name and a description for those who listen, under ids that no other chart of the page has."""
    mark = blake2b(f"{title}\0{words}".encode(), digest_size=6).hexdigest()
    named, said = f"chart-{mark}", f"chart-{mark}-words"
    for tag, ident, text in (("desc", said, words), ("title", named, title)):
        element = Element(tag, {"id": ident})
        element.text = text
        root.insert(0, element)
    about = {"aria-labelledby": named, "aria-describedby": said}
    root.attrib |= {"class": "chart__drawing", "role": "img", "focusable": "false"} | about
