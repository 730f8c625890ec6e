"""The only writers of photos and files.

Lives here: `pick` (a file that somebody chose is looked at, made small and kept, before anything is saved),
`keep_picked` (the records of what was chosen, when its form is saved), `set_photo`, `remove_attachment`.
What was chosen and never saved is swept away after a month. Not here: what may be attached (`policy.py`), how
bytes travel (`sync/files`).
Read next: `tests/registry/attachments/test_services.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import IO, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.attachments.models import Attachment, PickedFile
from registry.attachments.pictures import small_picture
from registry.attachments.policy import LARGEST_PICTURE, check_size, clean_file_name, sort_of
from registry.attachments.selectors import photo_of
from registry.people.models import Patient
from registry.people.services import check_author
from registry.staff.policy import check_see_patients
from registry.staff.selectors import authority_of
from sync.core.protocol import derive_id, new_save_id
from sync.files.models import FileRecord
from sync.files.store import file_store
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem

UNSAVED: Final = timedelta(days=30)
Kind = Attachment.Kind


def pick(
    *,
    by: Author,
    file: IO[bytes],
    size: int,
    patient_id: UUID | None,
    kind: str = Kind.ANSWER,
    name: str = "",
    picture_only: bool = True,
    save_id: UUID | None = None,
) -> PickedFile:
    """Look at a file, make a picture small, keep the bytes. `size` is what the file really has, should it
    have come cut short.
    """
    if by.staff_id is not None:
        with answering():
            check_see_patients(authority_of(by.staff_id))
    with answering():
        content, media_type = _looked_at(file, size, picture_only=picture_only)
        shown_name = "" if media_type == FileRecord.MediaType.PICTURE else clean_file_name(name)
    node = current_node()
    key = save_id or new_save_id(node.wall(), node.rng)
    digest = file_store().put_content(content)
    PickedFile.objects.filter(picked_at__lt=node.now() - UNSAVED).delete()
    picked, _made = PickedFile.objects.get_or_create(
        save_id=key,
        defaults={
            "attachment_id": derive_id(key, 0),
            "patient_id": patient_id,
            "staff_id": by.staff_id,
            "kind": kind,
            "sha256": digest,
            "size": len(content),
            "media_type": media_type,
            "name": shown_name,
            "picked_at": node.now(),
        },
    )
    return picked


def _looked_at(file: IO[bytes], size: int, *, picture_only: bool) -> tuple[bytes, str]:
    beginning = file.read(16)
    sort = sort_of(beginning, picture_only=picture_only)
    check_size(sort, size)
    content = beginning + file.read(LARGEST_PICTURE + 1)
    if sort == "picture":
        return small_picture(content), FileRecord.MediaType.PICTURE.value
    return content, FileRecord.MediaType.PDF.value


def keep_picked(*, by: Author, patient: Patient, ids: Collection[UUID]) -> None:
    """Write the records of these files, each in a save of its own, before the form that names them. Which are
    records already stay as they are; one that is neither is refused.
    """
    known = set(
        Attachment.objects.living().filter(pk__in=list(ids), patient=patient).values_list("pk", flat=True)
    )
    for attachment_id in ids:
        if attachment_id not in known:
            keep_one(by=by, patient=patient, attachment_id=attachment_id)


def keep_one(*, by: Author, patient: Patient, attachment_id: UUID) -> Attachment:
    """The record of one file that this person chose for this patient, or before they were registered."""
    picked = PickedFile.objects.filter(attachment_id=attachment_id, staff_id=by.staff_id).first()
    if picked is None or picked.patient_id not in (None, patient.pk) or not file_store().has(picked.sha256):
        sentence = _("Choose this picture or file again.")
        raise Problem("unknown-file", sentence, fields={"file": sentence})
    file_store().touch(picked.sha256)
    with recording(by=by, save_id=picked.save_id) as save:
        if not save.repeated:
            save.add(
                Attachment,
                patient=patient,
                kind=picked.kind,
                name=picked.name,
                sha256=picked.sha256,
                size=picked.size,
                media_type=picked.media_type,
            )
    made: Attachment | None = Attachment.objects.filter(pk=attachment_id).first()
    if made is None:
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    return made


def set_photo(*, by: Author, patient: Patient, picked: PickedFile) -> Attachment:
    """This is how the patient looks from now on. The photo before stays in the history."""
    check_author(by)
    before = photo_of(patient.pk)
    made = keep_one(by=by, patient=patient, attachment_id=picked.attachment_id)
    if before is not None and before.pk != made.pk:
        remove_attachment(by=by, attachment=before)
    return made


def remove_attachment(*, by: Author, attachment: Attachment, save_id: UUID | None = None) -> None:
    """It was attached in error, or is not wanted any more. It stays readable in its history."""
    check_author(by)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated and not Attachment.objects.get(pk=attachment.pk).gone:
            save.remove(attachment)
