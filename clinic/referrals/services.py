"""The only writers of referrals.

Lives here: referring, receiving, answering, cancelling. Each is one save. Not here: the checks (`policy.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.referrals import policy
from clinic.referrals.models import Referral, ReferralStep
from clinic.referrals.policy import ReferralState, StepKind
from clinic.referrals.selectors import ToldReferral, referral_of
from clinic.visits.models import Visit
from registry.answers import answering
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import authority_of
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem

Check = Callable[[Authority, list[UUID]], None]


def _check(by: Author, check: Check, facility_id: UUID) -> None:
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id), [facility_id])


def refer(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    reason: str,
    summary: str = "",
    to_facility: Facility | None = None,
    to_place: str = "",
    kind: str = Referral.Kind.REFERRAL,
    urgent: bool = False,
    visit: Visit | None = None,
    save_id: UUID | None = None,
) -> Referral:
    """Write a referral. After the next sync the other place expects the patient."""
    _check(by, policy.check_refer, facility.pk)
    if kind not in Referral.Kind.values:
        raise Problem("unknown-kind", _("There is no such kind."), fields={"kind": _("Unknown.")})
    if visit is not None and visit.patient_id != patient.pk:
        sentence = _("This belongs to another person or program.")
        raise Problem("wrong-visit", sentence, fields={"visit": sentence})
    with answering():
        policy.check_words(reason, summary, to_place)
        policy.check_destination(facility.pk, to_facility.pk if to_facility else None, to_place)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                Referral,
                patient=patient,
                visit=visit,
                facility=facility,
                to_facility=to_facility,
                to_place="" if to_facility else to_place.strip(),
                kind=kind,
                urgent=urgent,
                reason=reason.strip(),
                summary=summary.strip(),
                referred_at=current_node().now(),
            )
        found: Referral | None = Referral.objects.filter(pk=save.id_of(0)).first()
    if found is None:
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    return found


def receive(*, by: Author, referral: Referral, at: Facility, save_id: UUID | None = None) -> ReferralState:
    """The patient has come."""
    _check(by, policy.check_refer, at.pk)
    return _step(by, referral, StepKind.RECEIVED, policy.check_open, save_id)


def answer(
    *, by: Author, referral: Referral, at: Facility, note: str, save_id: UUID | None = None
) -> ReferralState:
    """What was done, for whoever referred. It closes the referral; what a second colleague writes at the same
    time is added to it.
    """
    _check(by, policy.check_refer, at.pk)
    with answering():
        policy.check_answer(note)
    return _step(by, referral, StepKind.ANSWERED, policy.check_not_cancelled, save_id, note.strip())


def cancel(*, by: Author, referral: Referral, save_id: UUID | None = None) -> ReferralState:
    """The patient does not go after all."""
    _check(by, policy.check_refer, referral.facility_id)
    return _step(by, referral, StepKind.CANCELLED, policy.check_unreceived, save_id)


def _step(
    by: Author,
    referral: Referral,
    kind: StepKind,
    check: Callable[[ReferralState], None],
    save_id: UUID | None,
    note: str = "",
) -> ReferralState:
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = _told(referral)
            if present.state.value == kind.value and note in {"", *(step.note for step in present.steps)}:
                return present.state
            with answering():
                check(present.state)
            save.add(
                ReferralStep,
                referral=referral,
                patient_id=referral.patient_id,
                kind=kind.value,
                note=note,
                at=current_node().now(),
                by=by.staff_id,
            )
    return _told(referral).state


def _told(referral: Referral) -> ToldReferral:
    found = referral_of(referral.pk)
    if found is None:
        raise Problem("not-found", _("There is no such record here."), status=404)
    return found
