"""What an expression needs, before anybody is asked anything.

Lives here: `needs`, which says which variables a tree uses, and `faults`, which lists what can never work: an
unknown function, a wrong number of arguments, a variable that is not there, a broken pattern. Not here: what
comes of it (`clinic/programs/rules.py`). Read next: `evaluation.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from clinic.expressions.functions import FUNCTIONS
from clinic.expressions.parsing import NotAnExpression, parse
from clinic.expressions.tree import Call, Node, Reference, Text, walk

KNOWN_HERE: Final = frozenset(
    """completed_date creation_date current_date due_date enrollment_count enrollment_date enrollment_id
    enrollment_status environment event_count event_date event_id event_status execution_date incident_date
    org_unit orgunit_code program_name program_stage_id program_stage_name scheduled_date
    tei_count""".split()
)
"""`V{}` variables that capture knows."""
NOT_HERE: Final = frozenset({"d2:relationshipCount"})
"""Functions that parse and cannot be answered at a clinic."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an expression cannot be used. `code` is stable, `about` is the name or the place."""

    code: str
    about: str


def needs(node: Node) -> frozenset[str]:
    """The names of the variables that a tree uses, in whichever way."""
    return frozenset(name for name, _sigil in _used(node))


def _used(node: Node) -> Iterator[tuple[str, str]]:
    for part in walk(node):
        if isinstance(part, Reference):
            yield part.name, part.sigil
        elif isinstance(part, Call):
            yield from _named_by(part)


def _named_by(call: Call) -> Iterator[tuple[str, str]]:
    """Variables that a function takes by their name, and those of a condition that is a text."""
    function = FUNCTIONS.get(call.name)
    for position, argument in enumerate(call.arguments):
        if isinstance(argument, Text) and function is not None:
            if function.kind_of(position) == "variable":
                yield " ".join(argument.value.split()), "#"
            elif call.name == "d2:condition" and position == 0:
                try:
                    yield from _used(parse(argument.value))
                except NotAnExpression:
                    continue


def faults(node: Node, known: Collection[str]) -> list[Fault]:
    """Everything that keeps a tree from ever working with these variables, each once."""
    found: dict[Fault, None] = {}
    for part in walk(node):
        if isinstance(part, Call):
            found |= dict.fromkeys(_call_faults(part))
    for name, sigil in _used(node):
        if sigil == "V" and name not in KNOWN_HERE:
            found[Fault("unknown-variable", f"V{{{name}}}")] = None
        elif sigil != "V" and name not in known:
            found[Fault("unknown-variable", f"{sigil}{{{name}}}")] = None
    return list(found)


def _call_faults(call: Call) -> Iterator[Fault]:
    function = FUNCTIONS.get(call.name)
    if function is None:
        yield Fault("unknown-function", call.name)
    elif call.name in NOT_HERE:
        yield Fault("not-here", call.name)
    elif not function.takes(len(call.arguments)):
        yield Fault("wrong-arguments", call.name)
    elif call.name == "d2:condition":
        yield from _condition_faults(call)
    elif call.name == "d2:validatePattern" and isinstance(call.arguments[1], Text):
        yield from _pattern_faults(call.arguments[1].value)


def _condition_faults(call: Call) -> Iterator[Fault]:
    first = call.arguments[0]
    try:
        inner = parse(first.value) if isinstance(first, Text) else None
    except NotAnExpression as error:
        yield Fault("not-an-expression", error.near)
        return
    if inner is None:
        yield Fault("wrong-arguments", call.name)
        return
    for part in walk(inner):
        if isinstance(part, Call):
            yield from _call_faults(part)


def _pattern_faults(pattern: str) -> Iterator[Fault]:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        yield Fault("not-a-pattern", pattern[:40])
