"""Illnesses: how many, by chapter of ICD-10, age and sex, and which codes came most.

Lives here: `morbidity`, from one count per question that asks for a code, made by the database. A diagnosis
counts on the day of its visit and at the age that the person had on it. Not here: the words of chapters
(`chapters.py`), the page (`shapes.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Case, CharField, Count, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform

from clinic.programs.icd10 import SOURCE
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.reports.asked import Asked
from clinic.reports.chapters import CHAPTERS, NO_CHAPTER, chapter_of
from clinic.reports.policy import UNDER, AgeGroup
from clinic.reports.sql import years_between
from clinic.visits.models import StageEvent
from sync.records import SyncedQuerySet

SEXES: Final = ("female", "male", "other")
Cell = tuple[str, AgeGroup]


@dataclass
class Line:
    """One chapter or one code: how many of each sex and age."""

    key: str
    cells: Counter[Cell] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.cells.total()

    def of_sex(self, sex: str) -> int:
        return sum(number for (one, _group), number in self.cells.items() if one == sex)


@dataclass(frozen=True)
class Morbidity:
    """`chapters` in the order of the classification, `codes` the commonest first; `uncoded` are forms on
    which the question for a code was left empty.
    """

    chapters: list[Line]
    codes: list[Line]
    uncoded: int

    @property
    def total(self) -> int:
        return sum(line.total for line in self.chapters)


def coded_questions() -> dict[str, set[str]]:
    """For each key under which a code is kept, the stages that ask for it, in any version of any program."""
    found: dict[str, set[str]] = {}
    for version_id in ProgramVersion.objects.living().values_list("pk", flat=True):
        for stage in definition_of(version_id).stages:
            for element in stage.elements:
                if element.option_source == SOURCE:
                    found.setdefault(element.key, set()).add(stage.uid)
    return found


def events_on_visits(asked: Asked) -> SyncedQuerySet:
    """What was recorded on the visits of these days and places."""
    events: SyncedQuerySet = StageEvent.objects.living().filter(
        asked.here("visit__facility", "visit__opened_at"), visit__gone=False
    )
    return events


def _age_group() -> Case:
    groups = [When(years__lt=limit, then=Value(group.value)) for limit, group in UNDER]
    unknown = When(Q(patient__birth_date=None), then=Value(AgeGroup.UNKNOWN.value))
    return Case(unknown, *groups, default=Value(AgeGroup.OLDER.value), output_field=CharField())


def _counted(asked: Asked, key: str, stages: Iterable[str]) -> SyncedQuerySet:
    """(code, sex, age group, how many)."""
    events = events_on_visits(asked).filter(stage__in=sorted(stages))
    events = events.annotate(
        code=KeyTextTransform(key, "values"),
        sex=F("patient__sex"),
        years=years_between("patient__birth_date", "visit__opened_at"),
    ).annotate(age=_age_group())
    counted: SyncedQuerySet = events.order_by().values_list("code", "sex", "age").annotate(number=Count("pk"))
    return counted


def morbidity(asked: Asked) -> Morbidity:
    """Every diagnosis that was coded, once per form on which it stands."""
    codes: dict[str, Line] = {}
    uncoded = 0
    for key, stages in sorted(coded_questions().items()):
        for code, sex, age, number in _counted(asked, key, stages):
            if not code:
                uncoded += number
                continue
            cell = (sex if sex in SEXES else "other", AgeGroup(age))
            codes.setdefault(code, Line(code)).cells[cell] += number
    return Morbidity(
        _by_chapter(codes.values()), sorted(codes.values(), key=lambda one: (-one.total, one.key)), uncoded
    )


def _by_chapter(codes: Iterable[Line]) -> list[Line]:
    found: dict[str, Line] = {}
    for line in codes:
        chapter = chapter_of(line.key)
        found.setdefault(chapter, Line(chapter)).cells.update(line.cells)
    order = [*CHAPTERS, NO_CHAPTER]
    return sorted(found.values(), key=lambda one: order.index(one.key))
