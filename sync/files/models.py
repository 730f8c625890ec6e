"""Records that name files, and what is on its way.

Lives here: `FileRecord`, what a synced model inherits to own a file (the row travels like any other, the
bytes separately), `file_sync` to declare it, and `Parcel`, what this database knows of one file's bytes. Not
here: the bytes (`store.py`), which rooms have such records (`registry/attachments`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.core.merge import Value
from sync.files.store import LARGEST_FILE, file_store, is_digest
from sync.ledger.replicas import self_replica
from sync.node import current_node
from sync.problems import Problem
from sync.records import Sync, SyncedModel
from sync.tables import Table, all_tables

FILE_FIELDS: Final = ("sha256", "size", "media_type")


class FileRecord(SyncedModel):
    """A record that owns one file. Another file is another record."""

    class MediaType(models.TextChoices):
        PICTURE = "image/webp", _("Picture")
        PDF = "application/pdf", _("PDF document")

    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=40, choices=MediaType.choices)

    class Meta(SyncedModel.Meta):
        abstract = True

    @property
    def is_picture(self) -> bool:
        return self.media_type == FileRecord.MediaType.PICTURE

    @property
    def is_here(self) -> bool:
        """Whether its bytes are on this node."""
        return file_store().has(self.sha256)


def file_sync(table: str, scope: str, fixed: Sequence[str] = ()) -> Sync:
    """The declaration of a model of this kind."""
    return Sync(
        table=table,
        group="attachments",
        scope=scope,
        rules=dict.fromkeys((*FILE_FIELDS, *fixed), "fixed"),
        check=check_file,
        on_apply=follow_files,
    )


def check_file(fields: Mapping[str, Value]) -> None:
    """Central's look at such a record from elsewhere: what could never arrive is not waited for."""
    if "sha256" in fields and not is_digest(str(fields["sha256"])):
        raise Problem("not-a-hash", "The record does not name a file.")
    size = fields.get("size", 1)
    if not isinstance(size, int) or not 0 < size <= LARGEST_FILE:
        raise Problem("file-too-large", "The file is larger than a file may be.")


class Parcel(models.Model):
    """One record's file, as far as its bytes are here or on their way. At central: they arrived for this very
    record, so that knowing the hash of somebody else's file helps nobody.
    """

    class State(models.TextChoices):
        TO_SEND = "to-send"
        WANTED = "wanted"
        ARRIVED = "arrived"
        REFUSED = "refused"

    local_only: ClassVar[bool] = True
    record_id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=8, choices=State.choices, db_index=True)
    since = models.BigIntegerField()

    def __str__(self) -> str:
        return f"file of {self.record_id}: {self.state}"


def file_tables() -> Iterator[Table]:
    """The tables whose records own files."""
    return (table for table in all_tables() if issubclass(table.model, FileRecord))


def follow_files(rows: list[Any]) -> None:
    """Whatever brought these rows: a clinic that has the bytes sees to it that central gets them."""
    now, node = current_node().wall(), current_node()
    leaving = [row.pk for row in rows if row.gone]
    if leaving:
        Parcel.objects.filter(pk__in=leaving).exclude(state=Parcel.State.ARRIVED).delete()
    made_here = self_replica().number
    state = Parcel.State.ARRIVED if node.is_central else Parcel.State.TO_SEND
    mine = [
        row
        for row in rows
        if not row.gone and (not node.is_central or row.made_replica == made_here) and row.is_here
    ]
    Parcel.objects.bulk_create(
        [Parcel(record_id=row.pk, state=state, since=now) for row in mine], ignore_conflicts=True
    )


def want(row: FileRecord) -> None:
    """Somebody looks at a record whose file is not here: the next run brings it."""
    if not current_node().is_central:
        parcel = Parcel(record_id=row.pk, state=Parcel.State.WANTED, since=current_node().wall())
        Parcel.objects.bulk_create([parcel], ignore_conflicts=True)
