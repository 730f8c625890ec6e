"""A valid answer to any question of any program.

Lives here, pure: `answers_for` – every question of a stage that a program can answer, by the question's uid.
Files and images come in a later release. Not here: what is valid (`clinic/forms/values.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from clinic.forms.values import FILES
from clinic.programs.definition import ElementDefinition, StageDefinition
from clinic.programs.document import ValueType

Make = Callable[[random.Random, date], Any]


def _past(rng: random.Random, today: date, days: int = 900) -> date:
    return today - timedelta(days=rng.randrange(1, days))


_MAKE: Final[dict[ValueType, Make]] = {
    ValueType.TEXT: lambda rng, _on: rng.choice(
        ("Tos seca", "Toux sèche", "सूखी खाँसी", "سعال جاف", "dry cough")
    ),
    ValueType.LONG_TEXT: lambda rng, _on: f"Llegó a pie.\nदूसरी पंक्ति\nالسطر الثالث {rng.randrange(100)}",
    ValueType.LETTER: lambda rng, _on: rng.choice("ABCÑÉ"),
    ValueType.PHONE_NUMBER: lambda rng, _on: f"+507 6{rng.randrange(10**7):07}",
    ValueType.EMAIL: lambda rng, _on: f"person{rng.randrange(1000)}@example.org",
    ValueType.BOOLEAN: lambda rng, _on: rng.choice(("true", "false")),
    ValueType.TRUE_ONLY: lambda _rng, _on: "true",
    ValueType.DATE: lambda rng, on: _past(rng, on).isoformat(),
    ValueType.DATETIME: lambda rng, on: (
        f"{_past(rng, on).isoformat()}T{rng.randrange(24):02}:{rng.randrange(60):02}"
    ),
    ValueType.TIME: lambda rng, _on: f"{rng.randrange(24):02}:{rng.randrange(60):02}",
    ValueType.NUMBER: lambda rng, _on: f"{rng.uniform(-3, 120):.1f}",
    ValueType.UNIT_INTERVAL: lambda rng, _on: f"{rng.random():.2f}",
    ValueType.PERCENTAGE: lambda rng, _on: str(rng.randrange(101)),
    ValueType.INTEGER: lambda rng, _on: str(rng.randrange(-50, 50)),
    ValueType.INTEGER_POSITIVE: lambda rng, _on: str(rng.randrange(1, 99)),
    ValueType.INTEGER_NEGATIVE: lambda rng, _on: str(rng.randrange(-99, 0)),
    ValueType.INTEGER_ZERO_OR_POSITIVE: lambda rng, _on: str(rng.randrange(99)),
    ValueType.USERNAME: lambda rng, _on: f"user{rng.randrange(1000)}",
    ValueType.COORDINATE: lambda rng, _on: f"[{rng.uniform(-83, -81):.4f},{rng.uniform(8, 10):.4f}]",
    ValueType.REFERENCE: lambda rng, _on: f"a{rng.randrange(10**10):010}",
    ValueType.AGE: lambda rng, on: _past(rng, on, 20_000).isoformat(),
    ValueType.URL: lambda rng, _on: f"https://example.org/{rng.randrange(1000)}",
    ValueType.GEOJSON: lambda rng, _on: f'{{"type":"Point","coordinates":[{rng.uniform(-83, -81):.3f},9.1]}}',
}


def answers_for(stage: StageDefinition, rng: random.Random, today: date, place: str) -> dict[str, Any]:
    """An answer to every question of the stage. `place` is the id of a facility."""
    made = {element.uid: _answer(element, rng, today, place) for element in stage.elements}
    return {uid: answer for uid, answer in made.items() if answer is not None}


def _answer(element: ElementDefinition, rng: random.Random, today: date, place: str) -> Any | None:
    codes = [option.code for option in element.options]
    if element.value_type in FILES:
        return None
    if element.value_type is ValueType.MULTI_TEXT:
        return rng.sample(codes, min(2, len(codes))) or None
    if codes:
        return rng.choice(codes)
    if element.value_type is ValueType.ORGANISATION_UNIT:
        return place
    return _MAKE[element.value_type](rng, today)
