"""What every writer of this room does the same way.

Lives here: rights asked of the synced roles, and finding again what a repeated save made the first time.
Not here: the writers (`prescribing.py`, `dispensing.py`, `stockkeeping.py`, `medicines.py`).
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


def allowed(by: Author, check: Check, facility_id: UUID) -> None:
    """Refuse whoever may not. Without a person it is the node itself that writes (commands, the demo)."""
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id), [facility_id])


def made(model: type[Row], save: Save, ordinal: int = 0) -> Row:
    """What this save made, now or the first time."""
    found: Row | None = model.objects.filter(pk=save.id_of(ordinal)).first()
    if found is None:
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    return found


def allowed_at_central(by: Author, check: Callable[[Authority], None]) -> None:
    """Refuse whoever may not write central's lists; the door itself refuses clinics."""
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id))
