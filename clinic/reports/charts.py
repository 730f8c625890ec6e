"""Charts, drawn on the server as part of the page.

Lives here: `bars` and `curves`, which answer a drawing whose every part has a class and no colour of its own:
`static/css/reports.css` gives it the colours of the chosen theme. Nothing in it is a style or a script, so
the page's policy needs no exception. What a chart says is said beside it in a table; whoever makes one gives
it a sentence as well (`words`). Why this library: docs/adr/0021-charts.md. Not here: the numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.style import Style

# The library hangs an importer for its maps into Python, of a kind that Python warns about. No maps here.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

WIDTH: Final = 440
HEIGHT: Final = 260
LETTERS: Final = 15
"""How high a letter is, in the drawing's own units: reports.css says the same."""
_DRAWN: Final = frozenset({"svg", "g", "path", "rect", "circle", "text"})
_SIZES: Final = Style(label_font_size=LETTERS, major_label_font_size=LETTERS, value_font_size=LETTERS)

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart: its title, the drawing, what it says in a sentence, and the names of its lines in order."""

    title: str
    svg: SafeString
    words: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart. A `quiet` one is there to compare with, and has no dots."""

    name: str
    points: Sequence[Point]
    quiet: bool = False


def bars(*, title: str, words: str, values: Sequence[tuple[str, int]], lying: bool = False) -> Drawn:
    """One bar for each (name, number); `lying` ones leave room for long names, the first on top."""
    highest = max([4, *(number for _name, number in values)])
    steps = _whole_steps(highest)
    shown = list(reversed(values)) if lying else values
    height = 40 + 36 * len(values) if lying else HEIGHT
    settings = _settings(words) | {"height": max(height, 110) if lying else HEIGHT, "range": (0, steps[-1])}
    chart = pygal.HorizontalBar(**settings) if lying else pygal.Bar(**settings)
    chart.y_labels = steps
    chart.x_labels = [name for name, _number in shown]
    chart.add("", [number for _name, number in shown])
    return Drawn(title, _svg(chart), words)


def curves(
    *,
    title: str,
    words: str,
    lines: Sequence[Curve],
    at: Sequence[float],
    say: Callable[[float], str],
) -> Drawn:
    """Lines over days or months; `at` are the places with a label below, and `say` words one."""
    chart = pygal.XY(**_settings(words), show_dots=True, dots_size=4, x_value_formatter=say)
    chart.x_labels = list(at)
    chart.value_formatter = _short
    for line in lines:
        chart.add("", list(line.points), show_dots=not line.quiet)
    return Drawn(title, _svg(chart), words, tuple(line.name for line in lines if not line.quiet))


def _settings(words: str) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "js": (),
        "style": _SIZES,
        "show_legend": False,
        "disable_xml_declaration": True,
        "margin": 8,
        "xml_filters": [_cleaner(words)],
        "truncate_label": 14,
        "no_data_text": "–",
    }


def _whole_steps(highest: int) -> list[int]:
    """About four steps of a round number, from zero to above the highest."""
    step = 1
    while step * 5 < highest:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return list(range(0, highest + step, step))


def _short(value: float) -> str:
    return f"{value:g}"


def _cleaner(words: str) -> Callable[[Element], Element]:
    def cleaned(root: Element) -> Element:
        """Without styles, scripts, tooltips and the library's own words; named for those who listen."""
        for parent in list(root.iter()):
            for child in list(parent):
                if _is_of_no_use(child):
                    parent.remove(child)
        for element in root.iter():
            element.attrib.pop("style", None)
            element.attrib.pop("id", None)
        root.attrib |= {"class": "chart__drawing", "role": "img", "aria-label": words, "focusable": "false"}
        return root

    return cleaned


def _is_of_no_use(element: Element) -> bool:
    """Comments (whose tag is no text), what the policy forbids, and what only the library's script reads."""
    classes = element.attrib.get("class", "").split()
    return element.tag not in _DRAWN or "tooltip-overlay" in classes


def _svg(chart: Any) -> SafeString:
    drawing: str = chart.render(is_unicode=True)
    return mark_safe(drawing)  # noqa: S308 - ElementTree escapes every text in it
