"""Who may be what to whom.

Lives here, pure: the kinds of tie and their other half, and what cannot be: one's own mother, two
mothers, a mother younger than her child, a circle of mothers. Not here: who is (`family.py`), writing it
(`family_services.py`).
Read next: `family_services.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from registry.people.policy import age_in_years
from registry.refusals import Refused, _

OTHER_HALF: Final = {
    "mother": "child",
    "child": "mother",
    "guardian": "ward",
    "ward": "guardian",
    "spouse": "spouse",
}
UPWARD: Final = frozenset({"mother", "guardian"})
YOUNGEST_MOTHER: Final = 10


@dataclass(frozen=True, slots=True)
class Kin:
    """As much of a person as these rules ask."""

    id: UUID
    sex: str
    born: date | None
    estimated: bool


def check_kind(kind: str) -> None:
    if kind not in OTHER_HALF:
        raise Refused.field("kind", "unknown-code", _("Choose one of the answers."))


def check_two_people(one: UUID, other: UUID) -> None:
    if one == other:
        raise Refused.field("other", "same-person", _("This is the same person."))


def check_mother(mother: Kin, child: Kin) -> None:
    """A mother is a woman, and older than her child. Of estimated dates only the order counts."""
    if mother.sex == "male":
        raise Refused.field(
            "other", "mother-is-male", _("A mother is not a man. If the sex is wrong, correct it first.")
        )
    if mother.born is None or child.born is None:
        return
    least = 1 if mother.estimated or child.estimated else YOUNGEST_MOTHER
    if age_in_years(mother.born, child.born) < least:
        raise Refused.field(
            "other", "mother-too-young", _("She was too young then. Look at both birth dates.")
        )


def check_one_mother(mothers: Collection[UUID]) -> None:
    """`mothers`: those the child has already."""
    if mothers:
        raise Refused.field("other", "has-a-mother", _("This child has a mother here. Take her away first."))


def check_no_circle(below: UUID, above: UUID, up: Callable[[set[UUID]], set[UUID]]) -> None:
    """Whether `below` stands above `above` already; `up` answers who stands directly above some people."""
    seen: set[UUID] = set()
    edge = {above}
    while edge:
        if below in edge:
            raise Refused.field("other", "circle", _("The two are tied the other way round already."))
        seen |= edge
        edge = up(edge) - seen
