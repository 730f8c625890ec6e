"""The only writers of ties between people.

Lives here: `relate` and `unrelate` (both halves in one save), `join_household` and `leave_household`, and
`register_child`, which registers a child and ties it to its mother in one save. Not here: what may be tied
(`kin.py`), who is tied (`family.py`).
Read next: `tests/registry/people/test_family.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.people import kin
from registry.people.family import directly_above, kin_of, membership_of, ties_of
from registry.people.models import HouseholdMember, Patient, Relation
from registry.people.services import Registered, check_author, register
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem


def relate(
    *, by: Author, patient: Patient, other: Patient, kind: str, save_id: UUID | None = None
) -> Relation:
    """Tie two people: `kind` says what `other` is to `patient`. Saying it again changes nothing."""
    check_author(by)
    with answering():
        kin.check_kind(kind)
        kin.check_two_people(patient.pk, other.pk)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            made: Relation | None = Relation.objects.filter(pk=save.id_of(0)).first()
            if made is not None:
                return made
        known = _tie(patient, other, kind)
        if known is not None:
            return known
        if save.repeated:
            raise Problem("save-id-used", _("This save id was used for something else."), status=409)
        check_tie(patient, other, kind)
        return _add_halves(save, patient, other, kind)


def _tie(patient: Patient, other: Patient, kind: str) -> Relation | None:
    return next((row for row in ties_of([patient.pk], [kind]) if row.other_id == other.pk), None)


def check_tie(patient: Patient, other: Patient, kind: str) -> None:
    """What cannot be is refused, whichever of the two the asker stood at."""
    if kind == "spouse":
        return
    lower, upper = (patient, other) if kind in kin.UPWARD else (other, patient)
    upward = kind if kind in kin.UPWARD else kin.OTHER_HALF[kind]
    with answering():
        kin.check_no_circle(lower.pk, upper.pk, lambda edge: directly_above(edge, upward))
        if upward == "mother":
            kin.check_mother(kin_of(upper), kin_of(lower))
            kin.check_one_mother(directly_above([lower.pk], "mother"))


def _add_halves(save: Save, patient: Patient, other: Patient, kind: str) -> Relation:
    made = save.add(Relation, patient=patient, other=other, kind=kind)
    save.add(Relation, patient=other, other=patient, kind=kin.OTHER_HALF[kind])
    return made


def unrelate(*, by: Author, relation: Relation, save_id: UUID | None = None) -> None:
    """Take a tie away: this half, and the other where it is held here."""
    check_author(by)
    halves = Relation.objects.living()
    mine = {"patient": relation.patient_id, "other": relation.other_id, "kind": relation.kind}
    theirs = {
        "patient": relation.other_id,
        "other": relation.patient_id,
        "kind": kin.OTHER_HALF[relation.kind],
    }
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return
        for row in [*halves.filter(**mine).order_by("pk"), *halves.filter(**theirs).order_by("pk")]:
            save.remove(row)


def join_household(
    *, by: Author, patient: Patient, other: Patient, role: str = "other", save_id: UUID | None = None
) -> HouseholdMember:
    """`patient` lives with `other` from now on. Where `other` has no household yet, it begins with them as
    head.
    """
    check_author(by)
    if role not in HouseholdMember.Role.values:
        raise Problem("unknown-code", _("Choose one of the answers."), fields={"role": _("Unknown.")})
    with answering():
        kin.check_two_people(patient.pk, other.pk)
    with recording(by=by, save_id=save_id) as save:
        own = membership_of(patient)
        if save.repeated:
            if own is None:
                raise Problem("save-id-used", _("This save id was used for something else."), status=409)
            return own
        return _join(save, patient, other, role, own)


def _join(
    save: Save, patient: Patient, other: Patient, role: str, own: HouseholdMember | None
) -> HouseholdMember:
    theirs = membership_of(other)
    if own is not None and theirs is not None and own.household == theirs.household:
        save.edit(own, {"role": role})
        return HouseholdMember.objects.get(pk=own.pk)
    if theirs is None:
        theirs = save.add(HouseholdMember, patient=other, household=_new_household(), role="head")
    for row in HouseholdMember.objects.living().filter(patient=patient).order_by("pk"):
        save.remove(row)
    return save.add(HouseholdMember, patient=patient, household=theirs.household, role=role)


def _new_household() -> UUID:
    node = current_node()
    return new_save_id(int(node.now().timestamp() * 1000), node.rng)


def leave_household(*, by: Author, patient: Patient, save_id: UUID | None = None) -> None:
    """`patient` lives elsewhere, or alone."""
    check_author(by)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            for row in HouseholdMember.objects.living().filter(patient=patient).order_by("pk"):
                save.remove(row)


def register_child(*, by: Author, mother: Patient, save_id: UUID | None = None, **said: Any) -> Registered:
    """A child and the tie to its mother, and to her household where she has one, in one save."""

    def tie(save: Save, child: Patient) -> None:
        check_tie(child, mother, "mother")
        _add_halves(save, child, mother, "mother")
        home = membership_of(mother)
        if home is not None:
            save.add(HouseholdMember, patient=child, household=home.household, role="child")

    return register(by=by, also=tie, save_id=save_id, **said)
