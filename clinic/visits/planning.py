"""The schedule of real enrollments, and the list of what is due.

Lives here: `followed` (an enrollment with its rows → its slots) and `follow_care`, which keeps `DueItem` and
`Enrollment.status` true for the patients of rows that were just written, here or elsewhere; `rebuild_due` for
everybody. Not here: the rules of days (`schedule.py`), reading the lists (`worklists.py`), writing records
(`following.py`).

Somebody enrolled twice in a program, at two clinics that did not know of each other, is followed once: the
earlier enrollment leads, and what was done under either counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from clinic.programs.definition import ProgramDefinition, StageDefinition
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.visits.models import CareStep, DueItem, Enrollment, StageEvent
from clinic.visits.ruling import stages_hidden
from clinic.visits.schedule import (
    CareKind,
    Decision,
    Done,
    Following,
    Slot,
    StagePlan,
    slots_of,
    status_after,
)
from clinic.visits.taking_over import TakenOver, taken_over
from sync.ledger.selectors import instant
from sync.records import door

BACK_ON: Final = "follow_up_on"
"""The key of the answer “come back on”, in any program."""
CHUNK: Final = 300
ABOUT_STAGES: Final = frozenset({CareKind.MOVED, CareKind.SKIPPED, CareKind.WANTED})
EVENT_FIELDS: Final = (
    "id",
    "patient_id",
    "enrollment_id",
    "facility_id",
    "stage",
    "occurred_at",
    "status",
    "made_by",
)


@dataclass
class Followed:
    """An enrollment with everything its schedule depends on, its twins' events and steps among it."""

    enrollment: Enrollment
    program: ProgramDefinition
    program_id: UUID
    twins: list[Enrollment] = field(default_factory=list)
    events: list[StageEvent] = field(default_factory=list)
    steps: list[CareStep] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        return self.enrollment.status == Enrollment.Status.ACTIVE

    def slots(self) -> list[Slot]:
        """The schedule, without what rules take away; what was recorded or decided stays."""
        return [
            slot
            for slot in slots_of(self.following())
            if slot.event or slot.skipped or slot.stage not in self.hidden
        ]

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The stages that rules take away as things are now."""
        return stages_hidden(self.enrollment, self.answers, self.events)

    @property
    def answers(self) -> dict[str, Any]:
        """What was answered about the person; where twins differ the one that leads counts."""
        return {key: value for row in (*self.twins, self.enrollment) for key, value in row.values.items()}

    def following(self) -> Following:
        return Following(
            enrolled_on=self.enrollment.enrolled_on,
            incident_on=self.enrollment.incident_on,
            plans=[plan_of(stage) for stage in self.program.stages],
            done=[done_of(event) for event in self.events],
            decisions=[
                Decision(step.kind, step.stage, step.occurrence, step.on, step.reason, step.by)
                for step in self.steps
                if step.kind in ABOUT_STAGES
            ],
        )

    @property
    def assigned_to(self) -> UUID | None:
        return next((step.staff for step in reversed(self.steps) if step.kind == CareKind.ASSIGNED), None)

    def assigned_after(self, moment: datetime) -> UUID | None:
        """Who was put in charge since; whoever was before is at another place."""
        since = (step for step in reversed(self.steps) if step.at > moment)
        return next((step.staff for step in since if step.kind == CareKind.ASSIGNED), None)

    @property
    def follow_up(self) -> CareStep | None:
        """The follow-up that somebody asked for and nobody has done."""
        asked = [step for step in self.steps if step.kind in (CareKind.FOLLOW_UP, CareKind.FOLLOWED_UP)]
        return asked[-1] if asked and asked[-1].kind == CareKind.FOLLOW_UP else None


def plan_of(stage: StageDefinition) -> StagePlan:
    """When a program wants a stage. What is neither generated nor counted waits for nobody."""
    own = stage.due_days or ((stage.min_days_from_start,) if stage.auto_generate else ())
    return StagePlan(
        stage.uid,
        days=own,
        repeatable=stage.repeatable,
        interval=stage.standard_interval_days,
        from_enrollment=stage.from_enrollment_date,
        after=stage.after,
        after_days=stage.after_days,
    )


def done_of(event: StageEvent) -> Done:
    return Done(
        event.stage,
        event.pk,
        timezone.localtime(event.occurred_at).date(),
        event.status == StageEvent.Status.COMPLETED,
        day_in(event.values.get(BACK_ON)),
    )


def day_in(text: Any) -> date | None:
    """The day that an answer names, if it does."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def followed(patient_ids: Collection[UUID]) -> list[Followed]:
    """What these patients are or were followed in, the earliest enrollment first; twins under the one that
    leads. An enrollment whose program has not arrived here yet is left out.
    """
    rows = Enrollment.objects.living().filter(patient_id__in=list(patient_ids))
    rows = rows.select_related("program_version").defer("program_version__definition")
    enrollments = list(rows.order_by("made_stamp", "id"))
    events, steps = _by_enrollment(_events(enrollments)), _by_enrollment(_steps(enrollments))
    leading: dict[tuple[UUID, UUID], Followed] = {}
    found: list[Followed] = []
    for row in enrollments:
        row.status = status_after(step.kind for step in steps.get(row.pk, ()))
        if (one := _followed(row)) is None:
            continue
        twin_of = leading.get((row.patient_id, one.program_id)) if one.is_active else None
        home = twin_of or one
        home.events += events.get(row.pk, [])
        home.steps += steps.get(row.pk, [])
        if twin_of is not None:
            twin_of.twins.append(row)
            continue
        found.append(one)
        if one.is_active:
            leading[row.patient_id, one.program_id] = one
    return found


def _followed(row: Enrollment) -> Followed | None:
    try:
        program = definition_of(row.program_version_id)
        return Followed(row, program, row.program_version.program_id)
    except ProgramVersion.DoesNotExist:
        return None


def _events(enrollments: Sequence[Enrollment]) -> Iterable[StageEvent]:
    rows = StageEvent.objects.living().filter(enrollment_id__in=[row.pk for row in enrollments])
    return list(rows.only(*EVENT_FIELDS, "values").order_by("occurred_at", "made_stamp", "id"))


def _steps(enrollments: Sequence[Enrollment]) -> Iterable[CareStep]:
    rows = CareStep.objects.living().filter(enrollment_id__in=[row.pk for row in enrollments])
    return list(rows.order_by("made_stamp", "id"))


def _by_enrollment(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.enrollment_id, []).append(row)
    return found


def follow_care(rows: Iterable[Any]) -> None:
    """Work out again what is due for the patients of these rows."""
    patients: set[UUID] = set()
    others: set[UUID] = set()
    for row in rows:
        (patients if _matters(row) else others).add(row.patient_id)
    patients |= _waited_for(others - patients)
    for some in _chunks(sorted(patients)):
        _replace(some)


def rebuild_due(patient_ids: Iterable[UUID]) -> None:
    """The same for these patients, whatever was written: after a new version of these rules."""
    for some in _chunks(sorted(set(patient_ids))):
        _replace(some)


def _waited_for(patient_ids: Collection[UUID]) -> set[UUID]:
    """Who has come, of those who were to be followed up."""
    items = DueItem.objects.filter(kind=DueItem.Kind.FOLLOW_UP, enrollment=None)
    return {
        patient_id
        for some in _chunks(sorted(patient_ids))
        for patient_id in items.filter(patient_id__in=some).values_list("patient_id", flat=True)
    }


def _matters(row: Any) -> bool:
    """Most events are of a visit without enrollment; all they can do is to settle a follow-up."""
    return not isinstance(row, StageEvent) or row.enrollment_id is not None or BACK_ON in row.values


def _replace(patient_ids: Sequence[UUID]) -> None:
    taken = taken_over(patient_ids)
    wanted = [
        item
        for one in followed(patient_ids)
        for item in _due_items(one, taken.get(one.enrollment.patient_id))
    ]
    wanted += _come_back(patient_ids, taken)
    _keep_status(patient_ids)
    DueItem.objects.filter(patient_id__in=patient_ids).delete()
    DueItem.objects.bulk_create(wanted, batch_size=500)


def _keep_status(patient_ids: Sequence[UUID]) -> None:
    """An enrollment's state as its steps have it."""
    rows = list(Enrollment.objects.filter(patient_id__in=patient_ids).only("id", "status", "patient_id"))
    kinds: dict[UUID, list[str]] = {}
    for step in _steps(rows):
        kinds.setdefault(step.enrollment_id, []).append(step.kind)  # type: ignore[arg-type]  # filtered by it
    with door():
        for row in rows:
            if (status := status_after(kinds.get(row.pk, ()))) != row.status:
                Enrollment.objects.filter(pk=row.pk).update(status=status)


def _due_items(one: Followed, taken: TakenOver | None) -> Iterator[DueItem]:
    """What is due at the place that saw them last, or took them over since."""
    if not one.is_active:
        return
    last = one.events[-1] if one.events else None
    seen_at = last.occurred_at if last else instant(one.enrollment.made_stamp)
    common: dict[str, Any] = {
        "patient_id": one.enrollment.patient_id,
        "enrollment_id": one.enrollment.pk,
        "program": one.program_id,
        "program_version": one.enrollment.program_version_id,
        "facility_id": last.facility_id if last else one.enrollment.facility_id,
        "assigned_to": one.assigned_to,
        "last_by": last.made_by if last else one.enrollment.made_by,
    }
    if taken is not None and taken.at > seen_at:
        common |= {"facility_id": taken.facility_id, "last_by": taken.by}
        common["assigned_to"] = one.assigned_after(taken.at)
    for slot in one.slots():
        if slot.is_open and slot.due_on is not None:
            yield DueItem(
                kind=DueItem.Kind.STAGE,
                stage=slot.stage,
                occurrence=slot.occurrence,
                due_on=slot.due_on,
                until=slot.until,
                **common,
            )
    if (asked := one.follow_up) is not None and asked.on is not None:
        yield DueItem(kind=DueItem.Kind.FOLLOW_UP, due_on=asked.on, reason=asked.reason, **common)


def _come_back(patient_ids: Sequence[UUID], taken: Mapping[UUID, TakenOver]) -> Iterator[DueItem]:
    """Who was asked at a consultation to come back on a day, and has not been seen from that day on."""
    events = StageEvent.objects.living().filter(patient_id__in=patient_ids, enrollment=None)
    last: dict[UUID, tuple[date, StageEvent]] = {}
    seen: dict[UUID, date] = {}
    for event in events.only(*EVENT_FIELDS, "program_version_id", "values").order_by("occurred_at", "id"):
        on = timezone.localtime(event.occurred_at).date()
        seen[event.patient_id] = on
        if (back_on := day_in(event.values.get(BACK_ON))) is not None:
            last[event.patient_id] = (back_on, event)
    closed = _followed_up(patient_ids)
    for patient_id, (back_on, event) in last.items():
        if seen[patient_id] >= back_on or closed.get(patient_id, date.min) >= back_on:
            continue
        over = taken.get(patient_id)
        moved = over if over is not None and over.at > event.occurred_at else None
        yield DueItem(
            kind=DueItem.Kind.FOLLOW_UP,
            patient_id=patient_id,
            facility_id=moved.facility_id if moved else event.facility_id,
            program_version=event.program_version_id,
            stage=event.stage,
            due_on=back_on,
            last_by=moved.by if moved else event.made_by,
        )


def _followed_up(patient_ids: Sequence[UUID]) -> dict[UUID, date]:
    """The last day for which a follow-up outside the programs was settled, whoever said so last."""
    steps = CareStep.objects.living().filter(
        patient_id__in=patient_ids, enrollment=None, kind=CareKind.FOLLOWED_UP.value
    )
    found: dict[UUID, date] = {}
    for step in steps:
        found[step.patient_id] = max(step.on or date.min, found.get(step.patient_id, date.min))
    return found


def _chunks(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    source = iter(ids)
    while some := list(islice(source, CHUNK)):
        yield some
