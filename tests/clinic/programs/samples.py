"""A small program for tests: two stages, two sections, one shared question."""

from __future__ import annotations

from typing import Any

import msgspec

from clinic.programs.document import (
    DataElementPart,
    OptionPart,
    OptionSetPart,
    ProgramDocument,
    SectionPart,
    StageElementPart,
    StagePart,
    ValueType,
)

WEIGHT = DataElementPart(
    uid="weight0",
    code="WEIGHT",
    name="Child weight",
    form_name="Weight",
    value_type=ValueType.NUMBER,
    unit="kg",
    merge_rule="ask",
    translations={"es": {"name": "Peso del niño", "form_name": "Peso"}, "fr": {"name": "Poids de l’enfant"}},
)
STATUS = DataElementPart(
    uid="status0", code="STATUS", name="Status", value_type=ValueType.TEXT, option_set="set0"
)
NOTE = DataElementPart(uid="note0", name="Note", value_type=ValueType.LONG_TEXT)
ANSWERS = OptionSetPart(
    uid="set0",
    name="Status",
    options=(
        OptionPart(uid="o1", code="GOOD", name="Good", translations={"es": {"name": "Bueno"}}),
        OptionPart(uid="o2", code="POOR", name="Poor"),
    ),
)
GROWTH = StagePart(
    uid="growth0",
    code="growth",
    name="Growth",
    elements=(
        StageElementPart(element="weight0", compulsory=True),
        StageElementPart(element="status0"),
        StageElementPart(element="note0"),
    ),
    sections=(SectionPart(uid="sec0", name="Measures", elements=("status0", "weight0")),),
    translations={"es": {"name": "Crecimiento"}},
)
FOLLOW_UP = StagePart(
    uid="follow0", name="Follow-up", repeatable=True, elements=(StageElementPart(element="weight0"),)
)
CHILD = ProgramDocument(
    uid="child0",
    code="CHILD",
    name="Child health",
    registration=True,
    stages=(GROWTH, FOLLOW_UP),
    elements=(WEIGHT, STATUS, NOTE),
    option_sets=(ANSWERS,),
)


def with_element(document: ProgramDocument, uid: str, /, **changes: Any) -> ProgramDocument:
    """The document with one data element changed."""
    elements = tuple(
        msgspec.structs.replace(part, **changes) if part.uid == uid else part for part in document.elements
    )
    return msgspec.structs.replace(document, elements=elements)


def with_stage(document: ProgramDocument, uid: str, /, **changes: Any) -> ProgramDocument:
    """The document with one stage changed."""
    stages = tuple(
        msgspec.structs.replace(part, **changes) if part.uid == uid else part for part in document.stages
    )
    return msgspec.structs.replace(document, stages=stages)
