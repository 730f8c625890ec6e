"""An expression as a tree.

Lives here: the six kinds of nodes, `walk`, and `written`, which prints a tree so that it parses to the same
tree again. Not here: making trees (`parsing.py`), what they come to (`evaluation.py`). Read next:
`parsing.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

Sigil: TypeAlias = Literal["#", "A", "V", "C"]
BINARY: Final[dict[str, int]] = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 4,
    ">": 4,
    "<=": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
    "^": 8,
}
"""How tightly each operator binds; all of them group from the left."""
_UNARY: Final = 7
_ATOM: Final = 9


@dataclass(frozen=True, slots=True)
class Text:
    """'words'"""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """12.5, never negative: the minus is an operator."""

    value: float


@dataclass(frozen=True, slots=True)
class Constant:
    """true, false, null"""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Reference:
    """#{a rule variable}, A{an attribute}, V{a variable of DHIS2}, C{a constant}"""

    sigil: Sigil
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """-x, +x, !x"""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """x + y"""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """d2:name(x, y)"""

    name: str
    arguments: tuple[Node, ...]


Node: TypeAlias = "Text | Number | Constant | Reference | Unary | Binary | Call"


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Call():
            return node.arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Every node, the top one first."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(children(found)))


def depth(node: Node) -> int:
    """How many nodes stand below each other at most."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        found, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in children(found))
    return deepest


def written(node: Node) -> str:
    """The text of a tree, with no more parentheses than it needs."""
    return _written(node, 0)


def _written(node: Node, around: int) -> str:
    text, tightness = _plain(node)
    return f"({text})" if tightness < around else text


def _plain(node: Node) -> tuple[str, int]:
    match node:
        case Text():
            return quoted(node.value), _ATOM
        case Number():
            return format(Decimal(repr(node.value)), "f"), _ATOM
        case Constant():
            return {True: "true", False: "false", None: "null"}[node.value], _ATOM
        case Reference():
            return f"{node.sigil}{{{node.name}}}", _ATOM
        case Unary():
            return f"{node.operator}{_written(node.operand, _UNARY)}", _UNARY
        case Binary():
            level = BINARY[node.operator]
            left, right = _written(node.left, level), _written(node.right, level + 1)
            return f"{left} {node.operator} {right}", level
        case Call():
            return f"{node.name}({', '.join(_written(one, 0) for one in node.arguments)})", _ATOM


def quoted(text: str) -> str:
    """A text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
