"""Pictures and files that answer questions of a stage.

Lives here: `keep_files` (their records are written before the event that names them), `drop_replaced` (what
an edit took away gets a tombstone, in the same save), `show_files` for the page and `FilesTold` for whoever
reads. Not here: choosing and keeping bytes (`registry/attachments`), the control (`clinic/forms/filed.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from clinic.forms.fields import AnswerField
from clinic.forms.filed import FileControl
from clinic.forms.stage_form import StageForm
from clinic.forms.values import FILES
from clinic.programs.definition import StageDefinition
from clinic.visits.models import Enrollment, StageEvent
from registry.attachments.models import Attachment
from registry.attachments.services import keep_picked
from registry.attachments.shapes import Named, named, shown_by_id
from registry.people.models import Patient
from sync.ledger.recording import Author, Save
from sync.problems import Problem


def _file_keys(stage: StageDefinition) -> Iterator[str]:
    return (element.key for element in stage.elements if element.value_type in FILES)


def keep_files(*, by: Author, patient: Patient, stage: StageDefinition, answers: Mapping[str, Any]) -> None:
    """Every file that these answers name is this patient's, or becomes it now."""
    for key in _file_keys(stage):
        if answers.get(key):
            try:
                keep_picked(by=by, patient=patient, ids=[UUID(answers[key])])
            except Problem as problem:
                raise Problem(problem.code, problem.title, fields={f"values.{key}": problem.title}) from None


def drop_replaced(
    save: Save, stage: StageDefinition, present: StageEvent | Enrollment, answers: Mapping[str, Any]
) -> None:
    """What was there before and is not the answer any more."""
    for key in _file_keys(stage):
        before = present.values.get(key)
        if key in answers and before and before != answers[key]:
            rows = Attachment.objects.living().filter(patient_id=present.patient_id)
            for row in rows.filter(pk=_uuid(before)):
                save.remove(row)


@dataclass(frozen=True, slots=True)
class FilesTold:
    """What the answers of some events name, looked up once for all."""

    known: Mapping[str, Named]

    @classmethod
    def named_by(cls, values: Iterable[Any]) -> FilesTold:
        """Every one of these values that may name a file."""
        ids = {_uuid(value) for value in values if isinstance(value, str)}
        return cls(named(one for one in ids if one is not None))

    def of(self, patient_id: UUID, value: Any) -> Named | None:
        """The file that a value names, if it is this patient's."""
        found = self.known.get(value) if isinstance(value, str) else None
        return found if found is not None and found.patient_id == patient_id else None


def file_values(stage: StageDefinition | None, event: StageEvent | Enrollment) -> Iterator[Any]:
    """What an event, or an enrollment, answered where a file was asked for."""
    return (event.values.get(key) for key in (_file_keys(stage) if stage else ()))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # an answer from elsewhere, which names no file of ours


def show_files(form: StageForm, patient_id: UUID, staff_id: UUID | None) -> None:
    """Let the controls of a form show what is chosen."""
    for field in form.fields.values():
        if isinstance(field, AnswerField) and isinstance(field.control, FileControl):
            field.control.patient_id = patient_id
            field.control.look = partial(shown_by_id, staff_id=staff_id, patient_id=patient_id)
