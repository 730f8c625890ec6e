"""What this laptop keeps for its tablets. Nothing of it is synced.

Lives here: `Draft` (what somebody typed and has not saved), `TabletKey` (what tablets seal to),
`AuthorPass` (that somebody was logged in on a tablet, from when until when) and `Delivery` (what became
of a sealed save). All of it lies in the encrypted database, and goes into its backups. Not here: what may
be done with them (`policy.py`).
Read next: `outbox.py`.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final
from uuid import UUID

from django.db import models
from django.http import QueryDict

_HIDDEN: Final = re.compile(r"^(initial-|save_id$|version$)|_FORMS$")


class Draft(models.Model):
    """A form as somebody left it. Only they see it."""

    class Kind(models.TextChoices):
        TYPED = "typed"
        SENT = "sent"  # it was saved on a tablet without Wi-Fi, and could not be taken in as it is

    local_only: ClassVar[bool] = True
    id: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True, editable=False)
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()
    address = models.CharField(max_length=300)
    title = models.CharField(max_length=200, default="", blank=True)
    fields = models.TextField()
    number = models.PositiveIntegerField(
        default=0
    )  # counts on the page: a late one is older, whatever the clocks
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TYPED)
    sentence = models.CharField(max_length=400, default="", blank=True)
    device = models.CharField(max_length=40, default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["staff_id", "address", "-at"], name="tablet_drafts_of")]

    def __str__(self) -> str:
        return f"draft {self.pk}"

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What was typed, by the names of the inputs."""
        posted = QueryDict(self.fields).lists()
        return [(name, ", ".join(said)) for name, said in posted if any(said) and not _HIDDEN.search(name)]


class TabletKey(models.Model):
    """A key pair that tablets seal to. Old ones stay: a tablet may come back late."""

    local_only: ClassVar[bool] = True
    key_id = models.CharField(max_length=16, unique=True)
    private = models.BinaryField()
    public = models.BinaryField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"key {self.key_id}"


class AuthorPass(models.Model):
    """Somebody's log-in on a tablet. It lets what was sealed meanwhile be written in their name."""

    local_only: ClassVar[bool] = True
    id: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True, editable=False)
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()
    device = models.CharField(max_length=40, default="", blank=True)
    credential = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"pass of {self.staff_id}"


class Delivery(models.Model):
    """A sealed save that was taken in, so that it is taken in once."""

    local_only: ClassVar[bool] = True
    item: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True, editable=False)
    digest = models.BinaryField()
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()
    state = models.CharField(max_length=10)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"delivery {self.item}: {self.state}"
