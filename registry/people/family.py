"""Who belongs to whom, as this node knows it.

Lives here: a patient's relatives and household, who may be meant when somebody is to be linked, and the
words for it. A tie is two halves (`models.py::Relation`); it holds while no half that is here was taken
away. Not here: what may be tied (`kin.py`), writing (`family_services.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from registry.people.kin import OTHER_HALF, Kin
from registry.people.models import HouseholdMember, Patient, PersonToken, Relation
from registry.people.ranking import likeness, words
from registry.people.selectors import Person, persons, visible_patients
from registry.people.tokens import name_tokens, phone_tokens
from registry.staff.policy import Authority

SUGGESTED: Final = 5
LOOKED_AT: Final = 200
ORDER: Final = tuple(Relation.Kind.values)


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody tied to a patient. `person` is None where this node does not hold them."""

    id: UUID
    kind: str
    other: UUID
    person: Person | None

    @property
    def kind_word(self) -> str:
        return str(Relation.Kind(self.kind).label)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a household."""

    id: UUID
    role: str
    person: Person
    is_self: bool

    @property
    def role_word(self) -> str:
        return str(HouseholdMember.Role(self.role).label)


@dataclass(frozen=True, slots=True)
class Household:
    """The members of a household that this node holds, the head first."""

    id: UUID
    members: list[Member]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody who may belong to the family, and why."""

    person: Person
    reasons: list[str]


def kin_of(patient: Patient) -> Kin:
    return Kin(patient.pk, patient.sex, patient.birth_date, patient.birth_date_estimated)


def ties_of(patient_ids: Collection[UUID], kinds: Collection[str] = ORDER) -> list[Relation]:
    """The halves in these patients' scope that hold: each tie once, the oldest half first."""
    mine = Relation.objects.filter(patient_id__in=list(patient_ids), kind__in=list(kinds))
    rows = list(mine.order_by("made_stamp", "pk"))
    theirs = Relation.objects.filter(
        other_id__in=list(patient_ids), patient_id__in={row.other_id for row in rows}
    ).values_list("patient_id", "other_id", "kind", "gone")
    state: dict[tuple[UUID, UUID, str], bool] = {}
    for owner, other, kind, gone in theirs:
        state[owner, other, kind] = state.get((owner, other, kind), True) and gone
    found: dict[tuple[UUID, UUID, str], Relation] = {}
    for row in rows:
        other_half_gone = state.get((row.other_id, row.patient_id, OTHER_HALF[row.kind]), False)
        if not row.gone and not other_half_gone:
            found.setdefault((row.patient_id, row.other_id, row.kind), row)
    return list(found.values())


def directly_above(patient_ids: Collection[UUID], kind: str) -> set[UUID]:
    """The mothers (or guardians) of these people."""
    return {row.other_id for row in ties_of(patient_ids, [kind])}


def relatives_of(patient: Patient, who: Authority | None = None) -> list[Relative]:
    """Everybody tied to a patient: parents first, then children. Whom the asker may not see has no name."""
    rows = ties_of([patient.pk])
    known = _persons({row.other_id for row in rows}, who)
    rows.sort(key=lambda row: (ORDER.index(row.kind), row.made_stamp))
    return [Relative(row.pk, row.kind, row.other_id, known.get(row.other_id)) for row in rows]


def membership_of(patient: Patient) -> HouseholdMember | None:
    """Where a patient lives; of two that were written apart, the later."""
    rows = HouseholdMember.objects.living().filter(patient=patient)
    return rows.order_by("-made_stamp", "-pk").first()


def household_of(patient: Patient, who: Authority | None = None) -> Household | None:
    """The household a patient lives in."""
    own = membership_of(patient)
    if own is None:
        return None
    latest: dict[UUID, HouseholdMember] = {}
    rows = HouseholdMember.objects.living().filter(household=own.household)
    for row in rows.order_by("made_stamp", "pk"):
        latest[row.patient_id] = row
    known = _persons(latest, who)
    members = [
        Member(row.pk, row.role, known[key], key == patient.pk) for key, row in latest.items() if key in known
    ]
    order = HouseholdMember.Role.values
    return Household(own.household, sorted(members, key=lambda one: order.index(one.role)))


def children_of(patient_id: UUID) -> set[UUID]:
    return {row.other_id for row in ties_of([patient_id], ["child"])}


def _persons(patient_ids: Collection[UUID], who: Authority | None) -> dict[UUID, Person]:
    rows = list(visible_patients(who).filter(pk__in=list(patient_ids)))
    return {one.id: one for one in persons(rows)}


def suggestions_for(patient: Patient, who: Authority | None = None) -> list[Suggestion]:
    """People who may belong to this patient: the same phone, or a name in common in the same village."""
    tied = {row.other_id for row in ties_of([patient.pk])} | {patient.pk}
    phones = [token for token in phone_tokens(patient.phone) if token.startswith("p:")]
    same_phone = _carriers(phones)
    named = _carriers([token for token in name_tokens(patient.family_name) if token.startswith("n:")])
    visible = visible_patients(who).filter(pk__in=(same_phone | named) - tied)
    rows = [
        row
        for row in visible
        if row.pk in same_phone or (patient.village_id and row.village_id == patient.village_id)
    ]
    family = words(patient.family_name)

    def score(row: Patient) -> float:
        alike = likeness(family, words(row.given_name), words(row.family_name)).score
        return alike + (row.pk in same_phone)

    rows.sort(key=lambda row: (-score(row), row.pk))
    chosen = rows[:SUGGESTED]
    return [
        Suggestion(one, _reasons(row, patient, row.pk in same_phone))
        for one, row in zip(persons(chosen), chosen, strict=True)
    ]


def _reasons(row: Patient, patient: Patient, same_phone: bool) -> list[str]:
    said = [_("Same phone")] if same_phone else []
    if patient.village_id and row.village_id == patient.village_id:
        said.append(_("Same village"))
    return [str(reason) for reason in said]


def _carriers(tokens: list[str]) -> set[UUID]:
    rows = PersonToken.objects.filter(token__in=tokens).values_list("patient_id", flat=True)
    return set(rows[:LOOKED_AT])
