"""Reading a DHIS2 metadata package: the JSON export of programs, with references by `{"id": uid}`.

Lives here, pure: the objects of the export that we use (`Package` and its parts; users, roles, sharing,
dashboards and the rest are not read) and `read_package`, which raises `BadPackage` with a sentence that names
what is wrong and where. Not here: our normalised form of it (`normalise.py`). Read next: `normalise.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from clinic.programs.policy import BadDefinition
from registry.refusals import _

MAX_BYTES: Final = 64_000_000
_BOM: Final = b"\xef\xbb\xbf"
_AT = re.compile(r"^(?P<problem>.*) - at `\$(?P<path>.*)`$", re.DOTALL)


class BadPackage(BadDefinition):
    """A file that cannot be imported. Nothing of it was."""


class _Object(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An object of the export. What we do not name is not read."""


class Reference(_Object, frozen=True, kw_only=True):
    id: str


class Translation(_Object, frozen=True, kw_only=True):
    locale: str
    property: str
    value: str = ""


class _Named(_Object, frozen=True, kw_only=True):
    id: str
    name: str
    code: str = ""
    translations: list[Translation] = []


class Option(_Named, frozen=True, kw_only=True):
    code: str
    sort_order: int = 0
    option_set: Reference | None = None


class OptionSet(_Named, frozen=True, kw_only=True):
    value_type: str = "TEXT"
    options: list[Reference] = []


class DataElement(_Named, frozen=True, kw_only=True):
    value_type: str
    form_name: str = ""
    description: str = ""
    option_set: Reference | None = None


class StageDataElement(_Object, frozen=True, kw_only=True):
    data_element: Reference
    compulsory: bool = False
    allow_future_date: bool = False
    display_in_reports: bool = False
    sort_order: int = 0


class Section(_Named, frozen=True, kw_only=True):
    description: str = ""
    sort_order: int = 0
    data_elements: list[Reference] = []
    program_stage: Reference | None = None


class Stage(_Named, frozen=True, kw_only=True):
    description: str = ""
    program: Reference | None = None
    sort_order: int = 0
    repeatable: bool = False
    min_days_from_start: int = 0
    standard_interval: int | None = None
    generated_by_enrollment_date: bool = False
    auto_generate_event: bool = False
    validation_strategy: str = "ON_COMPLETE"
    execution_date_label: str = ""
    due_date_label: str = ""
    program_stage_data_elements: list[StageDataElement] = []
    program_stage_sections: list[Reference] = []


class Attribute(_Named, frozen=True, kw_only=True):
    value_type: str
    form_name: str = ""
    description: str = ""
    option_set: Reference | None = None
    unique: bool = False
    generated: bool = False


class ProgramAttribute(_Object, frozen=True, kw_only=True):
    tracked_entity_attribute: Reference
    mandatory: bool = False
    searchable: bool = False
    allow_future_date: bool = False
    display_in_list: bool = False
    sort_order: int = 0


class Program(_Named, frozen=True, kw_only=True):
    description: str = ""
    program_type: str = ""
    enrollment_date_label: str = ""
    incident_date_label: str = ""
    display_incident_date: bool = False
    organisation_units: list[Reference] = []
    program_stages: list[Reference] = []
    program_tracked_entity_attributes: list[ProgramAttribute] = []


class Rule(_Object, frozen=True, kw_only=True):
    id: str
    name: str = ""
    condition: str = ""
    priority: int | None = None
    program: Reference | None = None
    program_stage: Reference | None = None


class Package(_Object, frozen=True, kw_only=True):
    """What an export holds for us. Rule actions, variables and the like stay as they came."""

    programs: list[Program] = []
    program_stages: list[Stage] = []
    program_stage_sections: list[Section] = []
    data_elements: list[DataElement] = []
    option_sets: list[OptionSet] = []
    options: list[Option] = []
    tracked_entity_attributes: list[Attribute] = []
    program_rules: list[Rule] = []
    program_rule_actions: list[dict[str, Any]] = []
    program_rule_variables: list[dict[str, Any]] = []
    program_indicators: list[dict[str, Any]] = []
    program_notification_templates: list[dict[str, Any]] = []
    option_groups: list[dict[str, Any]] = []
    constants: list[dict[str, Any]] = []


def read_package(content: bytes, name: str) -> Package:
    """The package in a file's content; `name` is the file's, for the sentences."""
    if len(content) > MAX_BYTES:
        raise BadPackage(
            "too-large",
            _("%(file)s is too large: a package has at most %(megabytes)s MB."),
            file=name,
            megabytes=MAX_BYTES // 1_000_000,
        )
    content = content.removeprefix(_BOM)
    try:
        package = msgspec.json.decode(content, type=Package)
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error), content, name) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(str(error), name) from None
    if not package.programs:
        raise _no_programs(name)
    return package


def _not_json(reason: str, name: str) -> BadPackage:
    return BadPackage("not-json", _("%(file)s is not JSON: %(reason)s."), file=name, reason=reason)


def _no_programs(name: str) -> BadPackage:
    return BadPackage(
        "not-a-package",
        _("%(file)s holds no programs: a DHIS2 metadata package has a list “programs” at its top."),
        file=name,
    )


def _wrong_shape(message: str, content: bytes, name: str) -> BadPackage:
    try:
        top = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _not_json(str(error), name)
    if not isinstance(top, dict) or "programs" not in top:
        return _no_programs(name)
    found = _AT.match(message)
    path = found["path"] if found else ""
    return BadPackage(
        "wrong-shape",
        _("%(file)s: %(where)s is not as DHIS2 writes it: %(reason)s."),
        file=name,
        where=_place(path, top),
        reason=found["problem"] if found else message,
    )


def _place(path: str, top: dict[str, Any]) -> str:
    """`.dataElements[3].name` with the id of the object it is in, which people can search for."""
    found = re.match(r"\.(\w+)\[(\d+)\]", path)
    place = path.lstrip(".") or "$"
    if not found:
        return place
    entry = top[found[1]][int(found[2])]
    return f"{place} ({entry['id']})" if isinstance(entry, dict) and entry.get("id") else place
