"""What a tree comes to.

Lives here: `evaluate`, `text_of` (the result as DHIS2 hands it on) and `holds` (the result of a condition).
They raise nothing but `CannotEvaluate`, whatever the values are, and the same values always come to the same.
Not here: the functions (`functions.py`). Read next: `functions.py`.

Numbers are reckoned in decimal with 16 digits, so that 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import math
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from decimal import Context as DecimalContext
from typing import Final

from clinic.expressions.functions import FUNCTIONS, Function
from clinic.expressions.parsing import NotAnExpression, parse
from clinic.expressions.tree import Binary, Call, Constant, Node, Number, Reference, Text, Unary, quoted
from clinic.expressions.values import (
    CannotEvaluate,
    Context,
    Kind,
    Operand,
    Value,
    Variable,
    as_date,
    as_number,
    as_text,
    as_truth,
    as_whole,
    plain,
)

_SIXTEEN: Final = DecimalContext(prec=16, rounding=ROUND_HALF_UP)


def evaluate(node: Node, context: Context) -> Operand:
    """What the tree comes to; a bare variable stays one."""
    match node:
        case Text() | Number() | Constant():
            return node.value
        case Reference():
            return _named(node.name, context)
        case Unary():
            return _unary(node, context)
        case Binary():
            return _binary(node, context)
        case Call():
            return _call(node, context)


def text_of(node: Node, context: Context) -> str | None:
    """The result as text; a bare variable as it is written."""
    result = evaluate(node, context)
    if isinstance(result, Variable) and result.value is not None:
        return result.value
    return as_text(result)


def holds(node: Node, context: Context) -> bool:
    """Whether a condition is met."""
    text = text_of(node, context)
    return text is not None and text.lower() == "true"


def _named(name: str, context: Context) -> Variable:
    found = context.variables.get(name)
    if found is None:
        raise CannotEvaluate(f"there is no variable {name}")
    return found


def _unary(node: Unary, context: Context) -> Value:
    if node.operator == "!":
        truth = as_truth(evaluate(node.operand, context))
        if truth is None:
            raise CannotEvaluate("not of nothing")
        return not truth
    number = _needed(as_number(evaluate(node.operand, context)))
    return -number if node.operator == "-" else number


def _needed(number: float | None) -> float:
    if number is None:
        raise CannotEvaluate("a number is missing")
    return number


def _binary(node: Binary, context: Context) -> Value:
    if node.operator in ("&&", "||"):
        return _logic(node, context)
    left, right = evaluate(node.left, context), evaluate(node.right, context)
    if node.operator in ("==", "!="):
        return _equal(plain(left), plain(right)) == (node.operator == "==")
    if node.operator in ("<", ">", "<=", ">="):
        return _ordered(node.operator, plain(left), plain(right))
    return _reckoned(node.operator, _needed(as_number(left)), _needed(as_number(right)))


def _logic(node: Binary, context: Context) -> bool | None:
    decides = node.operator == "||"
    left = as_truth(evaluate(node.left, context))
    if left is decides:
        return decides
    right = as_truth(evaluate(node.right, context))
    if left is None or right is None:
        return True if decides and right else None
    return right


def _equal(left: Value, right: Value) -> bool:
    if left is None or right is None:
        return left is None and right is None
    if isinstance(left, bool) or isinstance(right, bool):
        return as_truth(left) == as_truth(right)
    if isinstance(left, float) or isinstance(right, float):
        return as_number(left) == as_number(right)
    return as_text(left) == as_text(right)


def _ordered(operator: str, left: Value, right: Value) -> bool:
    if left is None or right is None:
        raise CannotEvaluate("there is nothing to compare with")
    first: str | float
    second: str | float
    if isinstance(left, str) and isinstance(right, str):
        first, second = left, right
    elif date in (type(left), type(right)) and {type(left), type(right)} <= {date, str}:
        first, second = _day(left), _day(right)
    else:
        first, second = _needed(as_number(left)), _needed(as_number(right))
    if operator in ("<", ">="):
        return (first < second) == (operator == "<")  # type: ignore[operator]  # both are of one kind
    return (first > second) == (operator == ">")  # type: ignore[operator]


def _day(value: Value) -> str:
    found = as_date(value)
    return found.isoformat() if found else ""


def _reckoned(operator: str, left: float, right: float) -> float:
    if not (math.isfinite(left) and math.isfinite(right)):
        raise CannotEvaluate("the result is no number")
    if operator in ("/", "%") and right == 0:
        raise CannotEvaluate("division by zero")
    try:
        return _power(left, right) if operator == "^" else _decimal(operator, left, right)
    except (DecimalException, OverflowError, ZeroDivisionError):
        raise CannotEvaluate("the result is no number") from None


def _power(left: float, right: float) -> float:
    result = left**right
    if isinstance(result, complex):
        raise CannotEvaluate("the result is no number")
    return float(result)


def _decimal(operator: str, left: float, right: float) -> float:
    first, second = Decimal(repr(left)), Decimal(repr(right))
    match operator:
        case "+":
            return float(_SIXTEEN.add(first, second))
        case "-":
            return float(_SIXTEEN.subtract(first, second))
        case "*":
            return float(_SIXTEEN.multiply(first, second))
        case "/":
            return float(_SIXTEEN.divide(first, second))
    return modulo(left, right)


def modulo(left: float, right: float) -> float:
    """The rest with the sign of the divisor."""
    if right == 0 or not (math.isfinite(left) and math.isfinite(right)):
        raise CannotEvaluate("division by zero")
    return left % right


def _call(node: Call, context: Context) -> Value:
    if node.name == "d2:hasValue":
        return _has_value(node, context)
    if node.name == "d2:condition":
        return _chosen(node, context)
    if node.name == "d2:countIfCondition":
        return _count_if(node, context)
    function = FUNCTIONS.get(node.name)
    if function is None or not function.takes(len(node.arguments)):
        raise CannotEvaluate(f"{node.name} does not take these arguments")
    arguments = [
        _argument(function.kind_of(position), argument, context)
        for position, argument in enumerate(node.arguments)
    ]
    return _run(function, context, arguments)


def _run(function: Function, context: Context, arguments: list[object]) -> Value:
    try:
        return function.run(context, *arguments)
    except (ArithmeticError, DecimalException, ValueError) as error:
        raise CannotEvaluate(str(error)) from None


def _argument(kind: str, node: Node, context: Context) -> object:
    if kind == "variable":
        return _variable(node, context)
    value = evaluate(node, context)
    match kind:
        case "number":
            return as_number(value)
        case "whole":
            return as_whole(value)
        case "date":
            return as_date(value)
    return as_text(value)


def _variable(node: Node, context: Context) -> Variable | None:
    """A variable, named or itself."""
    if isinstance(node, Text):
        return context.variables.get(" ".join(node.value.split()))
    value = evaluate(node, context)
    if isinstance(value, Variable):
        return value
    raise CannotEvaluate("a variable is missing")


def _has_value(node: Call, context: Context) -> bool:
    try:
        found = _variable(node.arguments[0], context) if node.arguments else None
    except CannotEvaluate:
        return False
    return found is not None and found.value is not None


def _chosen(node: Call, context: Context) -> Value:
    """d2:condition('#{x} > 3', a, b): the condition is a text, as DHIS2 has it."""
    if len(node.arguments) != 3 or not isinstance(node.arguments[0], Text):
        raise CannotEvaluate("d2:condition takes a text and two values")
    met = holds(_parsed(node.arguments[0].value), context)
    return plain(evaluate(node.arguments[1 if met else 2], context))


def _count_if(node: Call, context: Context) -> float:
    """d2:countIfCondition(#{x}, '> 3')"""
    if len(node.arguments) != 2 or not isinstance(node.arguments[1], Text):
        raise CannotEvaluate("d2:countIfCondition takes a variable and a text")
    found, rest = _variable(node.arguments[0], context), node.arguments[1].value
    met = 0
    for value in found.others if found else ():
        literal = f"({value})" if found and found.kind is Kind.NUMBER else quoted(value)
        met += holds(_parsed(f"{literal} {rest}"), context)
    return float(met)


def _parsed(text: str) -> Node:
    try:
        return parse(text)
    except NotAnExpression:
        raise CannotEvaluate(f"{text[:40]!r} is no expression") from None
