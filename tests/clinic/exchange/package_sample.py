"""A small metadata package of our own, shaped as DHIS2 exports it: one program, two stages, rules, users to
drop.
"""

from __future__ import annotations

import copy
import json
from typing import Any

NO_SHARING: dict[str, Any] = {"external": False, "owner": "user0000001", "users": {}, "userGroups": {}}
SAMPLE: dict[str, Any] = {
    "package": {"code": "DEMO", "type": "TRK"},
    "programs": [
        {
            "id": "prog0000001",
            "code": "DEMO_HTN",
            "name": "Blood pressure follow-up",
            "programType": "WITH_REGISTRATION",
            "enrollmentDateLabel": "Registered on",
            "organisationUnits": [{"id": "<OU_ROOT_UID>"}],
            "programStages": [{"id": "stag0000002"}, {"id": "stag0000001"}],
            "programTrackedEntityAttributes": [
                {"trackedEntityAttribute": {"id": "attr0000002"}, "mandatory": True, "sortOrder": 2},
                {"trackedEntityAttribute": {"id": "attr0000001"}, "searchable": True, "sortOrder": 1},
            ],
            "sharing": NO_SHARING,
            "user": {"id": "user0000001"},
            "translations": [
                {"locale": "es", "property": "NAME", "value": "Control de presión"},
                {"locale": "es", "property": "ENROLLMENT_DATE_LABEL", "value": "Registrado el"},
                {"locale": "es", "property": "SHORT_NAME", "value": "Presión"},
            ],
        }
    ],
    "programStages": [
        {
            "id": "stag0000001",
            "name": "First visit",
            "program": {"id": "prog0000001"},
            "sortOrder": 1,
            "repeatable": False,
            "minDaysFromStart": 0,
            "validationStrategy": "ON_UPDATE_AND_INSERT",
            "executionDateLabel": "Visit date",
            "programStageDataElements": [
                {"dataElement": {"id": "elem0000002"}, "sortOrder": 2, "allowFutureDate": True},
                {"dataElement": {"id": "elem0000001"}, "sortOrder": 1, "compulsory": True},
                {"dataElement": {"id": "elem0000003"}, "sortOrder": 3, "displayInReports": True},
            ],
            "programStageSections": [{"id": "sect0000002"}, {"id": "sect0000001"}],
            "translations": [{"locale": "fr", "property": "EXECUTION_DATE_LABEL", "value": "Date de visite"}],
        },
        {
            "id": "stag0000002",
            "name": "Follow-up",
            "program": {"id": "prog0000001"},
            "sortOrder": 2,
            "repeatable": True,
            "minDaysFromStart": 28,
            "standardInterval": 30,
            "programStageDataElements": [
                {"dataElement": {"id": "elem0000001"}, "sortOrder": 1},
                {"dataElement": {"id": "elem0000004"}, "sortOrder": 2},
            ],
            "programStageSections": [],
        },
    ],
    "programStageSections": [
        {
            "id": "sect0000001",
            "name": "Measures",
            "sortOrder": 1,
            "dataElements": [{"id": "elem0000001"}],
            "translations": [],
        },
        {"id": "sect0000002", "name": "Next", "sortOrder": 2, "dataElements": [{"id": "elem0000002"}]},
    ],
    "dataElements": [
        {
            "id": "elem0000001",
            "code": "SYSTOLIC",
            "name": "HTN - Systolic",
            "formName": "Upper pressure",
            "valueType": "INTEGER_POSITIVE",
            "domainType": "TRACKER",
            "translations": [
                {"locale": "pt", "property": "FORM_NAME", "value": "Pressão máxima"},
                {"locale": "pt_BR", "property": "FORM_NAME", "value": "Pressão máxima"},
                {"locale": "pt_MZ", "property": "FORM_NAME", "value": "Tensão máxima"},
                {"locale": "en_GB", "property": "FORM_NAME", "value": "Upper pressure"},
            ],
        },
        {"id": "elem0000002", "name": "Next visit", "valueType": "DATE"},
        {"id": "elem0000003", "name": "Risk", "valueType": "TEXT", "optionSet": {"id": "opts0000001"}},
        {"id": "elem0000004", "name": "Came with", "valueType": "TRACKER_ASSOCIATE"},
        {"id": "elem0000009", "name": "Only for reports", "valueType": "NUMBER"},
    ],
    "optionSets": [
        {
            "id": "opts0000001",
            "name": "Risk",
            "code": "RISK",
            "valueType": "TEXT",
            "options": [{"id": "opti0000002"}, {"id": "opti0000001"}],
        },
        {"id": "opts0000009", "name": "Unused", "valueType": "TEXT", "options": []},
    ],
    "options": [
        {
            "id": "opti0000001",
            "code": "LOW",
            "name": "Low",
            "sortOrder": 1,
            "translations": [{"locale": "fr", "property": "NAME", "value": "Faible"}],
        },
        {"id": "opti0000002", "code": "HIGH", "name": "High", "sortOrder": 2},
    ],
    "trackedEntityAttributes": [
        {"id": "attr0000001", "name": "National number", "valueType": "TEXT", "unique": True},
        {"id": "attr0000002", "name": "Born on", "code": "BORN", "valueType": "DATE"},
    ],
    "programRules": [
        {
            "id": "rule0000001",
            "name": "High",
            "condition": "#{sys} > 139",
            "priority": 1,
            "program": {"id": "prog0000001"},
            "programStage": {"id": "stag0000001"},
        },
        {"id": "rule0000002", "name": "Broken", "condition": "#{sys >", "program": {"id": "prog0000001"}},
        {"id": "rule0000003", "name": "Another's", "condition": "true", "program": {"id": "prog0000009"}},
    ],
    "programRuleActions": [
        {
            "id": "acti0000001",
            "programRule": {"id": "rule0000001"},
            "programRuleActionType": "SHOWWARNING",
            "content": "High pressure",
            "dataElement": {"id": "elem0000001"},
            "sharing": NO_SHARING,
            "lastUpdatedBy": {"id": "user0000001"},
        },
        {"id": "acti0000003", "programRule": {"id": "rule0000001"}, "programRuleActionType": "HIDEFIELD"},
        {"id": "acti0000002", "programRule": {"id": "rule0000002"}, "dataElement": {"id": "nowhere0001"}},
    ],
    "programRuleVariables": [
        {
            "id": "vari0000001",
            "name": "sys",
            "program": {"id": "prog0000001"},
            "dataElement": {"id": "elem0000001"},
        },
        {"id": "vari0000003", "name": "age", "program": {"id": "prog0000001"}},
        {"id": "vari0000002", "name": "other", "program": {"id": "prog0000009"}},
    ],
    "programIndicators": [
        {
            "id": "indi0000001",
            "name": "Mean",
            "displayInForm": True,
            "program": {"id": "prog0000001"},
            "filter": "orgunit == '<OU_ROOT_UID>'",
        },
        {"id": "indi0000002", "name": "Count", "displayInForm": False, "program": {"id": "prog0000001"}},
    ],
    "constants": [],
    "users": [{"id": "user0000001", "name": "Somebody"}],
    "userRoles": [{"id": "role0000001"}],
}


def sample() -> dict[str, Any]:
    """A copy to change."""
    return copy.deepcopy(SAMPLE)


def written(package: Any) -> bytes:
    return json.dumps(package).encode()
