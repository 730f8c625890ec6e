"""From a DHIS2 package to program documents of ours.

Lives here, pure: `documents_in`, which follows every reference and raises `BadPackage` naming the one that
leads nowhere. Not here: the export's objects (`package.py`), publishing (`services.py`). Read next:
`clinic/programs/document.py`.

Rules, actions and variables are kept whole and unjudged: published packages carry broken ones, and a broken
rule is no reason to refuse a form. What only serves analysis (dashboards, indicators not shown in forms)
stays in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from clinic.exchange.dhis2 import package as dhis2
from clinic.exchange.dhis2.package import BadPackage, Package, Reference, Translation
from clinic.programs.document import (
    AttributePart,
    DataElementPart,
    OptionPart,
    OptionSetPart,
    ProgramDocument,
    RulePart,
    SectionPart,
    StageElementPart,
    StagePart,
    Translations,
    ValueType,
)
from clinic.programs.policy import default_rule
from registry.refusals import _

ROOT_PLACEHOLDER: Final = "<OU_ROOT_UID>"
ROOT: Final = "root"
_KINDS: Final = {"WITH_REGISTRATION": True, "WITHOUT_REGISTRATION": False}
_OLDER_NAMES: Final = {"TRACKER_ASSOCIATE": "REFERENCE"}
_DROPPED: Final = frozenset(
    """access attributeValues created createdBy externalAccess favorite favorites href lastUpdated
    lastUpdatedBy legendSets publicAccess sharing user userAccesses userGroupAccesses users userGroups
    userRoles""".split()
)
_PROPERTIES: Final = {
    "NAME": "name",
    "FORM_NAME": "form_name",
    "DESCRIPTION": "description",
    "EXECUTION_DATE_LABEL": "occurred_label",
    "DUE_DATE_LABEL": "due_label",
    "ENROLLMENT_DATE_LABEL": "enrollment_label",
    "INCIDENT_DATE_LABEL": "incident_label",
}
_PROGRAM_TEXTS: Final = ("name", "description", "enrollment_label", "incident_label")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")

_Item = TypeVar(
    "_Item", dhis2.Stage, dhis2.Section, dhis2.DataElement, dhis2.OptionSet, dhis2.Option, dhis2.Attribute
)


def documents_in(package: Package, file: str) -> list[ProgramDocument]:
    """One document per program of the package."""
    return [_Normaliser(package, file).program(program) for program in package.programs]


def language_of(locale: str) -> str:
    """DHIS2's `pt_BR` as Django writes it: `pt-br`."""
    return locale.replace("_", "-").lower()


def translations_of(translations: Iterable[Translation], said: Mapping[str, str]) -> Translations:
    """What differs from the text itself, and in a regional variant from its main language; readers fall back
    to those.
    """
    found: Translations = {}
    for entry in translations:
        name = _PROPERTIES.get(entry.property)
        if name and name in said and entry.value and _LANGUAGE.fullmatch(entry.locale):
            found.setdefault(language_of(entry.locale), {})[name] = entry.value
    for language, texts in found.items():
        main = found.get(language.partition("-")[0], {}) if "-" in language else {}
        for name in [name for name, text in texts.items() if text == (main.get(name) or said[name])]:
            if "-" in language:
                del texts[name]
    return {language: texts for language, texts in sorted(found.items()) if texts}


def cleaned(value: Any) -> Any:
    """A raw object without users, sharing and bookkeeping, at any depth; the root's placeholder becomes
    `root`.
    """
    if isinstance(value, dict):
        return {name: cleaned(inner) for name, inner in value.items() if name not in _DROPPED}
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return value.replace(ROOT_PLACEHOLDER, ROOT) if isinstance(value, str) else value


def _refers_to(raw: Mapping[str, Any], name: str) -> str:
    target = raw.get(name)
    found = target.get("id") if isinstance(target, dict) else None
    return found if isinstance(found, str) else ""


class _Normaliser:
    """Follows references within one package."""

    def __init__(self, package: Package, file: str) -> None:
        self.package, self.file = package, file
        self.stages = self._indexed(package.program_stages, "programStages")
        self.sections = self._indexed(package.program_stage_sections, "programStageSections")
        self.elements = self._indexed(package.data_elements, "dataElements")
        self.option_sets = self._indexed(package.option_sets, "optionSets")
        self.options = self._indexed(package.options, "options")
        self.attributes = self._indexed(package.tracked_entity_attributes, "trackedEntityAttributes")

    def _indexed(self, items: Sequence[_Item], collection: str) -> dict[str, _Item]:
        found = {item.id: item for item in items}
        if len(found) < len(items):
            seen: set[str] = set()
            twice = next(item.id for item in items if item.id in seen or seen.add(item.id))  # type: ignore[func-returns-value]
            raise BadPackage(
                "repeated-id",
                _("%(file)s: the id %(id)s stands more than once in %(collection)s."),
                file=self.file,
                id=twice,
                collection=collection,
            )
        return found

    def _follow(self, items: Mapping[str, _Item], reference: Reference, collection: str, by: str) -> _Item:
        found = items.get(reference.id)
        if found is None:
            raise BadPackage(
                "missing-reference",
                _("%(file)s: %(by)s refers to %(id)s, which is not in %(collection)s."),
                file=self.file,
                by=by,
                id=reference.id,
                collection=collection,
            )
        return found

    def _value_type(self, name: str, by: str) -> ValueType:
        try:
            return ValueType(_OLDER_NAMES.get(name, name))
        except ValueError:
            raise BadPackage(
                "unknown-value-type",
                _("%(file)s: %(by)s has the value type %(type)s, which is unknown."),
                file=self.file,
                by=by,
                type=name[:60],
            ) from None

    def program(self, program: dhis2.Program) -> ProgramDocument:
        by = _called("program", program)
        registration = self._registration(program, by)
        stages, attributes = self._stages(program, by), self._attributes(program, by)
        asked = {part.element for stage in stages for part in stage.elements}
        elements = tuple(self._element(self.elements[uid]) for uid in sorted(asked))
        sets = {part.option_set for part in elements} | {part.option_set for part in attributes}
        document = ProgramDocument(
            uid=program.id,
            name=program.name,
            code=program.code,
            description=program.description,
            registration=registration,
            enrollment_label=program.enrollment_date_label,
            incident_label=program.incident_date_label,
            places=tuple(
                ROOT if unit.id == ROOT_PLACEHOLDER else unit.id for unit in program.organisation_units
            ),
            stages=stages,
            elements=elements,
            option_sets=self._option_sets(sets),
            attributes=attributes,
            rules=self._rules(program.id),
            variables=self._of_program(self.package.program_rule_variables, program.id),
            kept=self._kept(program.id),
        )
        said = {name: getattr(document, name) for name in _PROGRAM_TEXTS}
        return msgspec.structs.replace(document, translations=translations_of(program.translations, said))

    def _registration(self, program: dhis2.Program, by: str) -> bool:
        known = _KINDS.get(program.program_type)
        if known is None:
            raise BadPackage(
                "unknown-program-type",
                _("%(file)s: %(by)s has the type %(type)s, which is unknown."),
                file=self.file,
                by=by,
                type=repr(program.program_type[:60]),
            )
        return known

    def _stages(self, program: dhis2.Program, by: str) -> tuple[StagePart, ...]:
        found = [
            self._follow(self.stages, reference, "programStages", by) for reference in program.program_stages
        ]
        return tuple(self._stage(stage) for stage in sorted(found, key=_order))

    def _stage(self, stage: dhis2.Stage) -> StagePart:
        by = _called("stage", stage)
        asked = sorted(stage.program_stage_data_elements, key=lambda entry: entry.sort_order)
        for entry in asked:
            self._follow(self.elements, entry.data_element, "dataElements", by)
        sections = [
            self._follow(self.sections, reference, "programStageSections", by)
            for reference in stage.program_stage_sections
        ]
        said = {
            "name": stage.name,
            "description": stage.description,
            "occurred_label": stage.execution_date_label,
            "due_label": stage.due_date_label,
        }
        return StagePart(
            uid=stage.id,
            code=stage.code,
            repeatable=stage.repeatable,
            min_days_from_start=stage.min_days_from_start,
            standard_interval_days=stage.standard_interval or 0,
            from_enrollment_date=stage.generated_by_enrollment_date,
            auto_generate=stage.auto_generate_event,
            complete_to_save=stage.validation_strategy == "ON_UPDATE_AND_INSERT",
            elements=tuple(
                StageElementPart(
                    element=entry.data_element.id,
                    compulsory=entry.compulsory,
                    allow_future_date=entry.allow_future_date,
                    display_in_list=entry.display_in_reports,
                )
                for entry in asked
            ),
            sections=tuple(self._section(section, stage) for section in sorted(sections, key=_order)),
            translations=translations_of(stage.translations, said),
            name=stage.name,
            description=stage.description,
            occurred_label=stage.execution_date_label,
            due_label=stage.due_date_label,
        )

    def _section(self, section: dhis2.Section, stage: dhis2.Stage) -> SectionPart:
        asked = {entry.data_element.id for entry in stage.program_stage_data_elements}
        by = _called("section", section)
        for reference in section.data_elements:
            if reference.id not in asked:
                raise BadPackage(
                    "missing-reference",
                    _("%(file)s: %(by)s shows the data element %(id)s, which its stage does not ask for."),
                    file=self.file,
                    by=by,
                    id=reference.id,
                )
        said = {"name": section.name, "description": section.description}
        return SectionPart(
            uid=section.id,
            elements=tuple(reference.id for reference in section.data_elements),
            translations=translations_of(section.translations, said),
            **said,
        )

    def _element(self, element: dhis2.DataElement) -> DataElementPart:
        by = _called("data element", element)
        value_type = self._value_type(element.value_type, by)
        return DataElementPart(
            uid=element.id,
            code=element.code,
            value_type=value_type,
            option_set=self._option_set_of(element, by),
            merge_rule=default_rule(value_type, coded=element.option_set is not None),
            translations=translations_of(element.translations, _said(element)),
            **_said(element),
        )

    def _attributes(self, program: dhis2.Program, by: str) -> tuple[AttributePart, ...]:
        asked = sorted(program.program_tracked_entity_attributes, key=lambda entry: entry.sort_order)
        return tuple(
            self._attribute(
                self._follow(self.attributes, entry.tracked_entity_attribute, "trackedEntityAttributes", by),
                entry,
            )
            for entry in asked
        )

    def _attribute(self, attribute: dhis2.Attribute, asked: dhis2.ProgramAttribute) -> AttributePart:
        by = _called("attribute", attribute)
        value_type = self._value_type(attribute.value_type, by)
        return AttributePart(
            uid=attribute.id,
            code=attribute.code,
            value_type=value_type,
            option_set=self._option_set_of(attribute, by),
            unique=attribute.unique,
            generated=attribute.generated,
            compulsory=asked.mandatory,
            searchable=asked.searchable,
            allow_future_date=asked.allow_future_date,
            display_in_list=asked.display_in_list,
            merge_rule=default_rule(value_type, coded=attribute.option_set is not None),
            translations=translations_of(attribute.translations, _said(attribute)),
            **_said(attribute),
        )

    def _option_set_of(self, part: dhis2.DataElement | dhis2.Attribute, by: str) -> str:
        if part.option_set is None:
            return ""
        return self._follow(self.option_sets, part.option_set, "optionSets", by).id

    def _option_sets(self, uids: set[str]) -> tuple[OptionSetPart, ...]:
        return tuple(self._option_set(self.option_sets[uid]) for uid in sorted(uids) if uid)

    def _option_set(self, option_set: dhis2.OptionSet) -> OptionSetPart:
        by = _called("option set", option_set)
        options = [self._follow(self.options, reference, "options", by) for reference in option_set.options]
        return OptionSetPart(
            uid=option_set.id,
            name=option_set.name,
            code=option_set.code,
            value_type=self._value_type(option_set.value_type, by),
            options=tuple(_option(option) for option in sorted(options, key=_order)),
        )

    def _rules(self, program: str) -> tuple[RulePart, ...]:
        actions: dict[str, list[dict[str, Any]]] = {}
        for action in _by_id(self.package.program_rule_actions):
            actions.setdefault(_refers_to(action, "programRule"), []).append(cleaned(action))
        return tuple(
            RulePart(
                uid=rule.id,
                name=rule.name,
                condition=rule.condition,
                stage=rule.program_stage.id if rule.program_stage else "",
                priority=rule.priority,
                actions=tuple(actions.get(rule.id, ())),
            )
            for rule in sorted(self.package.program_rules, key=lambda rule: rule.id)
            if rule.program is not None and rule.program.id == program
        )

    def _of_program(self, items: Iterable[dict[str, Any]], program: str) -> tuple[dict[str, Any], ...]:
        return tuple(cleaned(item) for item in _by_id(items) if _refers_to(item, "program") == program)

    def _kept(self, program: str) -> dict[str, tuple[dict[str, Any], ...]]:
        package = self.package
        indicators = [item for item in package.program_indicators if item.get("displayInForm") is True]
        kept = {
            "programIndicators": self._of_program(indicators, program),
            "programNotificationTemplates": tuple(
                map(cleaned, _by_id(package.program_notification_templates))
            ),
            "optionGroups": tuple(map(cleaned, _by_id(package.option_groups))),
            "constants": tuple(map(cleaned, _by_id(package.constants))),
        }
        return {name: items for name, items in kept.items() if items}


def _by_id(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Exports list these in any order; one order makes an unchanged package an unchanged document."""
    return sorted(items, key=lambda item: str(item.get("id")))


def _order(item: dhis2.Stage | dhis2.Section | dhis2.Option) -> int:
    return item.sort_order


def _called(kind: str, item: Any) -> str:
    return f"{kind} “{item.name}” ({item.id})"


def _said(part: dhis2.DataElement | dhis2.Attribute) -> dict[str, str]:
    return {"name": part.name, "form_name": part.form_name, "description": part.description}


def _option(option: dhis2.Option) -> OptionPart:
    said = {"name": option.name}
    return OptionPart(
        uid=option.id,
        code=option.code,
        name=option.name,
        translations=translations_of(option.translations, said),
    )
