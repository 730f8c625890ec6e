"""Text to tree and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.expressions.checking import faults, needs
from clinic.expressions.functions import FUNCTIONS
from clinic.expressions.parsing import MAX_DEPTH, MAX_LENGTH, NotAnExpression, parse
from clinic.expressions.tree import (
    BINARY,
    Binary,
    Call,
    Constant,
    Node,
    Number,
    Reference,
    Text,
    Unary,
    depth,
    written,
)

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,8}( [a-z]{1,3})?", fullmatch=True)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, st.text(max_size=8)),
    st.builds(Number, st.floats(min_value=0, max_value=1e12, allow_nan=False)),
    st.builds(Constant, st.sampled_from([True, False, None])),
    st.builds(Reference, st.sampled_from(["#", "A", "V", "C"]), NAMES),
)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Unary, st.sampled_from(["-", "+", "!"]), inner),
        st.builds(Binary, st.sampled_from(sorted(BINARY)), inner, inner),
        st.builds(Call, st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)


@given(TREES)
def test_a_printed_tree_is_read_as_the_same_tree(tree: Node) -> None:
    assert parse(written(tree)) == tree


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        assert depth(parse(text)) >= 1
    except NotAnExpression as error:
        assert 0 <= error.at <= len(text)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("8 / 4 * 2", "(8 / 4) * 2"),
        ("10 - 3 + 2", "(10 - 3) + 2"),
        ("-2 ^ 2", "-(2 ^ 2)"),
        ("a() ", None),
        ("!#{a} == false", "(!#{a}) == false"),
        ("#{a} and not #{b} or #{c}", "(#{a} && !#{b}) || #{c}"),
        ("/* why */ 1 /* because */ + 1", "1 + 1"),
        ("#{a  b}", "#{a b}"),
        ("#{order}", "#{order}"),
        ("1 = 1", None),
        ("1 <> 2", None),
        ("#{a", None),
        ("", None),
        ("1 2", None),
        ("'open", None),
    ],
)
def test_operators_group_as_in_arithmetic(text: str, means: str | None) -> None:
    if means is None:
        with pytest.raises(NotAnExpression):
            parse(text)
    else:
        assert parse(text) == parse(means)


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    for text in ("1" * (MAX_LENGTH + 1), "(" * 5000 + "1" + ")" * 5000, "!" * (MAX_DEPTH + 1) + "true"):
        if text.startswith("("):
            assert parse(text) == parse("1")  # parentheses leave nothing in the tree
        else:
            with pytest.raises(NotAnExpression):
                parse(text)


def test_escapes() -> None:
    assert parse(r"'a\'b\u0041\n'") == Text("a'bA\n")


def test_what_a_tree_needs() -> None:
    tree = parse("d2:hasValue('weight kg') && #{height} > d2:condition('A{sex} == 1', C{con}, V{event_date})")
    assert needs(tree) == {"weight kg", "height", "sex", "con", "event_date"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("d2:foo(1)", "unknown-function"),
        ("d2:hasValue()", "wrong-arguments"),
        ("d2:round(1, 2, 3)", "wrong-arguments"),
        ("#{nobody}", "unknown-variable"),
        ("d2:hasValue('nobody')", "unknown-variable"),
        ("V{weather}", "unknown-variable"),
        ("d2:validatePattern(#{a}, '(')", "not-a-pattern"),
        ("d2:condition('1 +', 1, 2)", "not-an-expression"),
        ("d2:condition(#{a}, 1, 2)", "wrong-arguments"),
        ("d2:relationshipCount()", "not-here"),
        ("d2:count(#{a}) > 0 && V{current_date} != ''", ""),
    ],
)
def test_what_can_never_work_is_known_before_anybody_is_asked(text: str, code: str) -> None:
    assert [fault.code for fault in faults(parse(text), {"a"})] == ([code] if code else [])
