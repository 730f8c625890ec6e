"""What a version's rules make of the answers.

Lives here: `Situation` (who, when, and everything that was answered), `effects_of`, which runs a rule book
over it, and `Effects`, which forms and services follow. Pure, and the only evaluator there is: the page, the
save and the API ask the same one. Not here: compiling (`rules.py`), showing it (`clinic/forms/ruled.py`).
Read next: `clinic/forms/ruled.py`.

Rules run in the order of their priority. What one assigns, the later ones see. When all have run, what they
assigned and hid may have changed an answer that an earlier one had read: so they run again until nothing
changes, at most five times.

Whose questions are asked is the situation's: those of an event, or those about the person, at enrollment
(`of_person`). Then only rules of no stage run, what they do to an event's questions waits for the event, and
texts and pairs are said with the stages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from clinic.expressions.evaluation import holds, text_of
from clinic.expressions.values import CannotEvaluate, Context, Kind, Variable
from clinic.programs.definition import Words
from clinic.programs.rules import Action, ActionKind, Rule, RuleBook, RuleVariable, Source

MAX_ROUNDS: Final = 5
Store: TypeAlias = "Callable[[str, str], Any]"
"""Makes the answer to a question of a text that a rule assigns; raises `CannotEvaluate` where it is none."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the person in this program: one that is being filled in, or one of before."""

    uid: str
    stage: str
    at: datetime
    values: Mapping[str, Any]
    made: int = 0
    status: str = "ACTIVE"
    due: date | None = None
    completed: date | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that rules may ask about. `others` are the program's other events of this person. In one
    that is `of_person` the answers under way are the `attributes`, and `event` has nothing but its time.
    """

    event: Recorded
    today: date
    others: Sequence[Recorded] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    enrollment: str = ""
    enrolled_on: date | None = None
    incident_on: date | None = None
    place: str = ""
    place_code: str = ""
    program_name: str = ""
    stage_name: str = ""
    roles: Collection[str] = ()
    of_person: bool = False

    @property
    def answers(self) -> Mapping[str, Any]:
        """The answers under way."""
        return self.attributes if self.of_person else self.event.values

    def answered(self, values: Mapping[str, Any]) -> Situation:
        """The same with other answers under way."""
        if self.of_person:
            return replace(self, attributes=values)
        return replace(self, event=replace(self.event, values=values))


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says. Without a `key` it is about the whole form."""

    words: Words
    data: str = ""
    key: str = ""
    location: str = "feedback"
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.words} {self.data}".strip()


@dataclass(slots=True)
class Effects:
    """What the rules want of the questions that are asked. They go by key, sections and stages by uid."""

    hidden: set[str] = field(default_factory=set)
    hidden_sections: set[str] = field(default_factory=set)
    hidden_stages: set[str] = field(default_factory=set)
    assigned: dict[str, Any] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    hidden_options: dict[str, set[str]] = field(default_factory=dict)
    only_options: dict[str, set[str]] = field(default_factory=dict)
    warnings: list[Said] = field(default_factory=list)
    errors: list[Said] = field(default_factory=list)
    complete_warnings: list[Said] = field(default_factory=list)
    complete_errors: list[Said] = field(default_factory=list)
    texts: list[Said] = field(default_factory=list)
    pairs: list[Said] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Rules that could not be evaluated with these answers, and why: they did nothing."""
    values: dict[str, Any] = field(default_factory=dict)
    """The answers as they are after the rules."""
    ran: list[tuple[str, ActionKind, str | None]] = field(default_factory=list)
    """Every action that was taken, with its text: the order of the rules."""

    def allows(self, key: str, code: str) -> bool:
        """Whether an option may be chosen now."""
        only = self.only_options.get(key)
        return code not in self.hidden_options.get(key, ()) and (only is None or code in only)


def as_written(key: str, text: str) -> Any:
    """The text itself."""
    return text


def effects_of(
    book: RuleBook,
    situation: Situation,
    sections: Mapping[str, Collection[str]] | None = None,
    store: Store = as_written,
) -> Effects:
    """Run the rules. `sections` are the questions of each section, which are hidden with it."""
    values = dict(situation.answers)
    effects = Effects(values=values)
    for _round in range(MAX_ROUNDS):
        effects = _Run(book, situation.answered(values), store).effects
        for uid in effects.hidden_sections:
            effects.hidden |= set((sections or {}).get(uid, ()))
        effects.values = _after(effects, values)
        if effects.values == values:
            break
        values = effects.values
    return effects


def _after(effects: Effects, values: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(values)
    for key in list(after):
        answer = after[key]
        codes = answer if isinstance(answer, list) else [answer]
        gone = key in effects.hidden and key not in effects.assigned
        if gone or not all(effects.allows(key, str(code)) for code in codes):
            del after[key]
    for key, value in effects.assigned.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    return after


class _Run:
    """One round."""

    def __init__(self, book: RuleBook, situation: Situation, store: Store = as_written) -> None:
        self.book, self.situation, self.store = book, situation, store
        self.past = _history([*situation.others, situation.event])
        self.variables = self._variables()
        self.context = Context(self.variables, {}, situation.roles)
        self.effects = Effects()
        for rule in book.rules:
            if rule.stage in ("", situation.event.stage):
                self._try(rule)

    def _try(self, rule: Rule) -> None:
        try:
            met = holds(rule.condition, self.context)
        except CannotEvaluate as reason:
            self.effects.failed.append((rule.uid, str(reason)))
            return
        for action in rule.actions if met else ():
            try:
                self._act(rule, action)
            except CannotEvaluate as reason:
                self.effects.failed.append((rule.uid, str(reason)))

    def _act(self, rule: Rule, action: Action) -> None:
        data = None if action.data is None else text_of(action.data, self.context)
        self.effects.ran.append((rule.uid, action.kind, data))
        if action.kind is ActionKind.ASSIGN:
            self._assign(action, data)
        elif action.kind in _SAYING:
            self._say(rule, action, data or "")
        else:
            self._shape(action)

    def _say(self, rule: Rule, action: Action, worked_out: str) -> None:
        asked = self._asks(action)
        if self.situation.of_person and not (asked if action.key else action.kind in _OF_EVERY_FORM):
            return
        told = Said(action.content, worked_out, action.key if asked else "", action.location, rule.uid)
        getattr(self.effects, _SAYING[action.kind]).append(told)

    def _asks(self, action: Action) -> bool:
        """Whether the question of an action is one of those that are asked now."""
        return action.attribute is self.situation.of_person

    def _shape(self, action: Action) -> None:
        effects, key = self.effects, action.key
        if action.kind is ActionKind.HIDE_SECTION:
            effects.hidden_sections.add(action.target)
        elif action.kind is ActionKind.HIDE_STAGE:
            effects.hidden_stages.add(action.target)
        elif not self._asks(action):
            return
        elif action.kind is ActionKind.HIDE_FIELD:
            effects.hidden.add(key)
        elif action.kind is ActionKind.REQUIRE:
            effects.required.add(key)
        elif action.kind is ActionKind.SHOW_OPTION_GROUP:
            effects.only_options.setdefault(key, set()).update(action.codes)
        else:
            effects.hidden_options.setdefault(key, set()).update(action.codes)

    def _assign(self, action: Action, answer: str | None) -> None:
        if action.assign_to in self.variables:
            known = self.variables[action.assign_to]
            self.variables[action.assign_to] = Variable(known.kind, answer)
        if not action.key:
            return
        if self._asks(action):
            self.effects.assigned[action.key] = self.store(action.key, answer) if answer else None
            answer = plain_answer(self.effects.assigned[action.key])
        sources = (Source.ATTRIBUTE,) if action.attribute else (Source.CURRENT, Source.NEWEST)
        for variable in self.book.variables:
            if variable.source in sources and variable.key == action.key:
                self.variables[variable.name] = self._found(variable, answer or None)

    def _found(self, variable: RuleVariable, value: str | None) -> Variable:
        if value is None:
            return Variable(variable.kind)
        day = self.situation.event.at.date().isoformat()
        return Variable(variable.kind, _named(variable, value), (value,), day)

    def _variables(self) -> dict[str, Variable]:
        known = {variable.name: self._value(variable) for variable in self.book.variables}
        constants = {name: Variable(Kind.NUMBER, value) for name, value in self.book.constants.items()}
        return _environment(self.situation) | known | constants

    def _value(self, variable: RuleVariable) -> Variable:
        situation = self.situation
        match variable.source:
            case Source.CALCULATED:
                return Variable(variable.kind)
            case Source.ATTRIBUTE:
                told = plain_answer(situation.attributes.get(variable.key))
                if told is None:
                    return Variable(variable.kind)
                return Variable(variable.kind, _named(variable, told), (told,), situation.today.isoformat())
            case Source.CURRENT:
                return self._found(variable, plain_answer(situation.event.values.get(variable.key)))
        past = self.past.get(variable.key, [])
        if variable.source is Source.NEWEST_OF_STAGE:
            past = [one for one in past if one[0].stage == variable.stage]
        present = situation.event
        chosen = next(
            (
                one
                for one in past
                if variable.source is not Source.PREVIOUS or _order(one[0]) < _order(present)
            ),
            None,
        )
        if chosen is None:
            return Variable(variable.kind)
        others = tuple(value for _event, value in past)
        return Variable(variable.kind, _named(variable, chosen[1]), others, chosen[0].at.date().isoformat())


_SAYING: Final = {
    ActionKind.WARN: "warnings",
    ActionKind.REFUSE: "errors",
    ActionKind.WARN_ON_COMPLETE: "complete_warnings",
    ActionKind.REFUSE_ON_COMPLETE: "complete_errors",
    ActionKind.TEXT: "texts",
    ActionKind.PAIR: "pairs",
}
_OF_EVERY_FORM: Final = (ActionKind.WARN, ActionKind.REFUSE)
"""What is said at enrollment too where it is about no question."""


def plain_answer(stored: Any) -> str | None:
    """A stored answer as the text that expressions work with."""
    if stored is None or stored == "" or stored == []:
        return None
    return ",".join(map(str, stored)) if isinstance(stored, list) else str(stored)


def _named(variable: RuleVariable, value: str) -> str:
    return value if variable.names is None else variable.names.get(value, value)


def _order(event: Recorded) -> tuple[datetime, int]:
    return event.at, event.made


def _history(events: Sequence[Recorded]) -> dict[str, list[tuple[Recorded, str]]]:
    """Every answer to each question, the newest first."""
    found: dict[str, list[tuple[Recorded, str]]] = {}
    for event in sorted(events, key=_order, reverse=True):
        for key, stored in event.values.items():
            if (text := plain_answer(stored)) is not None:
                found.setdefault(key, []).append((event, text))
    return found


def _environment(situation: Situation) -> dict[str, Variable]:
    """The `V{}` variables."""
    event, today = situation.event, situation.today.isoformat()
    day = event.at.date().isoformat()
    happened = None if situation.of_person else day
    dates: dict[str, date | str | None] = {
        "current_date": today,
        "event_date": happened,
        "execution_date": happened,
        "creation_date": day,
        "due_date": event.due,
        "scheduled_date": event.due,
        "completed_date": event.completed,
        "enrollment_date": situation.enrolled_on,
        "incident_date": situation.incident_on or situation.enrolled_on,
    }
    texts = {
        "environment": "WebClient",
        "event_id": event.uid,
        "event_status": event.status,
        "program_stage_id": event.stage,
        "program_stage_name": situation.stage_name,
        "program_name": situation.program_name,
        "enrollment_id": situation.enrollment,
        "enrollment_status": "ACTIVE" if situation.enrollment else "",
        "org_unit": situation.place,
        "orgunit_code": situation.place_code,
    }
    counts = {
        "event_count": len(situation.others) + (not situation.of_person),
        "enrollment_count": int(bool(situation.enrollment)),
        "tei_count": 1,
    }
    return (
        {name: _known(Kind.DATE, str(value) if value else None, today) for name, value in dates.items()}
        | {name: _known(Kind.TEXT, value or None, today) for name, value in texts.items()}
        | {name: _known(Kind.NUMBER, str(value), today) for name, value in counts.items()}
    )


def _known(kind: Kind, value: str | None, day: str) -> Variable:
    return Variable(kind, value, () if value is None else (value,), day)
