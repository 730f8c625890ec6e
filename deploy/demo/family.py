"""The demo's families: children tied to their mothers, and babies of this year.

Lives here: `babies_of`, pure, and the saves: `tie`, `bear` and the errands that do them at their time. Babies
are born at home and come for their vaccines: that is care (`care.py`). Not here: everybody else
(`people.py`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.demo.names import COMMUNITIES
from deploy.demo.people import Plan, Someone
from registry.people.family_services import join_household, register_child, relate
from registry.people.models import Patient, Relation
from registry.places.models import Facility
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

BORN_DAYS_AGO: Final = (9, 24, 47, 58, 76, 88, 104, 131, 178, 226, 263, 291)
YOUNGEST_MOTHER, OLDEST_MOTHER = 18, 42
HOMES: Final = 8


@dataclass(frozen=True, slots=True)
class Baby:
    """Somebody who was born this year."""

    number: int
    mother: Someone
    given_name: str
    sex: str
    born: date
    written_on: datetime


def babies_of(plan: Plan, now: datetime) -> list[Baby]:
    """One for each age, of women who had been here before the birth was written down."""
    first = {coming.who.number: coming.at for coming in reversed(plan.comings)}
    grown_up = [
        who
        for who in plan.people
        if who.sex == "female"
        and who.parent is None
        and YOUNGEST_MOTHER < who.age(now.date()) < OLDEST_MOTHER
    ]
    return list(_babies(grown_up, first, now, plan.sent_until))


def _babies(
    women: Sequence[Someone], first: dict[int, datetime], now: datetime, latest: datetime
) -> Iterator[Baby]:
    free = list(women)
    for number, days in enumerate(BORN_DAYS_AGO):
        rng = random.Random(f"baby {number}")
        on = min(now - timedelta(days=days) + timedelta(days=4), latest)
        mother = next((one for one in free if first[one.number] < on), None)
        if mother is None:
            continue
        free.remove(mother)
        sex = rng.choice(("female", "male"))
        yield Baby(number, mother, _given(rng, mother, sex), sex, (now - timedelta(days=days)).date(), on)


def _given(rng: random.Random, mother: Someone, sex: str) -> str:
    community = next(one for one in COMMUNITIES if one.language == mother.language)
    names = community.women if sex == "female" else community.men
    return rng.choice([name for name in names if name not in mother.given_name.split()])


def mothers_of(plan: Plan) -> Iterator[tuple[Someone, Someone]]:
    """Every child with its mother, where it was she who brought it."""
    by_number = {who.number: who for who in plan.people}
    for who in plan.people:
        parent = by_number.get(who.parent) if who.parent is not None else None
        if parent is not None and parent.sex == "female":
            yield who, parent


def bear(*, by: Author, baby: Baby, mother: Patient, facility: Facility) -> None:
    """Register a baby with its mother."""
    register_child(
        by=by,
        mother=mother,
        given_name=baby.given_name,
        family_name=baby.mother.family_name,
        sex=baby.sex,
        birth_date=baby.born,
        village=mother.village_id,
        facility=facility,
        save_id=_save_id(mother, f"baby {baby.number}"),
    )


def tie(*, by: Author, child: Patient, mother: Patient) -> None:
    relate(by=by, patient=child, other=mother, kind=Relation.Kind.MOTHER, save_id=_save_id(child, "mother"))


def live_together(*, by: Author, child: Patient, mother: Patient) -> None:
    join_household(by=by, patient=child, other=mother, role="child", save_id=_save_id(child, "home"))


def _save_id(patient: Patient, what: str) -> UUID:
    made = random.Random(f"{self_replica().uuid} {patient.pk} {what}")
    return new_save_id(millis_of(patient.made_stamp), made)
