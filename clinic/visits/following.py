"""The only writers of enrollments and of decisions about somebody's care.

Lives here: following a person in a program; ending and reopening that; planning a stage for a day, skipping
it with a reason, wanting it after all; asking for a follow-up and settling it; putting somebody in charge.
Each is one save that adds a row: with the same save id it happens once. Not here: what is due (`planning.py`,
which follows every row by itself), filling in a stage (`events.py`), who may (`policy.py`).
Read next: `tests/clinic/visits/test_following.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.programs.definition import ProgramDefinition
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, stage_of
from clinic.visits import care_policy, policy
from clinic.visits.answers import cleaned_answers
from clinic.visits.attached import drop_replaced, keep_files
from clinic.visits.entering import settled_answers
from clinic.visits.known import entry_of
from clinic.visits.models import CareStep, Enrollment
from clinic.visits.ruling import Entering
from clinic.visits.saving import check_right, made_by, save_id_used
from clinic.visits.schedule import CareKind
from clinic.visits.selectors import enrollment_in
from registry.answers import answering
from registry.people.models import Patient
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.policy import Authority
from sync.apply import Outcome
from sync.ledger.recording import Author, Save, recording
from sync.ledger.repeats import first_outcome
from sync.node import current_node
from sync.problems import Problem

_DAYS: Final = ("enrolled_on", "incident_on")
ENDS: Final = (CareKind.COMPLETED, CareKind.CANCELLED, CareKind.REOPENED)


def enrol(
    *,
    by: Author,
    patient: Patient,
    program_version: ProgramVersion,
    facility: Facility,
    enrolled_on: date | None = None,
    incident_on: date | None = None,
    values: Mapping[str, Any] | None = None,
    save_id: UUID | None = None,
) -> Enrollment:
    """Follow a person in a program. `values` are answers about the person, by the questions' codes. Who is
    followed in it already stays so, with the answers there are.
    """
    check_right(by, policy.check_enrol, facility.pk)
    program = definition_of(program_version.pk)
    if not program.registration:
        raise Problem("no-enrollment", _("Nobody is enrolled in this program: it records single events."))
    counted = incident_on or _known_incident(program, patient)
    with answering():
        policy.check_enrolled_on(enrolled_on or today(), today())
        care_policy.check_incident_on(counted, today())
    entering = Entering(
        program_version.pk, patient, facility, enrolled_on or today(), counted, staff_id=by.staff_id
    )
    given = cleaned_answers(entering.stage, values or {})
    keep_files(by=by, patient=patient, stage=entering.stage, answers=given)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = enrollment_in(patient, program_version.program_id)
            if present is not None:
                return present
            answers = settled_answers(entering, given)
            save.add(
                Enrollment,
                patient=patient,
                program_version=program_version,
                facility=facility,
                enrolled_on=enrolled_on or today(),
                incident_on=counted,
                values={key: value for key, value in answers.items() if value},
            )
        return made_by(Enrollment, save)


def _known_incident(program: ProgramDefinition, patient: Patient) -> date | None:
    """The day that a program counts from, where the person's own record has it."""
    return patient.birth_date if program.incident == "birth" else None


def edit_enrollment(
    *,
    by: Author,
    enrollment: Enrollment,
    changes: Mapping[str, date | None],
    values: Mapping[str, Any] | None = None,
    seen: str | None = None,
    save_id: UUID | None = None,
) -> Outcome:
    """Correct the days that an enrollment counts from, and answers about the person; None takes one back."""
    check_right(by, policy.check_enrol, enrollment.facility_id)
    wanted: dict[str, Any] = {name: on for name, on in changes.items() if name in _DAYS}
    form = entry_of(enrollment.program_version_id)
    given = cleaned_answers(form, values or {})
    keep_files(by=by, patient=enrollment.patient, stage=form, answers=given)
    with answering():
        policy.check_enrolled_on(wanted.get("enrolled_on") or enrollment.enrolled_on, today())
        care_policy.check_incident_on(wanted.get("incident_on"), today())
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return first_outcome(enrollment, save.save_id)
        present = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
        entering = Entering(
            present.program_version_id,
            present.patient,
            present.facility,
            wanted.get("enrolled_on") or present.enrolled_on,
            wanted.get("incident_on", present.incident_on),
            present,
            by.staff_id,
        )
        answers = settled_answers(entering, given)
        wanted |= {f"values.{key}": value for key, value in answers.items()}
        unseen = None if seen == present.version else seen
        outcome = save.edit(present, wanted, seen=unseen)
        if unseen is None:
            drop_replaced(save, form, present, answers)
        return outcome


def end_enrollment(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    cancelled: bool = False,
    reason: str = "",
    save_id: UUID | None = None,
) -> CareStep:
    """The program is done for this person, or was never right for them."""
    kind = CareKind.CANCELLED if cancelled else CareKind.COMPLETED
    return _decide(by, enrollment, facility, kind, save_id, check=care_policy.check_active, reason=reason)


def reopen_enrollment(
    *, by: Author, enrollment: Enrollment, facility: Facility, reason: str = "", save_id: UUID | None = None
) -> CareStep:
    """Follow the person again."""
    return _decide(
        by, enrollment, facility, CareKind.REOPENED, save_id, check=care_policy.check_ended, reason=reason
    )


def plan_stage(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    stage: str,
    on: date,
    occurrence: int = 1,
    save_id: UUID | None = None,
) -> CareStep:
    """This stage is wanted on that day, whatever the program says."""
    form = stage_of(enrollment.program_version_id, stage)
    with answering():
        care_policy.check_planned_on(on, today())
        care_policy.check_occurrence(occurrence, repeatable=form.repeatable)
    return _decide(
        by,
        enrollment,
        facility,
        CareKind.MOVED,
        save_id,
        check=care_policy.check_active,
        stage=form.uid,
        occurrence=occurrence,
        on=on,
    )


def skip_stage(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    stage: str,
    reason: str,
    occurrence: int = 1,
    save_id: UUID | None = None,
) -> CareStep:
    """Nobody waits for this stage any more, and why."""
    form = stage_of(enrollment.program_version_id, stage)
    with answering():
        said = care_policy.clean_reason(reason)
        care_policy.check_occurrence(occurrence, repeatable=form.repeatable)
    return _decide(
        by,
        enrollment,
        facility,
        CareKind.SKIPPED,
        save_id,
        check=care_policy.check_active,
        stage=form.uid,
        occurrence=occurrence,
        reason=said,
    )


def want_stage(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    stage: str,
    occurrence: int = 1,
    save_id: UUID | None = None,
) -> CareStep:
    """A skipped stage is wanted after all."""
    form = stage_of(enrollment.program_version_id, stage)
    return _decide(
        by,
        enrollment,
        facility,
        CareKind.WANTED,
        save_id,
        check=care_policy.check_active,
        stage=form.uid,
        occurrence=occurrence,
    )


def ask_follow_up(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    on: date,
    reason: str = "",
    save_id: UUID | None = None,
) -> CareStep:
    """Somebody should look after this person on that day."""
    with answering():
        care_policy.check_planned_on(on, today())
        said = care_policy.shorten_reason(reason)
    return _decide(
        by,
        enrollment,
        facility,
        CareKind.FOLLOW_UP,
        save_id,
        check=care_policy.check_active,
        on=on,
        reason=said,
    )


def settle_follow_up(
    *,
    by: Author,
    patient: Patient,
    enrollment: Enrollment | None,
    facility: Facility,
    on: date | None = None,
    save_id: UUID | None = None,
) -> CareStep:
    """The follow-up is done. `on` is the day it was asked for, where it belongs to no enrollment."""
    check_right(by, policy.check_move, facility.pk)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            _add(save, patient.pk, enrollment, facility, CareKind.FOLLOWED_UP, on=on)
        return made_by(CareStep, save)


def assign(
    *,
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    staff: StaffMember | None,
    save_id: UUID | None = None,
) -> CareStep:
    """Put a colleague in charge of this person in this program; None takes it back."""
    return _decide(
        by,
        enrollment,
        facility,
        CareKind.ASSIGNED,
        save_id,
        check=care_policy.check_active,
        staff=staff.pk if staff else None,
    )


def _decide(
    by: Author,
    enrollment: Enrollment,
    facility: Facility,
    kind: CareKind,
    save_id: UUID | None,
    *,
    check: Callable[[str], None],
    **said: Any,
) -> CareStep:
    check_right(by, _may_decide(kind), facility.pk)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = Enrollment.objects.select_for_update().get(pk=enrollment.pk)
            with answering():
                check(present.status)
            at = current_node().now()
            for row in [present, *_together_with(present, kind)]:
                _add(save, present.patient_id, row, facility, kind, at=at, **said)
        step = made_by(CareStep, save)
        if step.enrollment_id != enrollment.pk or step.kind != kind:
            raise save_id_used()
        return step


def _together_with(present: Enrollment, kind: CareKind) -> list[Enrollment]:
    """What ends or goes on with an enrollment: its twins (`planning.py`), which nobody sees apart. Else the
    program would go on under one of them, as if nothing had been done.
    """
    if kind not in ENDS:
        return []
    program = present.program_version.program_id
    rows = Enrollment.objects.living().filter(patient=present.patient_id).exclude(pk=present.pk)
    others = list(rows.filter(program_version__program_id=program).order_by("made_stamp", "id"))
    if kind is not CareKind.REOPENED:
        return [row for row in others if row.status == Enrollment.Status.ACTIVE]
    ended = _ended(present)
    return [row for row in others if ended is not None and _ended(row) == ended]


def _ended(row: Enrollment) -> tuple[datetime, UUID | None] | None:
    """When and by whom an enrollment was ended last; twins end at one moment."""
    steps = CareStep.objects.living().filter(enrollment=row, kind__in=[kind.value for kind in ENDS])
    last = steps.order_by("made_stamp", "id").last()
    return (last.at, last.by) if last is not None and last.kind != CareKind.REOPENED else None


def _may_decide(kind: CareKind) -> Callable[[Authority, Any], None]:
    return policy.check_enrol if kind in ENDS else policy.check_move


def _add(
    save: Save,
    patient_id: UUID,
    enrollment: Enrollment | None,
    facility: Facility,
    kind: CareKind,
    at: datetime | None = None,
    **said: Any,
) -> None:
    save.add(
        CareStep,
        patient_id=patient_id,
        enrollment=enrollment,
        facility=facility,
        kind=kind.value,
        at=at or current_node().now(),
        by=save.by.staff_id,
        **said,
    )
