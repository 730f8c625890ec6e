"""Saves in the name of somebody who has never worked at the clinic that sent them.

Lives here: `tell_elsewhere`, by which the room that knows staff says who could not have been there, and
`written_elsewhere`. A stolen laptop or a copied key can sign what it likes with any colleague's name. The
names of those who have a way in at that laptop are believed; the rest waits for a person. Not here: work
after its author's end (`ended.py`), the other checks of a save (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from typing import Final
from uuid import UUID

from sync.core.protocol import Change
from sync.ended import is_record_about_people
from sync.models import EnrolledNode

ELSEWHERE: Final = "author-elsewhere"
SENTENCE: Final = "Written in the name of somebody who does not work at this clinic."

Elsewhere = Callable[[EnrolledNode, Collection[UUID]], Set[UUID]]
_tell: list[Elsewhere] = []


def tell_elsewhere(tell: Elsewhere) -> Elsewhere:
    """Register who knows where people work: (node, ids) → those of them who never had a way in there. Usable
    as a decorator.
    """
    _tell[:] = [tell]
    return tell


def never_there(node: EnrolledNode, changes: Sequence[Change]) -> Set[UUID]:
    """Who of the authors of these changes never had a way in at that node."""
    authors = {one.author for one in changes if one.author is not None}
    return _tell[0](node, authors) if _tell and authors else frozenset()


def written_elsewhere(save: Sequence[Change], strangers: Set[UUID]) -> bool:
    """Whether a save bears the name of one of them. The laptop's own record of what people did is not kept
    back: to read it is how somebody notices.
    """
    if not strangers or all(is_record_about_people(change) for change in save):
        return False
    return any(change.author in strangers for change in save)
