"""Photos and files of a patient.

Lives here: `Attachment`, the synced record (its bytes travel by themselves, see `sync/files`), and
`PickedFile`, a file that somebody chose and has not saved yet. Not here: what may be attached (`policy.py`),
writing (`services.py`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.attachments.policy import LONGEST_NAME
from sync.files.models import FileRecord, file_sync
from sync.records import Sync


class Attachment(FileRecord):
    """A photo, a picture or a document that belongs to a patient."""

    class Kind(models.TextChoices):
        PHOTO = "photo", _("Photo of the patient")
        ANSWER = "answer", _("Answer in a form")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="attachments"
    )
    kind = models.CharField(_("What it is"), max_length=10, choices=Kind.choices, default=Kind.ANSWER)
    name = models.CharField(_("Name"), max_length=LONGEST_NAME, default="", blank=True)

    sync: ClassVar[Sync] = file_sync("attachments", "patient_id", fixed=("patient", "kind"))

    def __str__(self) -> str:
        return f"{self.kind} of {self.patient_id}"


class PickedFile(models.Model):
    """A file that somebody chose in a form. Its bytes are kept; the record is written when the form is saved,
    under this save id, so that its id is known before. `patient_id` is None while they are not registered.
    """

    local_only: ClassVar[bool] = True
    save_id = models.UUIDField(primary_key=True)
    attachment_id = models.UUIDField(unique=True)
    patient_id = models.UUIDField(null=True)
    staff_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=10)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=40)
    name = models.CharField(max_length=LONGEST_NAME, default="", blank=True)
    picked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"picked for {self.attachment_id}"
