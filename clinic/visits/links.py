"""Where a person decides between two values.

Lives here: the pages of what is contested, for one record and for everything about a patient. Not here: the
deciding itself (`sync/review`).
"""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from clinic.visits.models import StageEvent
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
    events = {event.pk: event for event in StageEvent.objects.filter(pk__in=[c.record_id for c in conflicts])}
    return [
        {
            "field_label": _label(conflict, events.get(conflict.record_id)),
            "url": address("review-conflict", conflict.pk),
        }
        for conflict in conflicts
    ]


def _label(conflict: Conflict, event: StageEvent | None) -> str:
    if event is not None:
        return event_field_label(stage_behind(event), conflict.field)
    return field_label("patient", conflict.field)
