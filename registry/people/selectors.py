"""Reads of people worth a name.

Lives here: who may see which patients, the shape that pages print, and which patients still wait for their
number. Not here: finding (`search.py`), a patient's visits (`clinic/visits`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.people.links import PhotoShown, photo_of
from registry.people.models import Identifier, Patient
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM, age_in_years
from registry.places.models import Area, Facility
from registry.places.selectors import areas_served, facilities_of
from registry.staff.policy import Authority, can_see_patients
from sync.core.clock import millis_of
from sync.ledger.replicas import self_replica
from sync.node import current_node
from sync.records import SyncedQuerySet
from sync.review.models import Conflict
from sync.vault.keys import pinned


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as every page prints one."""

    id: UUID
    name: str
    age_text: str
    sex_text: str
    number: str | None
    provisional_code: str | None
    village: str
    phone: str
    contested: bool
    photo: PhotoShown | None = None


def today() -> date:
    """The day at this node. A clock that went back is not believed: what was stamped before was not later."""
    node = current_node()
    ms = max(node.wall() + self_replica().clock_offset_ms, millis_of(node.clock.floor))
    return timezone.localdate(datetime.fromtimestamp(ms / 1000, tz=UTC))


Cared = Callable[[Collection[UUID]], "QuerySet[Any]"]
_cared: list[Cared] = []


def offer_cared_for(lookup: Cared) -> None:
    """`lookup(facilities)` answers, as a query of ids from rows in the patients' scope, the patients who were
    cared for or are expected there.
    """
    if lookup not in _cared:
        _cared.append(lookup)


def visible_patients(who: Authority | None, *, removed: bool = False) -> SyncedQuerySet:
    """The living patients (with `removed` all) who belong to the asker: registered, living, cared for or
    expected where they work. Somebody with a role at all places has everybody.
    """
    living = _all_patients(who, removed=removed)
    if who is None or who.everywhere or not can_see_patients(who) or _nobody_elses_here():
        return living
    return living.filter(_belonging_to(who.facilities))


def reachable_patients(who: Authority | None) -> SyncedQuerySet:
    """Everybody on this node whom somebody with a role may come to see, with a reason where they belong to
    another place.
    """
    return _all_patients(who, removed=False)


def belongs_to(who: Authority, patient: Patient) -> bool:
    """Whether a patient is one of `visible_patients`; most are, and then no list is asked."""
    if who.everywhere or _nobody_elses_here() or patient.registered_at_id in who.facilities:
        return can_see_patients(who)
    return visible_patients(who).filter(pk=patient.pk).exists()


def _all_patients(who: Authority | None, *, removed: bool) -> SyncedQuerySet:
    living = Patient.objects.all() if removed else Patient.objects.living()
    return living if who is None or can_see_patients(who) else living.none()


def _nobody_elses_here() -> bool:
    """A laptop that has not joined holds only what was written on it."""
    return not current_node().is_central and pinned() is None


def reasons_to_hold(facilities: Collection[UUID]) -> list[QuerySet[Any]]:
    """The rows, each of them a reason for a laptop that serves these places to hold its patient: who was
    registered there, lives in their catchment, was cared for or is expected there.
    """
    living = Patient.objects.living()
    theirs = living.filter(registered_at__in=facilities), living.filter(village__in=areas_served(facilities))
    return [*theirs, *(lookup(facilities) for lookup in _cared)]


def _belonging_to(facilities: Collection[UUID]) -> Q:
    theirs = Q(registered_at__in=facilities) | Q(village__in=areas_served(facilities))
    if not current_node().is_central:
        theirs |= Q(registered_at=None)  # nobody else's: whoever holds them looks after them
    for lookup in _cared:
        theirs |= Q(pk__in=lookup(facilities))
    return theirs


def home_facility(who: Authority | None) -> Facility | None:
    """Where somebody registers people: a facility of theirs that this node serves, by name."""
    known = pinned() if not current_node().is_central else None
    served = {UUID(text) for text in known.facilities} if known else set()
    theirs = who.facilities if who and not who.everywhere else frozenset()
    return next(iter(facilities_of(served & theirs or theirs or served)), None)


def age_text(birth_date: date | None, estimated: bool, on: date) -> str:
    """ "34 years", "5 months", "12 days"; an estimate says so."""
    if birth_date is None:
        return _("age not known")
    years, days = age_in_years(birth_date, on), (on - birth_date).days
    if years >= 2:
        text = ngettext("%(n)d year", "%(n)d years", years) % {"n": years}
    elif days >= 31:
        months = (on.year - birth_date.year) * 12 + on.month - birth_date.month - int(on.day < birth_date.day)
        text = ngettext("%(n)d month", "%(n)d months", months) % {"n": months}
    else:
        text = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    return _("about %(age)s") % {"age": text} if estimated else text


def codes_of(patient_ids: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """For each patient their own number and provisional code, by system. The oldest of a kind is the one
    on the card.
    """
    rows = Identifier.objects.living().filter(
        patient_id__in=list(patient_ids), system__in=[NUMBER_SYSTEM, PROVISIONAL_SYSTEM]
    )
    found: dict[UUID, dict[str, str]] = {}
    for row in rows.order_by("made_stamp", "pk").only("patient_id", "system", "value"):
        found.setdefault(row.patient_id, {}).setdefault(row.system, row.value)
    return found


def persons(patients: Sequence[Patient]) -> list[Person]:
    """These patients as pages print them, in a few queries however many there are."""
    ids = [patient.pk for patient in patients]
    codes, on = codes_of(ids), today()
    villages = dict(
        Area.objects.filter(pk__in={p.village_id for p in patients if p.village_id}).values_list("pk", "name")
    )
    contested = set(
        Conflict.objects.filter(table="patients", record_id__in=ids).values_list("record_id", flat=True)
    )
    return [
        Person(
            id=patient.pk,
            name=patient.name,
            age_text=age_text(patient.birth_date, patient.birth_date_estimated, on),
            sex_text=str(patient.get_sex_display()),
            number=codes.get(patient.pk, {}).get(NUMBER_SYSTEM),
            provisional_code=codes.get(patient.pk, {}).get(PROVISIONAL_SYSTEM),
            village=villages.get(patient.village_id, "") if patient.village_id else "",
            phone=patient.phone,
            contested=patient.pk in contested,
        )
        for patient in patients
    ]


def person(patient: Patient) -> Person:
    """One patient as pages print them, with their photo."""
    return replace(persons([patient])[0], photo=photo_of(patient.pk))


def masked(shape: Person) -> Person:
    """Somebody of another place, before a reason was given: enough to tell whether they are meant."""
    initials = " ".join(f"{word[0]}." for word in shape.name.split())
    return replace(shape, name=initials, number=None, provisional_code=None, village="", phone="", photo=None)


def identifiers_of(patient: Patient) -> list[Identifier]:
    """What a patient carries, each system and value once, our own numbers first."""
    rows = Identifier.objects.living().filter(patient=patient).order_by("made_stamp", "pk")
    unique = {(row.system, row.value): row for row in reversed(list(rows))}
    order = {NUMBER_SYSTEM: 0, PROVISIONAL_SYSTEM: 1}
    return sorted(unique.values(), key=lambda row: (order.get(row.system, 2), row.made_stamp, row.pk))


def waiting_for_number() -> SyncedQuerySet:
    """Patients made by this replica who have a provisional code and no number yet."""
    kept = Identifier.objects.living()
    numbered = kept.filter(system=NUMBER_SYSTEM).values("patient_id")
    provisional = kept.filter(system=PROVISIONAL_SYSTEM).values("patient_id")
    mine = Patient.objects.living().filter(made_replica=self_replica().number, pk__in=provisional)
    return mine.exclude(pk__in=numbered).order_by("made_stamp")
