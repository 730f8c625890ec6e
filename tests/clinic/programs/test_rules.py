"""Compiling a version's rules, and what they make of answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.expressions.values import CannotEvaluate
from clinic.programs.definition import resolve
from clinic.programs.effects import Effects, Recorded, Situation, effects_of
from clinic.programs.rules import ActionKind, RuleFault, compiled
from clinic.programs.wording import fault_words
from tests.clinic.programs.rule_samples import RULES, VARIABLES, act, book, document, reads, rule

NOW = datetime(2025, 11, 20, 9, tzinfo=UTC)


def effects(values: dict[str, Any], past: list[Recorded] | None = None, **changes: Any) -> Effects:
    event = Recorded("now", "r_stage", NOW, values, made=9)
    return effects_of(book(**changes), Situation(event, NOW.date(), past or []))


def before(days: int, **values: Any) -> Recorded:
    return Recorded(f"{days}", "r_stage", NOW - timedelta(days=days), values)


def test_what_cannot_work_is_off_and_told_and_the_rest_works() -> None:
    found = book()
    assert [(fault.rule, fault.part, fault.code) for fault in found.faults] == [
        ("v_lost", "variable", "unknown-question"),
        ("text", "action", "not-followed"),
        ("broken", "condition", "not-an-expression"),
        ("missing", "condition", "unknown-variable"),
        ("half", "action", "unknown-question"),
    ]
    off = {"broken", "missing", "text"}
    assert {rule.uid for rule in found.rules} == {one["uid"] for one in RULES} - off
    assert all(fault_words(fault) for fault in found.faults)
    assert fault_words(found.faults[1]) == (
        "One action of the rule is off. SENDMESSAGE is not followed here."
    )
    assert "#{nobody}" in fault_words(found.faults[3])


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (act("FLY"), "unknown-action"),
        (act("SCHEDULEMESSAGE", templateUid="tmpl", data="V{current_date}"), "not-followed"),
        (act("CREATEEVENT", programStage={"id": "r_stage"}), "not-followed"),
        (act("HIDEFIELD"), "unknown-question"),
        (act("HIDESECTION", programStageSection={"id": "nowhere"}), "unknown-section"),
        (act("HIDEPROGRAMSTAGE", programStage={"id": "nowhere"}), "unknown-stage"),
        (act("HIDEOPTION", "r_risk", option={"id": "nowhere"}), "unknown-option"),
        (act("SHOWOPTIONGROUP", "r_risk", optionGroup={"id": "nowhere"}), "unknown-group"),
        (act("ASSIGN", content="#{nobody}", data="1"), "unknown-variable"),
        (act("ASSIGN", "r_bmi", data="1 +"), "not-an-expression"),
    ],
)
def test_an_action_that_leads_nowhere_is_off(action: dict[str, Any], code: str) -> None:
    found = book(rules=[rule("one", "true", action)])
    assert [(fault.part, fault.code) for fault in found.faults if fault.rule == "one"] == [("action", code)]
    assert not found.rules


def test_rules_run_by_priority_and_those_without_one_last() -> None:
    rules = [
        rule(uid, "true", act("DISPLAYTEXT", content=uid), priority=at)
        for uid, at in (("none", None), ("two", 2), ("one", 1))
    ]
    assert [str(said) for said in effects({}, rules=rules).texts] == ["one", "two", "none"]


def test_what_is_assigned_is_seen_by_the_rules_that_follow() -> None:
    found = effects({"weight": "81", "height": "180"})
    assert found.assigned == {"bmi": "25"}
    assert [(str(said.words), said.data) for said in found.pairs] == [("BMI", "25")]
    assert found.values["bmi"] == "25"


def test_an_assigned_answer_changes_what_an_earlier_rule_had_read() -> None:
    rules = [
        rule("first", "#{bmi} > 20", act("DISPLAYTEXT", content="Heavy")),
        rule("then", "true", act("ASSIGN", "r_bmi", data="30")),
    ]
    assert [str(said) for said in effects({}, rules=rules).texts] == ["Heavy"]


def test_rules_that_chase_each_other_come_to_an_end() -> None:
    rules = [rule("flip", "true", act("ASSIGN", "r_bmi", data="1 - #{bmi}"))]
    assert effects({"bmi": "1"}, rules=rules).assigned["bmi"] in ("0", "1")


def test_a_question_that_does_not_apply_loses_its_answer() -> None:
    found = effects({"sick": "false", "days": "40"})
    assert found.hidden == {"days"}
    assert "days" not in found.values
    assert not found.complete_errors  # the rule that read it runs again without it
    assert effects({"sick": "true", "days": "40"}).required == {"days"}


def test_warnings_and_errors_stand_beside_their_question() -> None:
    assert [(said.key, str(said)) for said in effects({"weight": "400"}).errors] == [
        ("weight", "Nobody weighs that.")
    ]
    assert [said.key for said in effects({"weight": "2"}).warnings] == ["weight"]
    assert [str(said) for said in effects({"sick": "true", "days": "31"}).complete_errors] == [
        "Refer before you finish."
    ]


def test_options_are_hidden_and_taken_out() -> None:
    found = effects({"weight": "70", "height": "180", "risk": "HIGH"})
    assert not found.allows("risk", "HIGH")
    assert found.allows("risk", "LOW")
    assert "risk" not in found.values


def test_a_group_of_options_is_all_there_is() -> None:
    kept = {"optionGroups": [{"id": "group", "options": [{"id": "r_low"}, {"id": "r_mid"}]}]}
    rules = [rule("only", "true", act("SHOWOPTIONGROUP", "r_risk", optionGroup={"id": "group"}))]
    found = effects({"risk": "HIGH"}, rules=rules, kept=kept)
    assert [found.allows("risk", code) for code in ("LOW", "MID", "HIGH")] == [True, True, False]
    rules = [rule("not", "true", act("HIDEOPTIONGROUP", "r_risk", optionGroup={"id": "group"}))]
    assert [effects({}, rules=rules, kept=kept).allows("risk", code) for code in ("LOW", "HIGH")] == [
        False,
        True,
    ]


def test_sections_and_stages() -> None:
    rules = [
        rule("section", "true", act("HIDESECTION", programStageSection={"id": "r_one"})),
        rule("stage", "true", act("HIDEPROGRAMSTAGE", programStage={"id": "r_stage"})),
    ]
    event = Recorded("now", "r_stage", NOW, {"weight": "70"})
    found = effects_of(book(rules=rules), Situation(event, NOW.date()), {"r_one": {"weight"}})
    assert (found.hidden_sections, found.hidden_stages, found.hidden) == ({"r_one"}, {"r_stage"}, {"weight"})


def test_where_a_variable_finds_its_value() -> None:
    past = [before(10, weight="60"), before(5, weight="65", sick="true")]
    variables = [
        reads("previous", "DATAELEMENT_PREVIOUS_EVENT", "r_weight"),
        reads("newest", "DATAELEMENT_NEWEST_EVENT_PROGRAM", "r_weight"),
        reads("here", "DATAELEMENT_NEWEST_EVENT_PROGRAM_STAGE", "r_weight", programStage={"id": "r_stage"}),
        reads("current", "DATAELEMENT_CURRENT_EVENT", "r_weight"),
        reads("made up", "CALCULATED_VALUE", valueType="NUMBER"),
        reads("named", "DATAELEMENT_CURRENT_EVENT", "r_risk"),
        reads("coded", "DATAELEMENT_CURRENT_EVENT", "r_risk", useCodeForOptionSet=True),
        reads("unsaid", "", "r_weight"),
    ]
    words = (
        "d2:concatenate(#{previous},' ',#{newest},' ',#{here},' ',#{current},' ',#{made up},' ',#{named},' ',"
        "#{coded},' ',#{unsaid},' ',d2:count('newest'),' ',d2:lastEventDate('previous'))"
    )
    rules = [
        rule("make", "true", act("ASSIGN", content="#{made up}", data="6 * 7"), priority=1),
        rule("say", "true", act("DISPLAYTEXT", data=words)),
    ]
    found = effects({"weight": "70", "risk": "MID"}, past, rules=rules, variables=variables)
    assert str(found.texts[0]) == "65 70 70 70 42 Middle MID 70 3 2025-11-15"
    without = effects({"risk": "MID"}, past, rules=rules, variables=variables)
    assert str(without.texts[0]) == "65 65 65 0 42 Middle MID 65 2 2025-11-15"


def test_what_v_means() -> None:
    names = (
        "current_date",
        "event_date",
        "enrollment_date",
        "event_count",
        "program_stage_name",
        "orgunit_code",
    )
    words = ",'|',".join(f"V{{{name}}}" for name in names)
    rules = [rule("say", "true", act("DISPLAYTEXT", data=f"d2:concatenate({words})"))]
    event = Recorded("now", "r_stage", NOW, {})
    situation = Situation(
        event,
        date(2025, 11, 21),
        [before(1)],
        enrolled_on=date(2025, 1, 2),
        place_code="BOC",
        stage_name="One",
    )
    said = effects_of(book(rules=rules), situation).texts
    assert str(said[0]) == "2025-11-21|2025-11-20|2025-01-02|2|One|BOC"


def test_constants_are_known_by_id_and_by_name() -> None:
    kept = {"constants": [{"id": "pi", "name": "Pi", "value": 3.14}]}
    rules = [rule("say", "true", act("DISPLAYTEXT", data="C{pi} * 2 + C{Pi}"))]
    assert str(effects({}, rules=rules, kept=kept).texts[0]) == "9.42"


def test_what_a_rule_assigns_has_to_be_an_answer() -> None:
    def store(key: str, text: str) -> str:
        raise CannotEvaluate("no")

    event = Recorded("now", "r_stage", NOW, {"weight": "70", "height": "180"})
    found = effects_of(book(), Situation(event, NOW.date()), store=store)
    assert found.assigned == {}
    assert ("bmi", "no") in found.failed


def test_words_are_spoken_in_the_readers_language() -> None:
    spanish = [{"locale": "es", "property": "CONTENT", "value": "Muy ligero."}]
    rules = [rule("say", "true", act("SHOWWARNING", "r_weight", content="Light.", translations=spanish))]
    assert effects({}, rules=rules).warnings[0].words.spoken("es") == "Muy ligero."


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just({"id": "r_weight"})),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)
FIELDS = ["programRuleActionType", "dataElement", "content", "data", "option", "location", "translations"]


@given(st.dictionaries(st.sampled_from([*FIELDS, "name", "programRuleVariableSourceType"]), JSON))
def test_no_package_brings_the_compiler_down(raw: dict[str, Any]) -> None:
    kinds = [kind.value for kind in ActionKind]
    actions = [{**raw, "programRuleActionType": kind} for kind in kinds] + [raw]
    changed = document(rules=[rule("one", "true", *actions)], variables=[*VARIABLES, raw])
    found = compiled(resolve(changed))
    assert all(isinstance(fault, RuleFault) for fault in found.faults)
    effects_of(found, Situation(Recorded("", "r_stage", NOW, json.loads("{}")), NOW.date()))
