"""Programs: how many are followed, how many came new, how many are due and overdue.

Lives here: `followed_in`. Due and overdue mean what the working lists mean by it
(`clinic/visits/worklists.py`). Not here: what makes something due (`clinic/visits/schedule.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, Q

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.reports.asked import Asked
from clinic.visits.models import DueItem, Enrollment
from clinic.visits.schedule import GRACE
from clinic.visits.worklists import A_WEEK
from registry.people.selectors import today

NO_ONE: Final = (0, 0, 0, 0)
NOTHING: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class Followed:
    """One program. `new` is of the days asked about; everything else is as of today."""

    program: str
    active: int
    new: int
    completed: int
    cancelled: int
    due: int
    overdue: int


def followed_in(asked: Asked) -> list[Followed]:
    """Every program that somebody was ever followed in at these places, by name."""
    enrolled = _enrolled(asked)
    waiting = _waiting(asked)
    names = _names({*enrolled, *waiting})
    lines = [
        (names.get(program, ""), program, enrolled.get(program, NO_ONE), waiting.get(program, NOTHING))
        for program in {*enrolled, *waiting}
    ]
    return [Followed(name or "–", *numbers, *due) for name, _program, numbers, due in sorted(lines)]


def _names(programs: set[UUID]) -> dict[UUID, str]:
    """As the newest version says; a program that nobody is added to any more keeps its name."""
    versions = ProgramVersion.objects.living().filter(program_id__in=programs)
    newest = dict(versions.order_by("number", "made_stamp").values_list("program_id", "pk"))
    return {program: str(definition_of(version).name) for program, version in newest.items()}


def _enrolled(asked: Asked) -> dict[UUID, tuple[int, ...]]:
    rows = Enrollment.objects.living().filter(facility__in=asked.place_ids).order_by()
    began = Q(enrolled_on__gte=asked.span.first, enrolled_on__lte=asked.span.last)
    counted = rows.values_list("program_version__program_id").annotate(
        active=Count("pk", filter=Q(status=Enrollment.Status.ACTIVE)),
        new=Count("pk", filter=began),
        completed=Count("pk", filter=Q(status=Enrollment.Status.COMPLETED)),
        cancelled=Count("pk", filter=Q(status=Enrollment.Status.CANCELLED)),
    )
    return {program: tuple(numbers) for program, *numbers in counted}


def _waiting(asked: Asked) -> dict[UUID, tuple[int, ...]]:
    """Due within a week (or late by less than the grace), and overdue."""
    on = today()
    rows = DueItem.objects.filter(
        Q(until=None) | Q(until__gt=on), facility__in=asked.place_ids, kind=DueItem.Kind.STAGE
    )
    counted = (
        rows.order_by()
        .values_list("program")
        .annotate(
            due=Count("pk", filter=Q(due_on__gte=on - GRACE, due_on__lte=on + A_WEEK)),
            overdue=Count("pk", filter=Q(due_on__lt=on - GRACE)),
        )
    )
    return {program: tuple(numbers) for program, *numbers in counted if program}
