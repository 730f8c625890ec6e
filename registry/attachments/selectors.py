"""Reads of photos and files worth a name.

Lives here: a patient's photo, their other files, and whether a file can be shown now; looking at one whose
bytes are not here asks for them. Not here: pages (`views.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from registry.attachments.models import Attachment, PickedFile
from registry.staff.selectors import staff_names
from sync.files.models import want

NewestPhoto = Attachment | None


def photo_of(patient_id: UUID) -> NewestPhoto:
    """How the patient looks: the newest photo. Two clinics may each have taken one."""
    photos = Attachment.objects.living().filter(patient_id=patient_id, kind=Attachment.Kind.PHOTO)
    found: NewestPhoto = photos.order_by("-made_stamp", "-pk").first()
    return found


def files_of(patient_id: UUID) -> list[Attachment]:
    """Every other picture and document of a patient, newest first."""
    rows = Attachment.objects.living().filter(patient_id=patient_id, kind=Attachment.Kind.ANSWER)
    return list(rows.order_by("-made_stamp", "-pk"))


def here_or_wanted(row: Attachment) -> bool:
    """Whether the file is here. Where it is not, the next sync brings it."""
    if row.is_here:
        return True
    want(row)
    return False


def picked_by(staff_id: UUID | None, attachment_id: UUID) -> PickedFile | None:
    """What this person chose and has not saved."""
    return PickedFile.objects.filter(attachment_id=attachment_id, staff_id=staff_id).first()


def authors_of(rows: Collection[Attachment]) -> dict[UUID, str]:
    """Who attached them, by the record's id."""
    names = staff_names([row.made_by for row in rows])
    return {row.pk: names.get(row.made_by, "") if row.made_by else "" for row in rows}
