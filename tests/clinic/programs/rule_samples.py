"""A program with rules of every kind, and some that are broken."""

from __future__ import annotations

import json
from typing import Any

from clinic.programs.definition import resolve
from clinic.programs.document import ProgramDocument, read_document
from clinic.programs.policy import with_keys
from clinic.programs.rules import RuleBook, compiled


def rule(uid: str, condition: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"uid": uid, "name": uid, "condition": condition, "actions": list(actions), **more}


def act(kind: str, element: str = "", **more: Any) -> dict[str, Any]:
    named = {"dataElement": {"id": element}} if element else {}
    return {"id": f"{kind}{element}", "programRuleActionType": kind, **named, **more}


def reads(
    name: str, source: str = "DATAELEMENT_CURRENT_EVENT", element: str = "", **more: Any
) -> dict[str, Any]:
    named = {"dataElement": {"id": element}} if element else {}
    return {"id": f"v_{name}", "name": name, "programRuleVariableSourceType": source, **named, **more}


ELEMENTS = [
    {"uid": "r_weight", "code": "weight", "name": "Weight", "value_type": "NUMBER", "unit": "kg"},
    {"uid": "r_height", "code": "height", "name": "Height", "value_type": "NUMBER", "unit": "cm"},
    {"uid": "r_bmi", "code": "bmi", "name": "BMI", "value_type": "NUMBER"},
    {"uid": "r_sick", "code": "sick", "name": "Is sick", "value_type": "BOOLEAN"},
    {"uid": "r_days", "code": "days", "name": "Days sick", "value_type": "INTEGER_POSITIVE"},
    {"uid": "r_risk", "code": "risk", "name": "Risk", "value_type": "TEXT", "option_set": "r_risks"},
    {"uid": "r_note", "code": "note", "name": "Note", "value_type": "LONG_TEXT"},
]
OPTIONS = [
    {"uid": "r_low", "code": "LOW", "name": "Low"},
    {"uid": "r_mid", "code": "MID", "name": "Middle"},
    {"uid": "r_high", "code": "HIGH", "name": "High"},
]
RULES = [
    rule(
        "bmi",
        "d2:hasValue('weight') && d2:hasValue('height')",
        act("ASSIGN", "r_bmi", data="#{weight} / ((#{height} / 100) ^ 2)"),
        priority=1,
    ),
    rule(
        "bmi_text",
        "d2:hasValue('bmi')",
        act("DISPLAYKEYVALUEPAIR", content="BMI", data="d2:round(#{bmi}, 1)"),
    ),
    rule("well", "!#{sick}", act("HIDEFIELD", "r_days")),
    rule("ill", "#{sick}", act("SETMANDATORYFIELD", "r_days")),
    rule("heavy", "#{weight} > 300", act("SHOWERROR", "r_weight", content="Nobody weighs that.")),
    rule(
        "light",
        "d2:hasValue('weight') && #{weight} < 3",
        act("SHOWWARNING", "r_weight", content="Very light."),
    ),
    rule("long", "#{days} > 30", act("ERRORONCOMPLETE", content="Refer before you finish.")),
    rule("low", "#{bmi} > 0 && #{bmi} < 25", act("HIDEOPTION", "r_risk", option={"id": "r_high"})),
    rule("old", "d2:count('was') > 1", act("DISPLAYTEXT", content="Weighed before:", data="#{was}")),
    rule("text", "true", act("SENDMESSAGE", templateUid="tmpl")),
    rule("broken", "#{weight >", act("HIDEFIELD", "r_note")),
    rule("missing", "#{nobody} > 1", act("HIDEFIELD", "r_note")),
    rule(
        "half",
        "#{sick}",
        act("HIDEFIELD", "r_nowhere"),
        act("SHOWWARNING", "r_note", content="Write it down."),
    ),
]
VARIABLES = [
    reads("weight", element="r_weight"),
    reads("height", element="r_height"),
    reads("bmi", element="r_bmi"),
    reads("sick", element="r_sick"),
    reads("days", element="r_days"),
    reads("was", "DATAELEMENT_PREVIOUS_EVENT", "r_weight"),
    reads("lost", element="r_nowhere"),
]
RULED = json.dumps(
    {
        "posta_program": 1,
        "uid": "ruled",
        "name": "Ruled",
        "registration": False,
        "stages": [
            {
                "uid": "r_stage",
                "name": "Ruled stage",
                "repeatable": True,
                "elements": [{"element": one["uid"]} for one in ELEMENTS],
                "sections": [
                    {"uid": "r_one", "name": "One", "elements": [one["uid"] for one in ELEMENTS]},
                ],
            }
        ],
        "elements": ELEMENTS,
        "option_sets": [{"uid": "r_risks", "name": "Risks", "options": OPTIONS}],
        "rules": RULES,
        "variables": VARIABLES,
    }
)


def document(**changes: Any) -> ProgramDocument:
    return with_keys(read_document(json.dumps({**json.loads(RULED), **changes})))


def book(**changes: Any) -> RuleBook:
    return compiled(resolve(document(**changes)))
