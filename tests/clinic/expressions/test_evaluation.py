"""What expressions come to, with DHIS2's readings of values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.expressions.evaluation import evaluate, holds, text_of
from clinic.expressions.parsing import parse
from clinic.expressions.tree import Node
from clinic.expressions.values import CannotEvaluate, Context, Kind, Variable
from tests.clinic.expressions.test_parsing import TREES

VARIABLES = {
    "n": Variable(Kind.NUMBER, "3.5", ("3.5", "-1"), "2025-11-20"),
    "e": Variable(Kind.NUMBER),
    "t": Variable(Kind.TEXT, "abc", ("abc", "x", "abc"), "2025-11-20"),
    "te": Variable(Kind.TEXT),
    "b": Variable(Kind.TRUTH, "true", ("true",)),
    "be": Variable(Kind.TRUTH),
    "d": Variable(Kind.DATE, "2025-01-31", ("2025-01-31",)),
    "de": Variable(Kind.DATE),
    "org_unit": Variable(Kind.TEXT, "ou"),
}
CONTEXT = Context(VARIABLES, {"g": ["ou"]}, ["nurse"])
CANNOT = object()


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("8/4*2", "4"),
        ("0.1+0.2", "0.3"),
        ("1/3", "0.3333333333333333"),
        ("7%3", "1"),
        ("2^10", "1024"),
        ("1/0", CANNOT),
        ("#{e}+1", "1"),
        ("#{te}==''", "true"),
        ("#{be}==false", "true"),
        ("#{de}==''", "false"),
        ("#{te}==0", CANNOT),
        ("#{t}+1", CANNOT),
        ("#{nobody}", CANNOT),
        ("'1'==1", "true"),
        ("true=='true'", "true"),
        ("null==null", "true"),
        ("'a'<'b'", "true"),
        ("#{d}<'2025-02-01'", "true"),
        ("'2025-01-31'==#{d}", "true"),
        ("null && true", None),
        ("null || true", "true"),
        ("1 && true", "true"),
        ("#{n} && true", CANNOT),
        ("false && 1/0 > 1", "false"),
        ("d2:hasValue(#{n}) && !d2:hasValue('e') && !d2:hasValue(#{nobody})", "true"),
        ("d2:daysBetween(#{d},'2025-02-28')", "28"),
        ("d2:daysBetween(#{de},'2025-02-28')", CANNOT),
        ("d2:weeksBetween('2025-02-28',#{d})", "-4"),
        ("d2:monthsBetween('2025-01-31','2025-02-28')", "0"),
        ("d2:monthsBetween('2025-03-31','2025-02-28')", "-1"),
        ("d2:yearsBetween('2000-02-29','2001-02-28')", "0"),
        ("d2:minutesBetween('2025-01-31','2025-02-01')", "1440"),
        ("d2:addDays(#{d},1)", "2025-02-01"),
        ("d2:addDays('9999-12-31',1)", CANNOT),
        ("d2:concatenate('a',#{n},1,true,#{d},#{te},#{e})", "a3.51true2025-01-310"),
        ("d2:round(2.5)", "3"),
        ("d2:round(-2.456,2)", "-2.46"),
        ("d2:ceil(-0.5)", "0"),
        ("d2:floor(-0.5)", "-1"),
        ("d2:substring('hello',1,3)", "el"),
        ("d2:substring('hello',9,12)", ""),
        ("d2:left('hello',2)", "he"),
        ("d2:right('hello',2)", "lo"),
        ("d2:split('a,b,c',',',1)", "b"),
        ("d2:split('a',',',4)", ""),
        ("d2:validatePattern(123,'[0-9]+')", "true"),
        ("d2:validatePattern('abc','a')", "false"),
        ("d2:zing(-1)", "0"),
        ("d2:oizp(0)+d2:oizp(-1)", "1"),
        ("d2:zpvc(1,-1,0)", "2"),
        ("d2:modulus(30,7)", "2"),
        ("d2:count(#{t})", "3"),
        ("d2:countIfValue(#{t},'abc')", "2"),
        ("d2:countIfZeroPos(#{n})", "1"),
        ("d2:countIfCondition(#{n},'> 0')", "1"),
        ("d2:maxValue(#{n})", "3.5"),
        ("d2:minValue(#{n})", "-1"),
        ("d2:lastEventDate('t')", "2025-11-20"),
        ("d2:lastEventDate('e')", None),
        ("d2:inOrgUnitGroup('g')", "true"),
        ("d2:hasUserRole('nurse')", "true"),
        ("d2:condition(\"#{n} > 3\",'a','b')", "a"),
        ("d2:contains('abc','b','c')", "true"),
        ("d2:containsItems('a,b','a','c')", "false"),
        ("d2:length(#{t})", "3"),
        ("d2:extractDataMatrixValue('gtin', ']d20108470006991541211\\u001d10ABC')", "08470006991541"),
        ("d2:extractDataMatrixValue('lot number', ']d210ABC\\u001d17260101')", "ABC"),
        ("d2:extractDataMatrixValue('gtin', 'hello')", CANNOT),
        ("d2:relationshipCount()", CANNOT),
    ],
)
def test_what_an_expression_comes_to(text: str, means: object) -> None:
    if means is CANNOT:
        with pytest.raises(CannotEvaluate):
            text_of(parse(text), CONTEXT)
    else:
        assert text_of(parse(text), CONTEXT) == means


def test_a_condition_is_met_by_true_only() -> None:
    assert holds(parse("#{b}"), CONTEXT)
    assert not holds(parse("1"), CONTEXT)
    assert not holds(parse("null"), CONTEXT)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("d2:zScoreWFA(12, 9.6, 'M')", -0.05),
        ("d2:zScoreWFA(12, 9.6, 'F')", 0.57),
        ("d2:zScoreHFA(24, 87.8, 'male')", 0.0),
        ("d2:zScoreWFH(80, 10, '0')", -0.53),
    ],
)
def test_growth_is_scored_by_the_standards_of_the_who(text: str, score: float) -> None:
    assert float(text_of(parse(text), CONTEXT) or "nan") == pytest.approx(score, abs=0.06)


@pytest.mark.parametrize(
    "text", ["d2:zScoreWFA(61, 9, 'M')", "d2:zScoreWFA(12, 9, '?')", "d2:zScoreWFH(20, 9, 'M')"]
)
def test_growth_is_not_guessed(text: str) -> None:
    with pytest.raises(CannotEvaluate):
        text_of(parse(text), CONTEXT)


VALUES = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.sampled_from(["true", "1", "-3.25", "2025-11-20", "0001-01-01", "1e308", "99999999999999999999"]),
    st.decimals(allow_nan=False, allow_infinity=False).map(Decimal.__str__),
)
VARIABLE = st.builds(
    Variable, st.sampled_from(Kind), VALUES, st.lists(st.text(max_size=4)).map(tuple), VALUES
)


class Anything(dict[str, Variable]):
    """Has a variable of every name."""

    def get(self, name: str, default: object = None) -> Variable:
        values = list(self.values())
        return values[len(name) % len(values)]


def outcome(tree: Node, context: Context) -> tuple[str, str]:
    try:
        return repr(evaluate(tree, context)), text_of(tree, context) or ""
    except CannotEvaluate as reason:
        return "refused", str(reason)


@given(TREES, st.lists(VARIABLE, min_size=1, max_size=4))
def test_no_value_brings_an_expression_down_and_the_same_comes_to_the_same(
    tree: Node, variables: list[Variable]
) -> None:
    context = Context(Anything({str(place): one for place, one in enumerate(variables)}))
    assert outcome(tree, context) == outcome(tree, context)
