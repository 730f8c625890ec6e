"""Reads of visits worth a name.

Lives here: who waits where (`queue`), where a visit stands, a patient's open visit and enrollments, and what
there is to fill in on a visit (`tasks_of`). Not here: events in words (`timeline.py`), the day board's page
(`clinic/board`).
Read next: `timeline.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from clinic.programs.definition import ProgramDefinition, StageDefinition
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.selectors import current_versions, definition_of
from clinic.visits.models import DueItem, Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.planning import followed
from clinic.visits.policy import (
    A_DAY,
    CARRIED_FOR,
    Standing,
    Station,
    Step,
    StepKind,
    VisitState,
    place_in_line,
    standing_of,
)
from registry.people.models import Patient
from registry.people.selectors import Person, home_facility, persons, today
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import staff_names
from sync.node import current_node
from sync.records import SyncedQuerySet

SOON: Final = timedelta(days=14)
"""Who comes this much before a stage is due may have it."""
_STEP: Final = ("kind", "station", "at", "by", "to", "priority", "made_stamp", "pk")


@dataclass(frozen=True, slots=True)
class Entry:
    """One patient in a queue. `names` are those of the staff whom its standing speaks of."""

    visit: Visit
    person: Person
    standing: Standing
    names: Mapping[UUID, str]

    @property
    def claimed_by(self) -> str | None:
        return self.name_of(self.standing.claimed_by)

    def name_of(self, staff_id: UUID | None) -> str | None:
        return None if staff_id is None else self.names.get(staff_id, "–")


@dataclass(frozen=True, slots=True)
class Task:
    """One stage that can be filled in on a visit; with its event where that is done or begun."""

    version_id: UUID
    program: ProgramDefinition
    stage: StageDefinition
    event: StageEvent | None = None
    enrollment: Enrollment | None = None
    again: bool = False

    @property
    def waits_beside(self) -> bool:
        """Nobody is asked for it, and nobody has begun it."""
        return self.program.on_request and self.event is None


def cared_for_at(facilities: Collection[UUID]) -> QuerySet[Any]:
    """The ids of those who ever came for a visit to one of these places, as a query."""
    return Visit.objects.living().filter(facility__in=facilities).values("patient_id")


def facility_of(who: Authority | None) -> Facility | None:
    """Where somebody's visits take place: their own facility here, else the only one there is."""
    home = home_facility(who)
    if home is not None:
        return home
    places = list(Facility.objects.living()[:2])
    return places[0] if len(places) == 1 else None


def standings(visits: Iterable[Visit]) -> dict[UUID, Standing]:
    """Where these visits stand, in one query."""
    asked = {visit.pk: visit for visit in visits}
    steps: dict[UUID, list[Step]] = {pk: [] for pk in asked}
    rows = VisitStep.objects.living().filter(visit_id__in=list(asked)).order_by()
    for visit_id, *step in rows.values_list("visit_id", *_STEP):
        steps[visit_id].append(Step(*step))
    return {pk: standing_of(asked[pk].opened_at, steps[pk]) for pk in asked}


def standing(visit: Visit) -> Standing:
    """Where a visit stands."""
    return standings([visit])[visit.pk]


def unclosed_visits() -> SyncedQuerySet:
    """Visits that nobody has closed, whenever they were opened."""
    closed = VisitStep.objects.living().filter(visit=OuterRef("pk"), kind=VisitStep.Kind.CLOSED)
    return Visit.objects.living().filter(~Exists(closed))


def _today(visits: SyncedQuerySet) -> SyncedQuerySet:
    """Opened within a day, or carried over when the day was closed."""
    now = current_node().now()
    carried = VisitStep.objects.living().filter(
        visit=OuterRef("pk"), kind=StepKind.CARRIED, at__gte=now - CARRIED_FOR
    )
    return visits.filter(Q(opened_at__gte=now - A_DAY) | Exists(carried))


def open_visit_of(patient: Patient, facility: Facility | None = None) -> Visit | None:
    """The visit that the patient is on now: not closed, and opened within a day."""
    visits = _today(unclosed_visits()).filter(patient=patient).order_by("-opened_at", "-id")
    found: Visit | None = (visits.filter(facility=facility) if facility else visits).first()
    return found


def open_visits_of(patient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For each of these patients who is on a visit now, that visit's id."""
    visits = _today(unclosed_visits()).filter(patient_id__in=list(patient_ids)).order_by("opened_at", "id")
    return dict(visits.values_list("patient_id", "pk"))


def present_at(facility: Facility) -> dict[Visit, Standing]:
    """The visits that are open now at a facility, and where each stands."""
    visits = list(_today(unclosed_visits()).filter(facility=facility).select_related("patient"))
    stands = standings(visits)
    return {visit: stands[visit.pk] for visit in visits}


def queue(facility: Facility, station: str | None = None, *, away: bool = False) -> list[Entry]:
    """Who is at a facility now: who waits, the urgent and then the longest wait first; then those who are
    with somebody. With a station only who is there; with `away` those who went away unseen as well.
    """
    stands = {
        visit: now
        for visit, now in present_at(facility).items()
        if (station is None or now.station == station) and (now.is_here or away)
    }
    here = sorted(stands, key=lambda visit: (*place_in_line(stands[visit]), visit.pk))
    names = staff_names(staff_id for now in stands.values() for staff_id in speaks_of(now))
    people = persons([visit.patient for visit in here])
    return [Entry(visit, person, stands[visit], names) for visit, person in zip(here, people, strict=True)]


def speaks_of(now: Standing) -> list[UUID | None]:
    """The staff whom a standing names."""
    return [now.claimed_by, now.waits_for, now.priority_by, *now.also_claimed]


def waiting_by_station(stands: Iterable[Standing]) -> dict[str, int]:
    """How many wait at each station, in the order of the day; one unknown to this version comes last."""
    counts: dict[str, int] = {station.value: 0 for station in Station}
    for now in stands:
        counts.setdefault(now.station, 0)
        counts[now.station] += now.state is VisitState.WAITING
    return counts


def seen_today(facility: Facility) -> int:
    """How many visits of the last day are closed."""
    closed = VisitStep.objects.living().filter(kind=VisitStep.Kind.CLOSED).values("visit_id")
    return _today(Visit.objects.living()).filter(facility=facility, pk__in=closed).count()


def enrollments_of(patient: Patient) -> list[Enrollment]:
    """A patient's enrollments, the newest first."""
    rows = Enrollment.objects.living().filter(patient=patient).order_by("-enrolled_on", "-made_stamp")
    return list(rows.select_related("program_version__program").defer("program_version__definition"))


def enrollment_in(patient: Patient, program_id: UUID) -> Enrollment | None:
    """The patient's active enrollment in a program."""
    rows = Enrollment.objects.living().filter(patient=patient, program_version__program_id=program_id)
    found: Enrollment | None = rows.filter(status=Enrollment.Status.ACTIVE).order_by("made_stamp").first()
    return found


def programs_to_enrol(patient: Patient) -> list[ProgramVersion]:
    """The programs that people are followed in and this patient is not."""
    active = Enrollment.objects.living().filter(patient=patient, status=Enrollment.Status.ACTIVE)
    followed = set(active.values_list("program_version__program_id", flat=True))
    versions = current_versions().filter(program__kind=Program.Kind.WITH_REGISTRATION)
    return [version for version in versions if version.program_id not in followed]


def next_days(patient: Patient) -> dict[UUID, date]:
    """For each of a patient's enrollments the next day on which somebody waits for them."""
    items = DueItem.objects.filter(patient=patient, kind=DueItem.Kind.STAGE).exclude(enrollment=None)
    now_open = items.filter(Q(until=None) | Q(until__gt=today()))
    return dict(
        now_open.values("enrollment_id").annotate(day=Min("due_on")).values_list("enrollment_id", "day")
    )


def tasks_of(visit: Visit, *, even_hidden: bool = False) -> list[Task]:
    """What can be filled in: what this kind of visit is for, then the stages of the other programs without
    enrollment, then those that the patient is followed in, as far as it is their time.

    A stage asked once shows its event, of this visit or of the enrollment; one that may come again shows
    every event of this visit and a blank one. What rules hide is not offered, unless `even_hidden`; what was
    recorded of it is shown.
    """
    active = [row for row in enrollments_of(visit.patient) if row.status == Enrollment.Status.ACTIVE]
    # Of twins the earliest leads (`planning.py`); what was done under either is done.
    active.sort(key=lambda row: (row.made_stamp, row.pk), reverse=True)
    enrolled = {row.program_version.program_id: row for row in active}
    events = _events_by_stage(visit, active)
    versions = [version for version in current_versions() if _is_asked(version, visit, enrolled)]
    versions.sort(key=lambda version: _order(version, visit))
    later, hidden = _not_now(visit) if enrolled else (set(), set())
    tasks: list[Task] = []
    for version in versions:
        program = definition_of(version.pk)
        for stage in program.stages:
            done = events.get((version.program_id, stage.uid), [])
            if (version.program_id, stage.uid) in later and not any(e.visit_id == visit.pk for e in done):
                continue
            enrollment = enrolled.get(version.program_id)
            shown = _tasks(visit, Task(version.pk, program, stage, enrollment=enrollment), done)
            away = (version.program_id, stage.uid) in hidden and not even_hidden
            tasks += [task for task in shown if task.event is not None or not away]
    return tasks


def _is_asked(version: ProgramVersion, visit: Visit, enrolled: Collection[UUID]) -> bool:
    if version.program.has_registration:
        return version.program_id in enrolled
    categories = definition_of(version.pk).categories
    return not categories or visit.category in categories


def _order(version: ProgramVersion, visit: Visit) -> tuple[bool, bool]:
    return visit.category not in definition_of(version.pk).categories, version.program.has_registration


def _not_now(visit: Visit) -> tuple[set[tuple[UUID, str]], set[tuple[UUID, str]]]:
    """(program, stage) of what the schedules of a patient want at another time, or wanted and got; and of
    what rules hide.
    """
    soon = today() + SOON
    found: set[tuple[UUID, str]] = set()
    hidden: set[tuple[UUID, str]] = set()
    for one in followed([visit.patient_id]):
        if not one.is_active:
            continue
        slots = one.slots()
        hidden |= {(one.program_id, stage) for stage in one.hidden}
        wanted = {
            slot.stage
            for slot in slots
            if (slot.is_open and slot.due_on and slot.due_on <= soon)
            or (slot.event and not slot.event.completed)
        }
        found |= {(one.program_id, slot.stage) for slot in slots if slot.due_on and slot.stage not in wanted}
    return found, hidden


def _events_by_stage(
    visit: Visit, enrollments: Iterable[Enrollment]
) -> dict[tuple[UUID, str], list[StageEvent]]:
    rows = StageEvent.objects.living().filter(patient_id=visit.patient_id)
    mine = rows.filter(visit=visit) | rows.filter(enrollment__in=[row.pk for row in enrollments])
    found: dict[tuple[UUID, str], list[StageEvent]] = {}
    for event in _with_program(mine).order_by("made_stamp", "id"):
        found.setdefault((event.program_version.program_id, event.stage), []).append(event)
    return found


def _with_program(events: SyncedQuerySet) -> SyncedQuerySet:
    return events.select_related("program_version").defer("program_version__definition")


def _tasks(visit: Visit, blank: Task, events: Sequence[StageEvent]) -> list[Task]:
    here = [event for event in events if event.visit_id == visit.pk]
    shown = here if blank.stage.repeatable else (here or list(events[-1:]))
    tasks = [
        Task(event.program_version_id, blank.program, blank.stage, event, blank.enrollment) for event in shown
    ]
    if not tasks:
        return [blank]
    if blank.stage.repeatable:
        tasks.append(Task(blank.version_id, blank.program, blank.stage, None, blank.enrollment, again=True))
    return tasks
