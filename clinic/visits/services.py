"""The only writers of visits and events.

Lives here: opening a visit, recording a stage and correcting it. Each is one save: with the same save id it
happens once. What the state allows is judged inside the save, on rows that nobody else can move meanwhile.
Not here: a visit's way through the stations (`moving.py`), enrollments (`following.py`), rules
(`policy.py`), what answers may be (`answers.py`).
Read next: `tests/clinic/visits/test_services.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.programs.definition import StageDefinition
from clinic.programs.effects import Effects
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, stage_of
from clinic.visits import policy
from clinic.visits.answers import Answers, cleaned_answers, refuse_missing
from clinic.visits.attached import drop_replaced, keep_files
from clinic.visits.following import enrol as enrol
from clinic.visits.models import Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.moving import NewStep, add_step
from clinic.visits.policy import FIRST_STATION, EventState, StepKind, VisitState
from clinic.visits.ruling import Asked, assigned_in, follow_rules, missing_after
from clinic.visits.saving import check_right, made_by
from clinic.visits.selectors import enrollment_in, open_visit_of, standing, unclosed_visits
from registry.answers import answering
from registry.people.models import Patient
from registry.people.services import attach_number
from registry.places.models import Facility
from registry.staff.policy import check_record
from sync.apply import Outcome
from sync.ledger.recording import Author, Save, recording
from sync.ledger.repeats import first_outcome
from sync.node import current_node
from sync.problems import Problem

_ALSO_CALLED: Final = {"general-opd": "general", "opd": "general"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit; `created` is False where the patient was on one already. `number` is the registration number,
    where the patient had only a provisional code until now.
    """

    visit: Visit
    created: bool
    number: str | None = None


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
    check_right(by, policy.check_open, facility.pk)
    kind = category_named(category)
    with answering():
        first = policy.clean_station(station)
    number = attach_number(by=by, patient=patient)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return _opened_before(save, patient, number)
        present = open_visit_of(patient, facility)
        if present is not None:
            if standing(present).state is VisitState.LEFT:
                add_step(save, present, NewStep(StepKind.RETURNED, standing(present).station))
            return Opened(present, created=False, number=number)
        now = current_node().now()
        visit = save.add(Visit, patient=patient, facility=facility, category=kind, opened_at=now)
        add_step(save, visit, NewStep(StepKind.SENT, first))
        _close_others(save, visit)
        return Opened(visit, created=True, number=number)


def _opened_before(save: Save, patient: Patient, number: str | None) -> Opened:
    """What the same save did the first time: a visit, or a patient who came back to theirs."""
    steps = VisitStep.objects.filter(pk=save.id_of(0), kind=StepKind.RETURNED, patient=patient)
    back = steps.select_related("visit").first()
    if back is not None:
        return Opened(back.visit, created=False, number=number)
    return Opened(made_by(Visit, save), created=True, number=number)


def _close_others(save: Save, visit: Visit) -> None:
    """Whoever starts a visit is no longer on one of an earlier day."""
    earlier = unclosed_visits().filter(patient=visit.patient_id, facility=visit.facility_id)
    for left_open in list(earlier.exclude(pk=visit.pk)):
        add_step(save, left_open, NewStep(StepKind.CLOSED, standing(left_open).station))


def category_named(text: str) -> Visit.Category:
    """A kind of visit by its code, however it is spelled."""
    wanted = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
    try:
        return Visit.Category(_ALSO_CALLED.get(wanted, wanted))
    except ValueError:
        raise Problem(
            "unknown-category", _("There is no such kind of visit."), fields={"category": _("Unknown.")}
        ) from None


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
    check_right(by, lambda who, at: check_record(who, form.station, at), facility.pk)
    answers = {key: value for key, value in cleaned_answers(form, values).items() if value is not None}
    happened, followed = _happened(occurred_at), _enrollment_for(program_version, patient, enrollment)
    keep_files(by=by, patient=patient, stage=form, answers=answers)
    asked = Asked(program_version.pk, form, patient, facility, followed, None, happened, by.staff_id)
    effects = follow_rules(asked, answers, completing=status == EventState.COMPLETED)
    answers = {key: value for key, value in (answers | assigned_in(form, effects)).items() if value}
    state = _state(form, answers, status, effects)
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
        return made_by(StageEvent, save)


def _state(
    form: StageDefinition, values: Mapping[str, Any], wanted: str, effects: Effects | None
) -> EventState:
    missing = missing_after(form, values, effects)
    if wanted and wanted not in set(EventState):
        raise Problem("unknown-status", _("There is no such status."), fields={"status": _("Unknown.")})
    if missing and (wanted == EventState.COMPLETED or form.complete_to_save):
        refuse_missing(form, missing)
    held_back = [said.key for said in effects.complete_errors] if effects else []
    return policy.state_for(wanted, missing or held_back)


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
    check_right(by, lambda who, _at: check_record(who, form.station), event.facility_id)
    answers = cleaned_answers(form, changes)
    keep_files(by=by, patient=event.patient, stage=form, answers=answers)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return first_outcome(event, save.save_id)
        present = StageEvent.objects.select_for_update().get(pk=event.pk)
        asked = Asked(
            present.program_version_id,
            form,
            present.patient,
            present.facility,
            present.enrollment,
            present,
            occurred_at,
            by.staff_id,
        )
        after = {key: value for key, value in (present.values | answers).items() if value is not None}
        effects = follow_rules(asked, after, completing=status == EventState.COMPLETED)
        answers |= {
            key: value
            for key, value in assigned_in(form, effects).items()
            if present.values.get(key) != value
        }
        wanted: dict[str, Any] = {f"values.{key}": value for key, value in answers.items()}
        if occurred_at is not None:
            wanted["occurred_at"] = _happened(occurred_at)
        state = _state_after(form, present, answers, status, effects)
        if state != present.status:
            wanted["status"] = state.value
        # Whoever saw the record as it is now need not repeat what it says already.
        unseen = None if seen == present.version else seen
        outcome = save.edit(present, wanted, seen=unseen)
        if unseen is None:
            drop_replaced(save, form, present, answers)
        return outcome


def _state_after(
    form: StageDefinition, present: StageEvent, answers: Answers, wanted: str, effects: Effects | None
) -> EventState:
    """The state after an edit. What was complete is not made incomplete by taking an answer back."""
    after = present.values | answers
    if present.status == EventState.COMPLETED and wanted != EventState.ACTIVE:
        taken = {key for key, value in answers.items() if value is None}
        refuse_missing(form, [key for key in missing_after(form, after, effects) if key in taken])
        return EventState.COMPLETED
    return _state(form, after, wanted, effects)
