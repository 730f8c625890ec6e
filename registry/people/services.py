"""The only writers of people.

Lives here: registering a person with their number or provisional code, changing what is known of them, adding
an identifier, and giving the number later to whoever left with a provisional code. Each is one save: repeat
it with the same save id and nothing happens twice. Not here: what may be said (`policy.py`), finding
(`search.py`), handing out numbers (`registry/numbers`).
Read next: `tests/registry/people/test_register.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.numbers.services import new_provisional_code, take_number
from registry.people import policy
from registry.people.birth import Unit, birth_of
from registry.people.models import Identifier, Patient
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.selectors import codes_of, today
from registry.places.models import Area, Facility
from registry.staff.policy import check_register
from registry.staff.selectors import authority_of
from sync.apply import Outcome
from sync.ledger.models import Replica
from sync.ledger.recording import Author, Save, recording
from sync.ledger.repeats import first_outcome, save_id_used
from sync.node import current_node
from sync.problems import Problem

Pair = tuple[str, str]
CHANGEABLE: Final = (
    "given_name",
    "family_name",
    "sex",
    "birth_date",
    "age_years",
    "age_unit",
    "birth_date_estimated",
    "phone",
    "village",
    "deceased",
)
FIXED: Final = ("registered_at", "registered_on")
MOST_IDENTIFIERS: Final = 20


@dataclass(frozen=True, slots=True)
class Registered:
    """A person just registered, and what is written on their card: one of the two codes."""

    patient: Patient
    number: str | None
    provisional_code: str | None


def register(
    *,
    by: Author,
    given_name: str = "",
    family_name: str = "",
    sex: str = "unknown",
    birth_date: date | None = None,
    age_years: int | None = None,
    age_unit: Unit = "years",
    birth_date_estimated: bool = False,
    phone: str = "",
    village: Area | UUID | None = None,
    identifiers: Sequence[Pair] = (),
    facility: Facility | UUID | None = None,
    also: Callable[[Save, Patient], None] | None = None,
    save_id: UUID | None = None,
) -> Registered:
    """A new patient with a number from the pool; where none is left, with a provisional code. Nobody is
    turned away. `age_years` counts `age_unit`; `also` writes into the same save what belongs to it.
    """
    place = _id(facility)
    check_author(by, place)
    with answering():
        birth, estimated = birth_of(birth_date, age_years, birth_date_estimated, today(), age_unit)
        said = _cleaned(given_name, family_name, sex, phone, village)
        pairs = _cleaned_pairs(identifiers)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            patient = save.add(
                Patient,
                **said,
                birth_date=birth,
                birth_date_estimated=estimated,
                registered_at_id=place,
                registered_on=current_node().now(),
            )
            _add_code(save, patient)
            for system, value in pairs:
                save.add(Identifier, patient=patient, system=system, value=value)
            if also is not None:
                also(save, patient)
        patient_id = save.id_of(0)
    return _registered(patient_id)


def _registered(patient_id: UUID) -> Registered:
    patient = Patient.objects.filter(pk=patient_id).first()
    if patient is None:
        raise save_id_used()
    codes = codes_of([patient_id]).get(patient_id, {})
    return Registered(patient, codes.get(NUMBER_SYSTEM), codes.get(PROVISIONAL_SYSTEM))


def _add_code(save: Save, patient: Patient) -> None:
    number = take_number(save)
    if number is not None:
        save.add(Identifier, patient=patient, system=NUMBER_SYSTEM, value=number)
        return
    kept = Identifier.objects.filter(system=PROVISIONAL_SYSTEM)
    code = new_provisional_code(lambda code: kept.filter(value=code).exists())
    save.add(Identifier, patient=patient, system=PROVISIONAL_SYSTEM, value=code)


def check_author(by: Author, facility: UUID | None = None) -> None:
    """Rights come from the synced roles; without a person it is the node itself that writes (commands, the
    demo).
    """
    if by.staff_id is not None:
        with answering():
            check_register(authority_of(by.staff_id), None if facility is None else [facility])


def _id(row: Area | Facility | UUID | None) -> UUID | None:
    return row if row is None or isinstance(row, UUID) else row.pk


def _cleaned(
    given_name: str, family_name: str, sex: str, phone: str, village: Area | UUID | None
) -> dict[str, Any]:
    given = policy.clean_name(given_name, "given_name")
    family = policy.clean_name(family_name, "family_name")
    policy.check_named(given, family)
    policy.check_sex(sex)
    return {
        "given_name": given,
        "family_name": family,
        "sex": sex,
        "phone": policy.clean_phone(phone),
        "village_id": _known_village(village),
    }


def _known_village(village: Area | UUID | None) -> UUID | None:
    village_id = _id(village)
    if village_id is not None and not Area.objects.filter(pk=village_id).exists():
        raise Problem("unknown-village", _("There is no such village."), fields={"village": _("Unknown.")})
    return village_id


def _cleaned_pairs(identifiers: Sequence[Pair]) -> list[Pair]:
    if len(identifiers) > MOST_IDENTIFIERS:
        raise Problem("too-many-identifiers", _("That is more cards than one person carries."))
    return list(dict.fromkeys(policy.clean_pair(system, value) for system, value in identifiers))


def update_patient(
    *,
    by: Author,
    patient: Patient,
    changes: Mapping[str, Any],
    add: Sequence[Pair] = (),
    remove: Sequence[Identifier] = (),
    seen: str | None = None,
    save_id: UUID | None = None,
) -> Outcome:
    """Change what is known of a person, add and take away identifiers, in one save.

    `seen` is the version the writer looked at; where the patient has moved on since, the change is merged.
    """
    check_author(by)
    with answering():
        columns = _cleaned_changes(patient, changes)
        pairs = _cleaned_pairs(add)
    _check_removable(remove)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return first_outcome(patient, save.save_id, Identifier.objects.filter(patient=patient))
        outcome = save.edit(patient, columns, seen=seen)
        for system, value in pairs:
            if not _carries(patient, system, value):
                save.add(Identifier, patient=patient, system=system, value=value)
        for identifier in remove:
            save.remove(identifier)
    return outcome


def _carries(patient: Patient, system: str, value: str) -> bool:
    held = Identifier.objects.living().filter(patient=patient, system=system, value=value)
    return bool(held.exists())


def _check_removable(identifiers: Sequence[Identifier]) -> None:
    if any(row.system in policy.OWN_SYSTEMS for row in identifiers):
        raise Problem("own-code", _("The number on the card stays searchable for ever."))


def _cleaned_changes(patient: Patient, changes: Mapping[str, Any]) -> dict[str, Any]:
    for name in changes:
        if name in FIXED:
            raise Problem(
                "fixed-field", _("This value was set once and does not change."), fields={name: _("Fixed.")}
            )
        if name not in CHANGEABLE:
            raise Problem("unknown-field", _("A patient has no such field."), fields={name: _("Unknown.")})
    columns: dict[str, Any] = {}
    for name in ("given_name", "family_name"):
        if name in changes:
            columns[name] = policy.clean_name(changes[name], name)
    policy.check_named(
        columns.get("given_name", patient.given_name), columns.get("family_name", patient.family_name)
    )
    if "sex" in changes:
        policy.check_sex(changes["sex"])
        columns["sex"] = changes["sex"]
    if "phone" in changes:
        columns["phone"] = policy.clean_phone(changes["phone"])
    if "village" in changes:
        columns["village"] = _known_village(changes["village"])
    if "deceased" in changes:
        columns["deceased"] = bool(changes["deceased"])
    return columns | _changed_birth(changes)


def _changed_birth(changes: Mapping[str, Any]) -> dict[str, Any]:
    said, age = changes.get("birth_date"), changes.get("age_years")
    estimated = changes.get("birth_date_estimated")
    if said is None and age is None:
        return {} if estimated is None else {"birth_date_estimated": bool(estimated)}
    birth, guessed = birth_of(said, age, bool(estimated), today(), changes.get("age_unit") or "years")
    return {"birth_date": birth, "birth_date_estimated": guessed}


def add_identifier(
    *, by: Author, patient: Patient, system: str, value: str, label: str = "", save_id: UUID | None = None
) -> Identifier:
    """One more number that a person carries. Adding one they have already changes nothing."""
    check_author(by)
    with answering():
        name, text = policy.clean_pair(system, value)
        words = policy.clean_text(label, "label", 60)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            made: Identifier | None = Identifier.objects.filter(pk=save.id_of(0)).first()
            if made is not None:
                return made
        held = Identifier.objects.living().filter(patient=patient, system=name, value=text)
        known: Identifier | None = held.first()
        if known is not None:
            return known
        return save.add(Identifier, patient=patient, system=name, value=text, label=words)


def attach_number(*, by: Author, patient: Patient, save_id: UUID | None = None) -> str | None:
    """At the next contact: the number for somebody who left with a provisional code, which stays searchable.

    Only the replica that made the patient gives it (central where that replica is closed), so that two places
    never give two. None where that is not here, where no number is left, or where the person has one: then
    `codes_of` has it.
    """
    if NUMBER_SYSTEM in codes_of([patient.pk]).get(patient.pk, {}) or not _gives_number(patient):
        return None
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return None
        held = Identifier.objects.living().filter(patient=patient, system=NUMBER_SYSTEM)
        number = None if held.exists() else take_number(save)
        if number is not None:
            save.add(Identifier, patient=patient, system=NUMBER_SYSTEM, value=number)
    return number


def _gives_number(patient: Patient) -> bool:
    maker = Replica.objects.get(number=patient.made_replica)
    closed = maker.standing == Replica.Standing.CLOSED
    return maker.is_self or (closed and current_node().is_central)
