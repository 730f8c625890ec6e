"""Questions for tests: any value type, with or without options, alone in a stage."""

from __future__ import annotations

from datetime import date
from typing import Any

from clinic.programs.definition import (
    ElementDefinition,
    OptionDefinition,
    SectionDefinition,
    StageDefinition,
    Words,
)
from clinic.programs.document import ValueType

TODAY = date(2025, 11, 20)
FEW = (("A", "First"), ("B", "Second"), ("C", "Third"))
MANY = tuple((f"C{number}", f"Colour {number}") for number in range(12))
NOTHING = Words("")


def options(*pairs: tuple[str, str]) -> tuple[OptionDefinition, ...]:
    return tuple(OptionDefinition(code, code, Words(name)) for code, name in pairs)


def question(value_type: ValueType, key: str = "answer", **more: Any) -> ElementDefinition:
    """One question; several answers get a few to choose from."""
    if value_type is ValueType.MULTI_TEXT:
        more.setdefault("options", options(*FEW))
    label = Words(more.pop("label", f"About {key}"))
    return ElementDefinition(
        **{
            "uid": key,
            "key": key,
            "code": key,
            "name": label,
            "label": label,
            "description": NOTHING,
            "value_type": value_type,
            **more,
        }
    )


def stage(*elements: ElementDefinition, complete_to_save: bool = False) -> StageDefinition:
    """A stage with one section."""
    return StageDefinition(
        uid="stage0",
        code="stage",
        name=Words("Stage"),
        description=NOTHING,
        station="",
        sort_order=0,
        repeatable=False,
        min_days_from_start=0,
        standard_interval_days=0,
        from_enrollment_date=False,
        auto_generate=False,
        due_days=(),
        after="",
        after_days=0,
        complete_to_save=complete_to_save,
        occurred_label=NOTHING,
        due_label=NOTHING,
        sections=(SectionDefinition("section0", Words("Section"), NOTHING, elements),),
    )
