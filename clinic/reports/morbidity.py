"""Illnesses: how many, by chapter of ICD-10, age and sex, and which codes came most.

Lives here: `morbidity`, from counts that the database makes for each question that asks for a code. A
diagnosis counts on the day of its visit (written outside a visit: on its own day), at the age that the person
had on that day. New cases and follow-ups are told apart as far as the same form asks
(`visit_kind`). Not here: the words of chapters (`chapters.py`), the page (`shapes.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import BooleanField, Case, CharField, Count, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from clinic.programs.definition import StageDefinition
from clinic.programs.icd10 import SOURCE
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.reports.asked import Asked
from clinic.reports.chapters import CHAPTERS, NO_CHAPTER, chapter_of
from clinic.reports.policy import UNDER, AgeGroup, Sex
from clinic.reports.sql import DayNumber, day_at
from clinic.visits.models import StageEvent
from sync.records import SyncedQuerySet

VISIT_KIND, FOLLOW_UP = "visit_kind", "FOLLOW_UP"
Cell = tuple[Sex, AgeGroup]


@dataclass
class Line:
    """One chapter or one code: new cases by sex and age, and how many came again for it."""

    key: str
    cells: Counter[Cell] = field(default_factory=Counter)
    again: int = 0

    @property
    def new(self) -> int:
        return self.cells.total()

    @property
    def all(self) -> int:
        return self.new + self.again

    def add(self, other: Line) -> None:
        self.cells.update(other.cells)
        self.again += other.again


@dataclass(frozen=True)
class Morbidity:
    """`chapters` in the order of the classification, `codes` the commonest first; `uncoded` are forms on
    which the question for a code was left empty.
    """

    chapters: list[Line]
    codes: list[Line]
    uncoded: int


@dataclass
class Question:
    """A key under which codes are kept: the stages that ask for it, and the keys that tell a follow-up."""

    key: str
    stages: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


def coded_questions() -> list[Question]:
    """Every key under which a code is kept, in any version of any program."""
    found: dict[str, Question] = {}
    for version_id in ProgramVersion.objects.living().values_list("pk", flat=True):
        for stage in definition_of(version_id).stages:
            for element in stage.elements:
                if element.option_source == SOURCE:
                    question = found.setdefault(element.key, Question(element.key))
                    question.stages.add(stage.uid)
                    question.kinds |= kind_keys(stage)
    return [found[key] for key in sorted(found)]


def kind_keys(stage: StageDefinition) -> set[str]:
    """Where a stage keeps whether somebody came for something new."""
    return {element.key for element in stage.elements if element.code == VISIT_KIND}


def events_here(asked: Asked) -> tuple[tuple[SyncedQuerySet, str], ...]:
    """What was recorded in these days at these places, with the column that says when: on visits, and
    outside them. A removed visit takes what was written on it with it.
    """
    events = StageEvent.objects.living().order_by()
    on_visits = events.filter(asked.here("visit__facility", "visit__opened_at"), visit__gone=False)
    apart = events.filter(asked.here("facility", "occurred_at"), visit=None)
    return (on_visits, "visit__opened_at"), (apart, "occurred_at")


def _age_group() -> Case:
    """Nobody comes before they are born: such an age is not known either."""
    unknown = When(Q(born=None) | Q(born__gt=F("day")), then=Value(AgeGroup.UNKNOWN.value))
    groups = [When(years__lt=limit, then=Value(group.value)) for limit, group in UNDER]
    return Case(unknown, *groups, default=Value(AgeGroup.OLDER.value), output_field=CharField())


def _text(key: str) -> Cast:
    """An answer as plain text: what is compared with it is no JSON."""
    return Cast(KeyTextTransform(key, "values"), CharField())


def _counted(events: SyncedQuerySet, moment: str, question: Question, asked: Asked) -> SyncedQuerySet:
    """(code, sex, age group, again, how many)."""
    kinds = {f"kind_{place}": key for place, key in enumerate(sorted(question.kinds))}
    again = Q(*((name, FOLLOW_UP) for name in kinds), _connector=Q.OR)
    told = events.filter(stage__in=sorted(question.stages)).annotate(
        **{name: _text(key) for name, key in kinds.items()},
        code=_text(question.key),
        sex=F("patient__sex"),
        day=day_at(moment, asked.clock),
        born=DayNumber(F("patient__birth_date")),
    )
    told = told.annotate(
        again=Case(
            *([When(again, then=Value(True))] if kinds else []),
            default=Value(False),
            output_field=BooleanField(),
        ),
        years=(F("day") - F("born")) / Value(10_000),
    ).annotate(age=_age_group())
    counted: SyncedQuerySet = told.values_list("code", "sex", "age", "again").annotate(number=Count("pk"))
    return counted


def morbidity(asked: Asked) -> Morbidity:
    """Every diagnosis that was coded, once per form on which it stands."""
    codes: dict[str, Line] = {}
    uncoded = 0
    for question in coded_questions():
        for events, moment in events_here(asked):
            for code, sex, age, again, number in _counted(events, moment, question, asked):
                if not code:
                    uncoded += number
                elif again:
                    codes.setdefault(code, Line(code)).again += number
                else:
                    codes.setdefault(code, Line(code)).cells[Sex.of(sex), AgeGroup(age)] += number
    return Morbidity(
        _by_chapter(codes.values()), sorted(codes.values(), key=lambda one: (-one.all, one.key)), uncoded
    )


def _by_chapter(codes: Iterable[Line]) -> list[Line]:
    found: dict[str, Line] = {}
    for line in codes:
        chapter = chapter_of(line.key)
        found.setdefault(chapter, Line(chapter)).add(line)
    order = [*CHAPTERS, NO_CHAPTER]
    return sorted(found.values(), key=lambda one: order.index(one.key))
