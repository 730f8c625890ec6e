"""The only writers of the access log.

Lives here: writing down a look, once an hour for the same person, record and device; whom a search showed to
whom; a reason. A look is durable before the page is made: in the database, or, where that cannot take it, in
a file beside it (`unwritten.py`). Not here: whether a record opens (`desk.py`, `policy.py`).
Read next: `docs/adr/0028-access-log.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

from registry.access.models import Elsewhere, Opening
from registry.access.policy import AGAIN, SHIFT, What, clean_reason
from registry.access.unwritten import keep, take_in
from registry.answers import answering
from registry.staff.policy import NO_ONE
from sync.core.clock import pack
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem

log = logging.getLogger(__name__)
_HOUR_MS: Final = int(AGAIN.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Look:
    """One look, as it is written down."""

    what: What
    patient_id: UUID | None = None
    facility_id: UUID | None = None
    reason: str = ""
    note: str = ""


def note_look(*, by: Author, look: Look) -> None:
    """Write down a look, before it is granted. Nothing is shown that is written down nowhere."""
    try:
        if _written_lately(by, look):
            return
        take_in(_write_late)
        _write(by, look)
    except (DatabaseError, OSError) as error:
        # The patient waits and the record can be read: it is shown, and this is loud until it is mended.
        log.error("a look could not be written to the access log: %s", type(error).__name__)
        _keep_aside(by, look)


def _written_lately(by: Author, look: Look) -> bool:
    since = pack(max(current_node().wall() - _HOUR_MS, 0))
    same = Opening.objects.filter(
        made_by=by.staff_id,
        made_on=by.device,
        patient=look.patient_id,
        what=look.what.value,
        reason=look.reason,
        made_stamp__gte=since,
    )
    return (same if look.patient_id else same.filter(note=look.note)).exists()


def _write(
    by: Author, look: Look, *, save_id: UUID | None = None, happened_at: datetime | None = None
) -> None:
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                Opening,
                patient=look.patient_id,
                facility_id=look.facility_id,
                what=look.what.value,
                reason=look.reason,
                note=look.note,
                happened_at=happened_at,
            )


def _keep_aside(by: Author, look: Look) -> None:
    node = current_node()
    line = {
        "save": str(new_save_id(node.wall(), node.rng)),
        "at": node.wall(),
        "staff": str(by.staff_id or ""),
        "device": by.device,
        "patient": str(look.patient_id or ""),
        "facility": str(look.facility_id or ""),
        "what": look.what.value,
        "reason": look.reason,
    }
    try:
        keep(line)
    except OSError as error:
        log.error("the access log cannot be kept anywhere: %s", type(error).__name__)
        raise Problem(
            "access-not-noted",
            _("This record cannot be opened now."),
            detail=_("Nothing is lost. The laptop's disk is full or broken: call for help."),
            status=503,
        ) from None


def _write_late(line: dict[str, Any]) -> None:
    """A look that was kept beside the database, with the time at which it happened."""
    by = Author(_id(line["staff"]), line["device"])
    look = Look(What(line["what"]), _id(line["patient"]), _id(line["facility"]), line["reason"])
    at = datetime.fromtimestamp(line["at"] / 1000, tz=UTC)
    _write(by, look, save_id=UUID(line["save"]), happened_at=at)


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


# --- people of other places -------------------------------------------------------------------------------


def meet(*, by: Author, patient_ids: Collection[UUID]) -> None:
    """A search showed these people of other places: from now on `by` may give a reason to open one."""
    if by.staff_id is None:
        return
    now = current_node().now()
    Elsewhere.objects.filter(met_at__lt=now - SHIFT * 2).delete()
    rows = [Elsewhere(staff_id=by.staff_id, patient_id=key, met_at=now) for key in sorted(set(patient_ids))]
    Elsewhere.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["staff_id", "patient_id"], update_fields=["met_at"]
    )


def give_reason(*, by: Author, patient_id: UUID, reason: str, note: str = "") -> Elsewhere:
    """Say why. The record then opens for this person, for this shift."""
    with answering():
        code, words = clean_reason(reason, note)
    row = Elsewhere.objects.get(staff_id=by.staff_id or NO_ONE, patient_id=patient_id)
    row.reason, row.note, row.opened_at = code.value, words, current_node().now()
    row.save(update_fields=["reason", "note", "opened_at"])
    return row
