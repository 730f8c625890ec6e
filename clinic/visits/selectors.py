"""Reads of visits worth a name.

Lives here: who waits where (`queue`), where a visit stands, a patient's open visit and enrollments, and what
there is to fill in on a visit (`tasks_of`). Not here: events in words (`timeline.py`), the day board's page
(`clinic/board`).
Read next: `timeline.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from clinic.programs.definition import ProgramDefinition, StageDefinition
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.selectors import current_versions, definition_of
from clinic.visits.models import Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.policy import A_DAY, Standing, Station, Step, VisitState, standing_of
from registry.people.models import Patient
from registry.people.selectors import Person, home_facility, persons
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import staff_names
from sync.node import current_node
from sync.records import SyncedQuerySet


@dataclass(frozen=True, slots=True)
class Entry:
    """One patient in a queue."""

    visit: Visit
    person: Person
    standing: Standing
    claimed_by: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """One stage that can be filled in on a visit; with its event where that is done or begun."""

    version_id: UUID
    program: ProgramDefinition
    stage: StageDefinition
    event: StageEvent | None = None
    enrollment: Enrollment | None = None
    again: bool = False


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
    rows = VisitStep.objects.living().filter(visit_id__in=list(asked)).order_by("made_stamp", "id")
    for visit_id, *step in rows.values_list("visit_id", "kind", "station", "at", "by"):
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
    return visits.filter(opened_at__gte=current_node().now() - A_DAY)


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


def queue(facility: Facility, station: str | None = None) -> list[Entry]:
    """Who is at a facility now, longest wait first; then those who are with somebody. With a station only
    who is there.
    """
    stands = {
        visit: now for visit, now in present_at(facility).items() if station is None or now.station == station
    }
    here = sorted(stands, key=lambda visit: _place_in_line(visit, stands[visit]))
    names = staff_names(now.claimed_by for now in stands.values())
    people = persons([visit.patient for visit in here])
    return [
        Entry(visit, person, stands[visit], _claimant(stands[visit].claimed_by, names))
        for visit, person in zip(here, people, strict=True)
    ]


def _place_in_line(visit: Visit, stands: Standing) -> tuple[bool, datetime, UUID]:
    return stands.state is VisitState.WITH_SOMEONE, stands.arrived_at, visit.pk


def _claimant(staff_id: UUID | None, names: dict[UUID, str]) -> str | None:
    return None if staff_id is None else names.get(staff_id, "–")


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


def tasks_of(visit: Visit) -> list[Task]:
    """What can be filled in: the stages of the programs without enrollment, then those the patient is
    followed in.

    A stage asked once shows its event, of this visit or of the enrollment; one that may come again shows
    every event of this visit and a blank one.
    """
    enrolled = {
        row.program_version.program_id: row
        for row in reversed(enrollments_of(visit.patient))
        if row.status == Enrollment.Status.ACTIVE
    }
    events = _events_by_stage(visit, enrolled.values())
    versions = [version for version in current_versions() if _is_asked(version, enrolled)]
    versions.sort(key=lambda version: version.program.has_registration)
    tasks: list[Task] = []
    for version in versions:
        program = definition_of(version.pk)
        for stage in program.stages:
            done = events.get((version.program_id, stage.uid), [])
            enrollment = enrolled.get(version.program_id)
            tasks += _tasks(visit, Task(version.pk, program, stage, enrollment=enrollment), done)
    return tasks


def _is_asked(version: ProgramVersion, enrolled: Collection[UUID]) -> bool:
    return version.program_id in enrolled or not version.program.has_registration


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
