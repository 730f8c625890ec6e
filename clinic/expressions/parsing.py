"""From text to tree.

Lives here: the grammar and `parse`, which raises `NotAnExpression` with the place where the text stops making
sense. Operators group as in arithmetic: `8 / 4 * 2` is 4. Not here: whether the functions and variables exist
(`checking.py`). Read next: `checking.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError, UnexpectedInput, VisitError

from clinic.expressions.tree import Binary, Call, Constant, Node, Number, Reference, Sigil, Text, Unary, depth

MAX_LENGTH: Final = 20_000
MAX_DEPTH: Final = 150
_GRAMMAR: Final = r"""
?start: either
?either: both | either _OR both -> either
?both: same | both _AND same -> both
?same: order | same (EQUAL | DIFFERENT) order -> binary
?order: sum | order (LESS | MORE | AT_MOST | AT_LEAST) sum -> binary
?sum: product | sum (PLUS | MINUS) product -> binary
?product: signed | product (TIMES | OVER | MODULO) signed -> binary
?signed: power | (PLUS | MINUS | NOT) signed -> unary
?power: atom | power POWER exponent -> binary
?exponent: atom | (PLUS | MINUS) exponent -> unary
?atom: TEXT -> text
     | NUMBER -> number
     | CONSTANT -> constant
     | REFERENCE -> reference
     | FUNCTION "(" [either ("," either)*] ")" -> call
     | "(" either ")"

_OR.2: "||" | /or(?![\w.-])/
_AND.2: "&&" | /and(?![\w.-])/
NOT.2: /!(?!=)/ | /not(?![\w.-])/
EQUAL: "=="
DIFFERENT: "!="
AT_MOST: "<="
AT_LEAST: ">="
LESS: /<(?!=)/
MORE: />(?!=)/
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: /\/(?!\*)/
MODULO: "%"
POWER: "^"
TEXT: /'(\\.|[^'\\])*'/s | /"(\\.|[^"\\])*"/s
NUMBER: /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
CONSTANT.2: /(true|false|null)(?![\w.-])/
REFERENCE: /[#AVC]\{[^{}]+\}/
FUNCTION: /d2:[A-Za-z]+/
COMMENT: /\/\*.*?(\*\/|$)/s
SPACE: /\s+/
%ignore COMMENT
%ignore SPACE
"""
_NAME = re.compile(r"[\w .-]+", re.ASCII)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class NotAnExpression(ValueError):
    """A text that is no expression. `at` is the place, counted from 0; `near` what stands there."""

    def __init__(self, at: int, near: str) -> None:
        super().__init__(f"at {at}: {near!r}")
        self.at, self.near = at, near


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    if code.isdigit() and len(code) == 3:
        return chr(int(code, 8))
    return _ESCAPED.get(code, code)


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes our nodes as the parser goes along."""

    def either(self, left: Node, right: Node) -> Node:
        return Binary("||", left, right)

    def both(self, left: Node, right: Node) -> Node:
        return Binary("&&", left, right)

    def binary(self, left: Node, operator: Token, right: Node) -> Node:
        return Binary(str(operator), left, right)

    def unary(self, operator: Token, operand: Node) -> Node:
        return Unary("!" if operator == "not" else str(operator), operand)

    def text(self, token: Token) -> Node:
        return Text(_ESCAPE.sub(_unescaped, token[1:-1]))

    def number(self, token: Token) -> Node:
        value = float(token)
        if value == float("inf"):
            raise NotAnExpression(token.start_pos or 0, str(token)[:20])
        return Number(value)

    def constant(self, token: Token) -> Node:
        return Constant({"true": True, "false": False}.get(token))

    def reference(self, token: Token) -> Node:
        name = " ".join(token[2:-1].split())
        if not _NAME.fullmatch(name):
            raise NotAnExpression(token.start_pos or 0, str(token)[:20])
        return Reference(cast(Sigil, token[0]), name)

    def call(self, name: Token, *arguments: Node | None) -> Node:
        return Call(str(name), tuple(one for one in arguments if one is not None))


@lru_cache(maxsize=1)
def _parser() -> Any:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


@lru_cache(maxsize=8192)
def parse(text: str) -> Node:
    """The tree of an expression; raises `NotAnExpression`."""
    if len(text) > MAX_LENGTH:
        raise NotAnExpression(MAX_LENGTH, text[MAX_LENGTH : MAX_LENGTH + 20])
    try:
        tree: Node = _parser().parse(text)
    except UnexpectedInput as error:
        place = getattr(error, "pos_in_stream", None)
        at = len(text) if place is None or place < 0 else int(place)
        raise NotAnExpression(at, text[at : at + 20]) from None
    except VisitError as error:
        if isinstance(error.orig_exc, NotAnExpression):
            raise error.orig_exc from None
        raise NotAnExpression(0, text[:20]) from None
    except LarkError:
        raise NotAnExpression(0, text[:20]) from None
    if depth(tree) > MAX_DEPTH:
        raise NotAnExpression(0, text[:20])
    return tree
