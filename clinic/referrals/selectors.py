"""Reads of referrals worth a name.

Lives here: referrals with their standing and who wrote what (`told`), those of a patient, those that a
facility expects or has sent, the places to choose from. Not here: markup (`shapes.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from clinic.referrals.models import Referral, ReferralStep
from clinic.referrals.policy import HERE, OPEN, ReferralState, standing_of
from clinic.visits.taking_over import TakenOver
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.selectors import staff_names
from sync.node import current_node
from sync.records import SyncedQuerySet

LISTED: Final = timedelta(days=90)
"""How long an open referral stands on a list; in the patient's record it stays for ever."""


@dataclass(frozen=True, slots=True)
class ToldReferral:
    """A referral, its standing, and what was answered."""

    row: Referral
    state: ReferralState
    by: str
    destination: str
    steps: tuple[ReferralStep, ...]
    answer: str
    answered_by: str


def told(rows: Iterable[Referral]) -> list[ToldReferral]:
    """Referrals with their steps, in two queries beside names."""
    asked = list(rows)
    steps: dict[UUID, list[ReferralStep]] = {}
    for step in ReferralStep.objects.living().filter(referral_id__in=[row.pk for row in asked]):
        steps.setdefault(step.referral_id, []).append(step)
    writers = [step.by for found in steps.values() for step in found]
    names = staff_names([*(row.made_by for row in asked), *writers])
    return [_told(row, steps.get(row.pk, []), names) for row in asked]


def _told(row: Referral, steps: list[ReferralStep], names: dict[UUID, str]) -> ToldReferral:
    answers = [step for step in steps if step.kind == ReferralStep.Kind.ANSWERED]
    return ToldReferral(
        row,
        standing_of(step.kind for step in steps),
        names.get(row.made_by, "") if row.made_by else "",
        row.to_facility.name if row.to_facility else row.to_place,
        tuple(steps),
        "\n".join(step.note for step in answers if step.note),
        ", ".join(dict.fromkeys(names[step.by] for step in answers if step.by in names)),
    )


def _rows() -> SyncedQuerySet:
    return Referral.objects.living().select_related("patient", "facility", "to_facility")


def referral_of(referral_id: UUID) -> ToldReferral | None:
    """One referral."""
    return next(iter(told(_rows().filter(pk=referral_id))), None)


def referrals_of(patient: Patient) -> list[ToldReferral]:
    """A patient's referrals, the newest first."""
    return told(_rows().filter(patient=patient).order_by("-referred_at", "id"))


def expected_at(facility: Facility) -> list[ToldReferral]:
    """Who should come here: urgent first, then the longest on the way."""
    found = _listed(Q(to_facility=facility))
    return sorted((one for one in found if one.state in OPEN), key=lambda one: not one.row.urgent)


def sent_from(facility: Facility) -> list[ToldReferral]:
    """What this place has sent lately, the newest first; answers included."""
    return list(reversed(_listed(Q(facility=facility))))


def _listed(which: Q) -> list[ToldReferral]:
    since = current_node().now() - LISTED
    return told(_rows().filter(which, referred_at__gte=since).order_by("referred_at", "id"))


def expected_patients(facilities: Collection[UUID]) -> QuerySet[Any]:
    """The ids of those who were ever sent to one of these places, as a query."""
    return Referral.objects.living().filter(to_facility__in=facilities).values("patient_id")


def taken_over_by(patient_ids: Collection[UUID]) -> dict[UUID, TakenOver]:
    """Of these patients those who were transferred and have come: where they are cared for since then."""
    steps = ReferralStep.objects.living().filter(
        patient_id__in=patient_ids,
        kind__in=HERE,
        referral__kind=Referral.Kind.TRANSFER,
        referral__gone=False,
        referral__to_facility__isnull=False,
    )
    arrived: dict[UUID, tuple[UUID, TakenOver]] = {}
    for step in steps.select_related("referral").order_by("at", "id"):
        over = TakenOver(step.referral.to_facility_id, step.at, step.by)
        arrived.setdefault(step.referral_id, (step.patient_id, over))  # what came first is the arrival
    return dict(sorted(arrived.values(), key=lambda one: one[1].at))  # of several the last counts


def destinations(here: Facility) -> list[Facility]:
    """Where a patient can be sent: every other place of care."""
    places = Facility.objects.living().exclude(pk=here.pk).exclude(kind=Facility.Kind.OFFICE)
    return list(places)
