"""The only writers of visits, enrollments and events.

Lives here: opening a visit and moving it through the stations, enrolling, recording a stage and correcting
it. Each is one save: with the same save id it happens once. What the state allows is judged inside the save,
on rows that nobody else can move meanwhile. Not here: rules (`policy.py`), what answers may be
(`answers.py`).
Read next: `tests/clinic/visits/test_services.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.programs.definition import StageDefinition
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, stage_of
from clinic.visits import policy
from clinic.visits.answers import Answers, cleaned_answers, missing_answers, refuse_missing
from clinic.visits.models import Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.policy import FIRST_STATION, EventState, Standing, StepKind
from clinic.visits.selectors import enrollment_in, open_visit_of, standing, unclosed_visits
from registry.answers import answering
from registry.people.models import Patient
from registry.people.selectors import today
from registry.people.services import attach_number
from registry.places.models import Facility
from registry.staff.policy import Authority, check_record
from registry.staff.selectors import authority_of
from sync.apply import Outcome
from sync.core.protocol import from_canonical
from sync.ledger.models import Change
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem
from sync.records import SyncedModel

Row = TypeVar("Row", bound=SyncedModel)
_ALSO_CALLED: Final = {"general-opd": "general", "opd": "general"}
Check = Callable[[Authority, Collection[UUID]], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit; `created` is False where the patient was on one already. `number` is the registration number,
    where the patient had only a provisional code until now.
    """

    visit: Visit
    created: bool
    number: str | None = None


def _check(by: Author, check: Check, facility_id: UUID) -> None:
    """Rights come from the synced roles; without a person it is the node itself that writes (commands, the
    demo).
    """
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id), [facility_id])


def _made(model: type[Row], save: Save) -> Row:
    """What this save made, now or the first time."""
    found: Row | None = model.objects.filter(pk=save.id_of(0)).first()
    if found is None:
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    return found


def open_visit(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    category: str = Visit.Category.GENERAL,
    station: str = FIRST_STATION,
    save_id: UUID | None = None,
) -> Opened:
    """The patient comes, and waits at a station. Who is on a visit here already stays on it; one left open
    on an earlier day is closed. Whoever has only a provisional code gets their number first, in a save of its
    own.
    """
    _check(by, policy.check_open, facility.pk)
    kind = category_named(category)
    with answering():
        first = policy.clean_station(station)
    number = attach_number(by=by, patient=patient)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = open_visit_of(patient, facility)
            if present is not None:
                return Opened(present, created=False, number=number)
            now = current_node().now()
            visit = save.add(Visit, patient=patient, facility=facility, category=kind, opened_at=now)
            _add_step(save, visit, StepKind.SENT, first)
            _close_others(save, visit)
        return Opened(_made(Visit, save), created=True, number=number)


def _close_others(save: Save, visit: Visit) -> None:
    """Whoever starts a visit is no longer on one of an earlier day."""
    earlier = unclosed_visits().filter(patient=visit.patient_id, facility=visit.facility_id)
    for left_open in list(earlier.exclude(pk=visit.pk)):
        _add_step(save, left_open, StepKind.CLOSED, standing(left_open).station)


def category_named(text: str) -> Visit.Category:
    """A kind of visit by its code, however it is spelled."""
    wanted = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
    try:
        return Visit.Category(_ALSO_CALLED.get(wanted, wanted))
    except ValueError:
        raise Problem(
            "unknown-category", _("There is no such kind of visit."), fields={"category": _("Unknown.")}
        ) from None


def _add_step(save: Save, visit: Visit, kind: StepKind, station: str) -> None:
    save.add(
        VisitStep,
        visit=visit,
        patient_id=visit.patient_id,
        kind=kind.value,
        station=station,
        at=current_node().now(),
        by=save.by.staff_id,
    )


def send_visit(*, by: Author, visit: Visit, station: str, save_id: UUID | None = None) -> Standing:
    """On to a station, free for whoever works there. To the same station: it frees the patient."""
    with answering():
        target = policy.clean_station(station)

    def wanted(now: Standing) -> str | None:
        policy.check_continue(now)
        waits_there = now.station == target and now.claimed_by is None
        return None if waits_there else target

    return _step(by, visit, StepKind.SENT, wanted, save_id)


def claim_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """I take this patient."""
    if by.staff_id is None:
        raise Problem("not-allowed", _("Only a person takes a patient."), status=403)

    def wanted(now: Standing) -> str | None:
        policy.check_claim(now, by.staff_id)
        return None if now.claimed_by == by.staff_id else now.station

    return _step(by, visit, StepKind.CLAIMED, wanted, save_id)


def close_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """The patient goes home."""

    def wanted(now: Standing) -> str | None:
        return now.station if now.is_open else None

    return _step(by, visit, StepKind.CLOSED, wanted, save_id)


def _step(
    by: Author, visit: Visit, kind: StepKind, wanted: Callable[[Standing], str | None], save_id: UUID | None
) -> Standing:
    """Add a step at the station that `wanted` names for the present standing; None means that it is so
    already.
    """
    _check(by, policy.check_move, visit.facility_id)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            if _made(VisitStep, save).visit_id != visit.pk:
                raise Problem("save-id-used", _("This save id was used for something else."), status=409)
        else:
            with answering():
                station = wanted(standing(visit))
            if station is not None:
                _add_step(save, visit, kind, station)
    return standing(visit)


def enrol(
    *,
    by: Author,
    patient: Patient,
    program_version: ProgramVersion,
    facility: Facility,
    enrolled_on: date | None = None,
    save_id: UUID | None = None,
) -> Enrollment:
    """Follow a person in a program. Who is followed in it already stays so."""
    _check(by, policy.check_enrol, facility.pk)
    if not definition_of(program_version.pk).registration:
        raise Problem("no-enrollment", _("Nobody is enrolled in this program: it records single events."))
    with answering():
        policy.check_enrolled_on(enrolled_on or today(), today())
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = enrollment_in(patient, program_version.program_id)
            if present is not None:
                return present
            save.add(
                Enrollment,
                patient=patient,
                program_version=program_version,
                facility=facility,
                enrolled_on=enrolled_on or today(),
            )
        return _made(Enrollment, save)


def record_event(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    program_version: ProgramVersion,
    stage: str,
    values: Mapping[str, Any],
    visit: Visit | None = None,
    enrollment: Enrollment | None = None,
    occurred_at: datetime | None = None,
    status: str = "",
    save_id: UUID | None = None,
) -> StageEvent:
    """A stage as it was filled in. `stage` is a uid or a code, `values` go by the questions' codes.

    Without `status` it is complete once everything compulsory is answered, else only begun.
    """
    form = stage_of(program_version.pk, stage)
    _check(by, lambda who, at: check_record(who, form.station, at), facility.pk)
    answers = {key: value for key, value in cleaned_answers(form, values).items() if value is not None}
    state, happened = _state(form, answers, status), _happened(occurred_at)
    followed = _enrollment_for(program_version, patient, enrollment)
    if visit is not None and visit.patient_id != patient.pk:
        raise _not_theirs("visit")
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                StageEvent,
                patient=patient,
                visit=visit,
                enrollment=followed,
                program_version=program_version,
                stage=form.uid,
                facility=facility,
                occurred_at=happened,
                status=state.value,
                values=answers,
            )
        return _made(StageEvent, save)


def _state(form: StageDefinition, values: Mapping[str, Any], wanted: str) -> EventState:
    missing = missing_answers(form, values)
    if wanted and wanted not in set(EventState):
        raise Problem("unknown-status", _("There is no such status."), fields={"status": _("Unknown.")})
    if missing and (wanted == EventState.COMPLETED or form.complete_to_save):
        refuse_missing(form, missing)
    return policy.state_for(wanted, missing)


def _happened(occurred_at: datetime | None) -> datetime:
    now = current_node().now()
    if occurred_at is None:
        return now
    with answering():
        policy.check_moment(occurred_at, now)
    return occurred_at


def _enrollment_for(version: ProgramVersion, patient: Patient, named: Enrollment | None) -> Enrollment | None:
    """The enrollment an event belongs to: the one named, else the active one of its program."""
    if named is None and definition_of(version.pk).registration:
        named = enrollment_in(patient, version.program_id)
        if named is None:
            raise Problem(
                "not-enrolled",
                _("This person is not enrolled in the program."),
                fields={"enrollment": _("Missing.")},
            )
    if named is not None and (
        named.patient_id != patient.pk or named.program_version.program_id != version.program_id
    ):
        raise _not_theirs("enrollment")
    return named


def _not_theirs(field: str) -> Problem:
    sentence = _("This belongs to another person or program.")
    return Problem(f"wrong-{field}", sentence, fields={field: sentence})


def edit_event(
    *,
    by: Author,
    event: StageEvent,
    changes: Mapping[str, Any],
    occurred_at: datetime | None = None,
    status: str = "",
    seen: str | None = None,
    save_id: UUID | None = None,
) -> Outcome:
    """Correct a stage. `changes` are answers by code, None takes one back; `seen` is the version that was
    edited.
    """
    form = stage_of(event.program_version_id, event.stage)
    _check(by, lambda who, _at: check_record(who, form.station), event.facility_id)
    answers = cleaned_answers(form, changes)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return first_outcome(event, save.save_id)
        present = StageEvent.objects.select_for_update().get(pk=event.pk)
        wanted: dict[str, Any] = {f"values.{key}": value for key, value in answers.items()}
        if occurred_at is not None:
            wanted["occurred_at"] = _happened(occurred_at)
        state = _state_after(form, present, answers, status)
        if state != present.status:
            wanted["status"] = state.value
        # Whoever saw the record as it is now need not repeat what it says already.
        return save.edit(present, wanted, seen=None if seen == present.version else seen)


def _state_after(form: StageDefinition, present: StageEvent, answers: Answers, wanted: str) -> EventState:
    """The state after an edit. What was complete is not made incomplete by taking an answer back."""
    after = present.values | answers
    if present.status == EventState.COMPLETED and wanted != EventState.ACTIVE:
        taken = {key for key, value in answers.items() if value is None}
        refuse_missing(form, [key for key in missing_answers(form, after) if key in taken])
        return EventState.COMPLETED
    return _state(form, after, wanted)


def was_saved(save_id: UUID | None) -> bool:
    """Whether this save was made here before."""
    return save_id is not None and Change.objects.filter(save_id=save_id, replica__is_self=True).exists()


def first_outcome(row: SyncedModel, save_id: UUID) -> Outcome:
    """What became of an edit when it was first made: concurrent if the log holds an earlier change that it
    had not seen.
    """
    changes = list(Change.objects.filter(record_id=row.pk).order_by("id"))
    own = next((change for change in changes if change.save_id == save_id), None)
    if own is None:
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    if row.is_contested:
        return "conflicted"
    past = from_canonical(bytes(own.body)).past
    earlier = [from_canonical(bytes(change.body)).dot for change in changes if change.pk < own.pk]
    return "applied" if all(past.covers(dot) for dot in earlier) else "merged"
