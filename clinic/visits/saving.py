"""What every service of visits does the same way around a save.

Lives here: asking for rights before it, and finding again what it made the first time. Not here: the saves
(`services.py`, `moving.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.staff.policy import Authority
from registry.staff.selectors import authority_of
from sync.ledger.recording import Author, Save
from sync.problems import Problem
from sync.records import SyncedModel

Row = TypeVar("Row", bound=SyncedModel)
Check = Callable[[Authority, Collection[UUID]], None]


def check_right(by: Author, check: Check, facility_id: UUID) -> None:
    """Rights come from the synced roles; without a person it is the node itself that writes (commands, the
    demo).
    """
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id), [facility_id])


def save_id_used() -> Problem:
    return Problem("save-id-used", _("This save id was used for something else."), status=409)


def made_by(model: type[Row], save: Save) -> Row:
    """What this save made, now or the first time."""
    found: Row | None = model.objects.filter(pk=save.id_of(0)).first()
    if found is None:
        raise save_id_used()
    return found
