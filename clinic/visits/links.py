"""Where a person decides between two values.

Lives here: the pages of what is contested, for one record and for everything about a patient. Not here: the
deciding itself (`sync/review`).
"""

from __future__ import annotations

from uuid import UUID

from django.urls import NoReverseMatch, reverse

from clinic.visits.models import Enrollment, StageEvent
from clinic.visits.timeline import stage_behind
from clinic.visits.wording import event_field_label
from registry.people.history import field_label
from registry.people.models import Patient
from sync.records import SyncedModel
from sync.review.models import Conflict


def address(name: str, *args: object) -> str:
    """The address of a page; empty where this node has none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def decisions(row: SyncedModel) -> dict[str, str]:
    """For each contested field of a record the page where a person decides."""
    conflicts = Conflict.objects.filter(table=type(row).sync.table, record_id=row.pk)
    return {conflict.field: address("review-conflict", conflict.pk) for conflict in conflicts}


def contested_about(patient: Patient) -> list[dict[str, str]]:
    """Everything about a patient that waits for a person, the oldest first."""
    conflicts = list(Conflict.objects.filter(scope=patient.pk).order_by("since", "id"))
    ids = [conflict.record_id for conflict in conflicts]
    rows: dict[UUID, StageEvent | Enrollment] = {
        row.pk: row for model in (StageEvent, Enrollment) for row in model.objects.filter(pk__in=ids)
    }
    return [
        {
            "field_label": _label(conflict, rows.get(conflict.record_id)),
            "url": address("review-conflict", conflict.pk),
        }
        for conflict in conflicts
    ]


def _label(conflict: Conflict, row: StageEvent | Enrollment | None) -> str:
    if row is not None:
        return event_field_label(stage_behind(row), conflict.field, type(row))
    return field_label("patient", conflict.field)
