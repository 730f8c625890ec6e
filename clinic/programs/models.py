"""Programs and their published versions.

Lives here: `Program` (its identity for ever) and `ProgramVersion` (one immutable document of stages,
questions, option sets, attributes and rules; an event pins the version it was captured under). Not here: what
the document says (`document.py`), its resolved view (`definition.py`), who writes these rows (`services.py`).
Read next: `selectors.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.programs.document import ProgramDocument, read_document
from sync.records import Sync, SyncedModel


class Program(SyncedModel):
    """What a person can be followed in, or seen for, at a clinic: hypertension, immunization, the outpatient
    day.
    """

    class Kind(models.TextChoices):
        WITH_REGISTRATION = "with-registration", _("people are enrolled")
        WITHOUT_REGISTRATION = "without-registration", _("events without enrollment")

    uid = models.CharField(max_length=36, db_index=True)
    code = models.CharField(max_length=100, default="", blank=True)
    name = models.CharField(max_length=230)
    kind = models.CharField(max_length=24, choices=Kind.choices, default=Kind.WITH_REGISTRATION)

    sync: ClassVar[Sync] = Sync(
        table="programs",
        group="registration",
        scope=None,
        owner="central",
        rules={"uid": "fixed"},
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def has_registration(self) -> bool:
        return self.kind == self.Kind.WITH_REGISTRATION


class ProgramVersion(SyncedModel):
    """One published version. Nothing in it ever changes; a correction is the next version.

    `definition` is the canonical JSON text of the document, text and not a JSON column so that both engines
    give back the very bytes that `content_hash` was taken of.
    """

    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, db_constraint=False, related_name="published"
    )
    number = models.PositiveIntegerField()
    published_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)
    definition = models.TextField()

    sync: ClassVar[Sync] = Sync(
        table="program_versions",
        group="registration",
        scope=None,
        owner="central",
        rules=dict.fromkeys(("program", "number", "published_at", "content_hash", "definition"), "fixed"),
    )

    class Meta:
        ordering: ClassVar = ["program_id", "number", "id"]

    def __str__(self) -> str:
        return f"{self.program_id} v{self.number}"

    def document(self) -> ProgramDocument:
        """The stored document."""
        return read_document(self.definition)
