"""Every value that an event or an enrollment was ever given, in words.

Lives here: `told_fields`, a record's fields in the form's order, each with its entries, newest first. Not
here: where the entries come from (`sync/ledger/selectors.py`).
"""

from __future__ import annotations

from typing import Any

from clinic.forms.values import FILES
from clinic.programs.definition import StageDefinition
from clinic.visits.attached import FilesTold
from clinic.visits.links import decisions
from clinic.visits.models import Enrollment, StageEvent
from clinic.visits.timeline import stage_behind, writer_name
from clinic.visits.wording import event_field_label, event_value_text
from registry.staff.selectors import staff_names
from sync.core.merge import GONE
from sync.ledger.selectors import HistoryEntry, history_of

_TOLD = ("occurred_at", "enrolled_on", "incident_on", "status", GONE)


def told_fields(event: StageEvent | Enrollment) -> list[dict[str, Any]]:
    """What `people/history.html` lists."""
    entries = [
        entry for entry in history_of(event) if entry.field.startswith("values.") or entry.field in _TOLD
    ]
    names, stage = staff_names(entry.author for entry in entries), stage_behind(event)
    files = FilesTold.named_by(entry.value for entry in entries if _is_file(stage, entry.field))
    decide = decisions(event)
    fields: dict[str, dict[str, Any]] = {
        name: {
            "name": name,
            "label": event_field_label(stage, name, type(event)),
            "entries": [],
            "contested": name in decide,
            "decide_url": decide.get(name, ""),
        }
        for name in _in_order(stage, {entry.field for entry in entries})
    }
    for entry in reversed(entries):
        told = _entry(entry, stage, writer_name(entry.author, names))
        if file := files.of(event.patient_id, entry.value):
            told |= {"text": file.text, "url": file.url}
        fields[entry.field]["entries"].append(told)
    return list(fields.values())


def _is_file(stage: StageDefinition | None, name: str) -> bool:
    element = stage.element(name.removeprefix("values.")) if stage else None
    return element is not None and element.value_type in FILES


def _in_order(stage: StageDefinition | None, present: set[str]) -> list[str]:
    asked = [f"values.{element.key}" for element in stage.elements] if stage else []
    known = [name for name in [*_TOLD, *asked] if name in present]
    return known + sorted(present - set(known))


def _entry(entry: HistoryEntry, stage: StageDefinition | None, by: str) -> dict[str, Any]:
    return {
        "text": event_value_text(stage, entry.field, entry.value),
        "at": entry.at,
        "by": by,
        "device": entry.device,
        "node_name": entry.node_name,
        "received_at": entry.received_at,
        "at_central": entry.at_central,
        "shown": entry.shown,
        "clock_corrected": entry.corrected,
    }
