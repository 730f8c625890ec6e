"""A version's program rules, compiled.

Lives here: `compiled`, which makes a `RuleBook` of a definition: the rules that work, in the order in which
they run, the variables they read, and a `RuleFault` for everything that is off and why. A rule whose
condition cannot work is off; an action that cannot work is off and the rest of its rule works. Published
packages carry broken rules, and none of them keeps a form from being filled in. Pure. Not here: what rules do
with answers (`effects.py`), the language (`clinic/expressions`). Read next: `effects.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from clinic.expressions.checking import faults
from clinic.expressions.parsing import NotAnExpression, parse
from clinic.expressions.tree import Node
from clinic.expressions.values import Kind
from clinic.programs.definition import ElementDefinition, ProgramDefinition, Words
from clinic.programs.document import RulePart, ValueType

_NUMBERS: Final = frozenset(
    {
        ValueType.NUMBER,
        ValueType.UNIT_INTERVAL,
        ValueType.PERCENTAGE,
        ValueType.INTEGER,
        ValueType.INTEGER_POSITIVE,
        ValueType.INTEGER_NEGATIVE,
        ValueType.INTEGER_ZERO_OR_POSITIVE,
    }
)
_LAST: Final = 2**31
_NO_WORDS: Final = Words("")


class ActionKind(StrEnum):
    """What a rule can do: DHIS2's actions that concern capture."""

    HIDE_FIELD = "HIDEFIELD"
    HIDE_SECTION = "HIDESECTION"
    HIDE_STAGE = "HIDEPROGRAMSTAGE"
    ASSIGN = "ASSIGN"
    WARN = "SHOWWARNING"
    REFUSE = "SHOWERROR"
    WARN_ON_COMPLETE = "WARNINGONCOMPLETE"
    REFUSE_ON_COMPLETE = "ERRORONCOMPLETE"
    REQUIRE = "SETMANDATORYFIELD"
    HIDE_OPTION = "HIDEOPTION"
    SHOW_OPTION_GROUP = "SHOWOPTIONGROUP"
    HIDE_OPTION_GROUP = "HIDEOPTIONGROUP"
    TEXT = "DISPLAYTEXT"
    PAIR = "DISPLAYKEYVALUEPAIR"


_NOT_FOLLOWED: Final = frozenset({"CREATEEVENT", "SENDMESSAGE", "SCHEDULEMESSAGE"})
"""What DHIS2's rules can do and nothing here does: off, and told to whoever designs the program."""

_ABOUT_FIELDS: Final = frozenset(
    {
        ActionKind.HIDE_FIELD,
        ActionKind.REQUIRE,
        ActionKind.HIDE_OPTION,
        ActionKind.SHOW_OPTION_GROUP,
        ActionKind.HIDE_OPTION_GROUP,
    }
)


class Source(StrEnum):
    """Where a variable's value comes from."""

    CURRENT = "DATAELEMENT_CURRENT_EVENT"
    NEWEST = "DATAELEMENT_NEWEST_EVENT_PROGRAM"
    NEWEST_OF_STAGE = "DATAELEMENT_NEWEST_EVENT_PROGRAM_STAGE"
    PREVIOUS = "DATAELEMENT_PREVIOUS_EVENT"
    ATTRIBUTE = "TEI_ATTRIBUTE"
    CALCULATED = "CALCULATED_VALUE"


@dataclass(frozen=True, slots=True)
class RuleFault:
    """Something that is off. `part` is `condition`, `action` or `variable`; `code` and `about` say why."""

    rule: str
    name: str
    part: str
    code: str
    about: str


@dataclass(frozen=True, slots=True)
class RuleVariable:
    """A name that expressions use, and where its value is found. `names` are the options' names by code,
    where the name is what counts.
    """

    name: str
    source: Source
    key: str = ""
    stage: str = ""
    kind: Kind = Kind.TEXT
    names: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `key` is the question, `attribute` whether it is one about the person, `target` a
    section or a stage; `codes` are options; `assign_to` a variable.
    """

    kind: ActionKind
    key: str = ""
    attribute: bool = False
    target: str = ""
    codes: frozenset[str] = frozenset()
    assign_to: str = ""
    content: Words = _NO_WORDS
    data: Node | None = None
    location: str = "feedback"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that works. Without a stage it runs in every one."""

    uid: str
    name: str
    stage: str
    condition: Node
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class RuleBook:
    """Everything that runs for a version, and what does not."""

    rules: tuple[Rule, ...]
    variables: tuple[RuleVariable, ...]
    constants: Mapping[str, str]
    faults: tuple[RuleFault, ...]

    def concern(self, stage: str) -> bool:
        """Whether any rule runs in this stage."""
        return any(rule.stage in ("", stage) for rule in self.rules)

    @cached_property
    def hides_stages(self) -> bool:
        """Whether any rule takes stages away from a person who is followed."""
        return any(
            action.kind is ActionKind.HIDE_STAGE
            for rule in self.rules
            if not rule.stage
            for action in rule.actions
        )


class _Refused(Exception):
    """An action that cannot work."""

    def __init__(self, code: str, about: str) -> None:
        super().__init__(code)
        self.code, self.about = code, about


def uid_of(raw: Mapping[str, Any], name: str) -> str:
    """The id that a raw object refers to."""
    found = raw.get(name)
    uid = found.get("id") if isinstance(found, dict) else None
    return uid if isinstance(uid, str) else ""


def _text(raw: Mapping[str, Any], name: str) -> str:
    found = raw.get(name)
    return found if isinstance(found, str) else ""


def _list(raw: Mapping[str, Any], name: str) -> list[Any]:
    found = raw.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def compiled(definition: ProgramDefinition) -> RuleBook:
    """The rule book of a version. Nothing that a package holds makes this fail."""
    return _Compiler(definition).book()


def kind_of(value_type: ValueType) -> Kind:
    """How expressions read the answers of a value type."""
    if value_type in _NUMBERS:
        return Kind.NUMBER
    if value_type in (ValueType.BOOLEAN, ValueType.TRUE_ONLY):
        return Kind.TRUTH
    if value_type in (ValueType.DATE, ValueType.DATETIME, ValueType.AGE):
        return Kind.DATE
    return Kind.TEXT


class _Compiler:
    """Follows what rules refer to, once per version."""

    def __init__(self, definition: ProgramDefinition) -> None:
        self.definition = definition
        self.elements = {element.uid: element for stage in definition.stages for element in stage.elements}
        self.attributes = {one.element.uid: one.element for one in definition.attributes}
        self.sections = {
            section.uid for stage in definition.stages for section in stage.sections if section.uid
        }
        self.stages = {stage.uid for stage in definition.stages}
        self.options = {
            option.uid: option.code
            for element in (*self.elements.values(), *self.attributes.values())
            for option in element.options
        }
        self.groups = {_text(raw, "id"): raw for raw in definition.kept.get("optionGroups", ())}
        self.constants = dict(self._constants())
        self.faults: list[RuleFault] = []
        self.variables = tuple(self._variables())
        self.known = {variable.name for variable in self.variables} | set(self.constants)

    def book(self) -> RuleBook:
        rules = [
            rule
            for part in sorted(
                self.definition.rules, key=lambda part: _LAST if part.priority is None else part.priority
            )
            if (rule := self._rule(part)) is not None
        ]
        return RuleBook(tuple(rules), self.variables, self.constants, tuple(self.faults))

    def _constants(self) -> Iterator[tuple[str, str]]:
        for raw in self.definition.kept.get("constants", ()):
            value = str(raw.get("value", "0"))
            yield _text(raw, "id"), value
            yield _text(raw, "name"), value

    def _variables(self) -> Iterator[RuleVariable]:
        for raw in self.definition.variables:
            name = " ".join(_text(raw, "name").split())
            try:
                yield self._variable(raw, name)
            except _Refused as refused:
                self._fault(_text(raw, "id"), name, "variable", refused.code, refused.about)

    def _variable(self, raw: Mapping[str, Any], name: str) -> RuleVariable:
        uid = uid_of(raw, "dataElement") or uid_of(raw, "trackedEntityAttribute")
        source = self._source(raw, uid)
        if source is Source.CALCULATED:
            return RuleVariable(name, source, kind=_declared_kind(raw))
        found = (self.attributes if source is Source.ATTRIBUTE else self.elements).get(uid)
        if found is None:
            raise _Refused("unknown-question", uid or "–")
        names = None
        if found.options and not raw.get("useCodeForOptionSet"):
            names = {option.code: option.name.default for option in found.options}
        stage = uid_of(raw, "programStage")
        if source is Source.NEWEST_OF_STAGE and stage not in self.stages:
            raise _Refused("unknown-stage", stage or "–")
        return RuleVariable(name, source, found.key, stage, kind_of(found.value_type), names)

    def _source(self, raw: Mapping[str, Any], uid: str) -> Source:
        written = _text(raw, "programRuleVariableSourceType")
        try:
            return Source(written)
        except ValueError:
            if written:
                raise _Refused("unknown-source", written[:60]) from None
        if not uid:
            return Source.CALCULATED
        return Source.ATTRIBUTE if uid in self.attributes else Source.NEWEST

    def _fault(self, uid: str, name: str, part: str, code: str, about: str) -> None:
        self.faults.append(RuleFault(uid, name, part, code, about))

    def _node(self, text: str) -> Node:
        try:
            node = parse(text)
        except NotAnExpression as error:
            raise _Refused("not-an-expression", error.near or "…") from None
        found = faults(node, self.known)
        if found:
            raise _Refused(found[0].code, found[0].about)
        return node

    def _rule(self, part: RulePart) -> Rule | None:
        try:
            if part.stage and part.stage not in self.stages:
                raise _Refused("unknown-stage", part.stage)
            condition = self._node(part.condition)
        except _Refused as refused:
            self._fault(part.uid, part.name, "condition", refused.code, refused.about)
            return None
        actions = tuple(self._actions(part))
        return Rule(part.uid, part.name, part.stage, condition, actions) if actions else None

    def _actions(self, part: RulePart) -> Iterator[Action]:
        for raw in part.actions:
            try:
                yield self._action(raw)
            except _Refused as refused:
                self._fault(part.uid, part.name, "action", refused.code, refused.about)

    def _action(self, raw: Mapping[str, Any]) -> Action:
        written = _text(raw, "programRuleActionType")
        if written in _NOT_FOLLOWED:
            raise _Refused("not-followed", written)
        try:
            kind = ActionKind(written)
        except ValueError:
            raise _Refused("unknown-action", written[:60] or "–") from None
        element, attribute = self._question(raw)
        if kind in _ABOUT_FIELDS and element is None:
            raise _Refused("unknown-question", "–")
        return Action(
            kind=kind,
            key=element.key if element else "",
            attribute=attribute,
            target=self._target(kind, raw),
            codes=self._codes(kind, raw),
            assign_to=self._assigned(kind, raw, element),
            content=_content(raw),
            data=self._computed(_text(raw, "data")),
            location=_text(raw, "location") or "feedback",
        )

    def _question(self, raw: Mapping[str, Any]) -> tuple[ElementDefinition | None, bool]:
        for name, known in (("dataElement", self.elements), ("trackedEntityAttribute", self.attributes)):
            uid = uid_of(raw, name)
            if uid and uid not in known:
                raise _Refused("unknown-question", uid)
            if uid:
                return known[uid], name == "trackedEntityAttribute"
        return None, False

    def _target(self, kind: ActionKind, raw: Mapping[str, Any]) -> str:
        if kind is ActionKind.HIDE_SECTION:
            uid, known = uid_of(raw, "programStageSection"), self.sections
        elif kind is ActionKind.HIDE_STAGE:
            uid, known = uid_of(raw, "programStage"), self.stages
        else:
            return ""
        if uid not in known:
            raise _Refused("unknown-section" if kind is ActionKind.HIDE_SECTION else "unknown-stage", uid)
        return uid

    def _codes(self, kind: ActionKind, raw: Mapping[str, Any]) -> frozenset[str]:
        if kind is ActionKind.HIDE_OPTION:
            uids = [uid_of(raw, "option")]
        elif kind in (ActionKind.SHOW_OPTION_GROUP, ActionKind.HIDE_OPTION_GROUP):
            group = self.groups.get(uid_of(raw, "optionGroup"))
            if group is None:
                raise _Refused("unknown-group", uid_of(raw, "optionGroup"))
            uids = [_text(one, "id") for one in _list(group, "options") if isinstance(one, dict)]
        else:
            return frozenset()
        found = frozenset(self.options[uid] for uid in uids if uid in self.options)
        if not found:
            raise _Refused("unknown-option", uids[0] if uids else "–")
        return found

    def _assigned(self, kind: ActionKind, raw: Mapping[str, Any], element: ElementDefinition | None) -> str:
        if kind is not ActionKind.ASSIGN:
            return ""
        content = _text(raw, "content").strip()
        name = " ".join(content[2:-1].split()) if content[:2] in ("#{", "A{") and content[-1:] == "}" else ""
        if element is None and name not in self.known:
            raise _Refused("unknown-variable", content[:60] or "–")
        return name

    def _computed(self, text: str) -> Node | None:
        return self._node(text) if text.strip() else None


def _declared_kind(raw: Mapping[str, Any]) -> Kind:
    try:
        return kind_of(ValueType(_text(raw, "valueType")))
    except ValueError:
        return Kind.TEXT


def _content(raw: Mapping[str, Any]) -> Words:
    said = _text(raw, "content")
    others = {
        _text(one, "locale").replace("_", "-").lower(): _text(one, "value")
        for one in _list(raw, "translations")
        if isinstance(one, dict) and _text(one, "property").upper() == "CONTENT" and _text(one, "value")
    }
    return Words(said, others) if others else Words(said)
