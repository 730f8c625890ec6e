"""A visit's way through the stations: the only writers of its steps.

Lives here: send, claim, release and hand over, skip, leave and come back, priority, close. Each is one save
that adds one step, judged inside the save on rows that nobody else can move meanwhile; what is so already
adds none. Not here: what the steps amount to (`policy.py`), opening a visit (`services.py`).
Read next: `tests/clinic/visits/test_moving.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.visits import policy
from clinic.visits.models import Visit, VisitStep
from clinic.visits.policy import Standing, StepKind, VisitState
from clinic.visits.saving import check_right, made_by, save_id_used
from clinic.visits.selectors import standing
from registry.answers import answering
from registry.staff.selectors import authority_of, staff_names
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step that is about to be added."""

    kind: StepKind
    station: str
    to: UUID | None = None
    priority: str = ""


def add_step(save: Save, visit: Visit, step: NewStep) -> None:
    """One more step of a visit, by whoever saves."""
    save.add(
        VisitStep,
        visit=visit,
        patient_id=visit.patient_id,
        kind=step.kind.value,
        station=step.station,
        at=current_node().now(),
        by=save.by.staff_id,
        to=step.to,
        priority=step.priority,
    )


def send_visit(*, by: Author, visit: Visit, station: str, save_id: UUID | None = None) -> Standing:
    """On to a station, or back to one, free for whoever works there. To the same station it frees the
    patient.
    """
    with answering():
        target = policy.clean_station(station)

    def wanted(now: Standing) -> NewStep | None:
        policy.check_continue(now)
        if now.station == target and now.state is VisitState.WAITING:
            return None
        kind = StepKind.SENT_BACK if policy.is_back(now, target) else StepKind.SENT
        return NewStep(kind, target)

    return _step(by, visit, wanted, save_id)


def claim_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """I take this patient. Whoever was a moment slower is told who has."""
    if by.staff_id is None:
        raise Problem("not-allowed", gettext_lazy("Only a person takes a patient."), status=403)

    def wanted(now: Standing) -> NewStep | None:
        _refuse_taken(now, by.staff_id)
        policy.check_claim(now, by.staff_id)
        return None if now.claimed_by == by.staff_id else NewStep(StepKind.CLAIMED, now.station)

    return _step(by, visit, wanted, save_id)


def _refuse_taken(now: Standing, by: UUID | None) -> None:
    """The refusal with the name of whoever was first."""
    if now.is_open and not policy.can_claim(now, by):
        name = staff_names([now.claimed_by]).get(now.claimed_by) if now.claimed_by else None
        if name is not None:
            raise Problem(
                "already-claimed",
                _("%(name)s is with this patient.") % {"name": name},
                status=409,
                extra={"claimed_by": str(now.claimed_by)},
            )


def release_visit(
    *, by: Author, visit: Visit, to: UUID | None = None, save_id: UUID | None = None
) -> Standing:
    """I am no longer with this patient; with `to` I hand them over to a colleague, who takes them next."""
    if to is not None:
        _check_colleague(to, visit)

    def wanted(now: Standing) -> NewStep | None:
        if now.state is VisitState.WAITING and now.waits_for == to:
            return None
        policy.check_let_go(now, by.staff_id)
        return NewStep(StepKind.RELEASED, now.station, to=to)

    return _step(by, visit, wanted, save_id)


def _check_colleague(staff_id: UUID, visit: Visit) -> None:
    if not policy.can_move(authority_of(staff_id), [visit.facility_id]):
        sentence = _("This person does not work here.")
        raise Problem("unknown-colleague", sentence, fields={"to": sentence})


def skip_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """Called and not there: to the end of the line."""

    def wanted(now: Standing) -> NewStep | None:
        policy.check_skip(now)
        return NewStep(StepKind.SKIPPED, now.station)

    return _step(by, visit, wanted, save_id)


def leave_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """The patient went away without being seen."""

    def wanted(now: Standing) -> NewStep | None:
        if now.state is VisitState.LEFT:
            return None
        policy.check_leave(now, by.staff_id)
        return NewStep(StepKind.LEFT, now.station)

    return _step(by, visit, wanted, save_id)


def return_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """Whoever went away is back, and waits where they waited."""

    def wanted(now: Standing) -> NewStep | None:
        policy.check_continue(now)
        return NewStep(StepKind.RETURNED, now.station) if now.state is VisitState.LEFT else None

    return _step(by, visit, wanted, save_id)


def prioritise_visit(*, by: Author, visit: Visit, priority: str, save_id: UUID | None = None) -> Standing:
    """Who goes before whom."""
    with answering():
        chosen = policy.clean_priority(priority)

    def wanted(now: Standing) -> NewStep | None:
        policy.check_continue(now)
        return (
            None if now.priority == chosen else NewStep(StepKind.PRIORITY, now.station, priority=chosen.value)
        )

    return _step(by, visit, wanted, save_id)


def close_visit(*, by: Author, visit: Visit, save_id: UUID | None = None) -> Standing:
    """The patient goes home."""

    def wanted(now: Standing) -> NewStep | None:
        return NewStep(StepKind.CLOSED, now.station) if now.is_open else None

    return _step(by, visit, wanted, save_id)


Wanted = Callable[[Standing], NewStep | None]


def _step(by: Author, visit: Visit, wanted: Wanted, save_id: UUID | None) -> Standing:
    """Add the step that `wanted` names for the present standing; None means that it is so already."""
    check_right(by, policy.check_move, visit.facility_id)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            if made_by(VisitStep, save).visit_id != visit.pk:
                raise save_id_used()
        else:
            with answering():
                step = wanted(standing(visit))
            if step is not None:
                add_step(save, visit, step)
    return standing(visit)
