"""Who may do what: the policies of all rooms, asked role by role.

Lives here: the list of rights, which the rooms above fill when the app starts, and the table that is made by
asking each policy about each role. Nothing in it is typed: a policy that changes its mind changes the table.
Not here: the policies themselves, the page (`office.py`).
Read next: `deploy/rights.py`, which names the rights in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from django.utils.functional import Promise

from registry.staff.policy import Authority, Role

Asked: TypeAlias = Callable[[Authority, list[UUID]], bool]
_SOMEBODY: Final = UUID(int=1)
_SOMEWHERE: Final = UUID(int=2)
ROLES: Final = tuple(Role)


@dataclass(frozen=True, slots=True)
class Right:
    """Something that a policy allows. `chapter` gathers rights that belong together."""

    chapter: str | Promise
    word: str | Promise
    may: Asked


@dataclass(frozen=True, slots=True)
class Row:
    """A right, and which roles have it at their place."""

    word: str
    roles: tuple[bool, ...]


_rights: list[Right] = []


def offer_rights(rights: list[Right]) -> None:
    """Add rights to the table, in their order."""
    known = {(str(one.chapter), str(one.word)) for one in _rights}
    _rights.extend(one for one in rights if (str(one.chapter), str(one.word)) not in known)


def rights() -> list[Right]:
    return list(_rights)


def table() -> list[tuple[str, list[Row]]]:
    """Chapter by chapter, what somebody with just one role at one place may do there."""
    people = [Authority(_SOMEBODY, True, frozenset({(role, _SOMEWHERE)})) for role in ROLES]
    chapters: dict[str, list[Row]] = {}
    for right in _rights:
        answers = tuple(bool(right.may(who, [_SOMEWHERE])) for who in people)
        chapters.setdefault(str(right.chapter), []).append(Row(str(right.word), answers))
    return list(chapters.items())
