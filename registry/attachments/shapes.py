"""What templates print of photos and files.

Lives here: `Shown` (one file: where it is served, whether it is here), `named` (files in a line of text),
`picker` (the control that takes or chooses one), and the panels on the pages of a patient. Not here: reads
(`selectors.py`), requests (`views.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _

from registry.attachments.models import Attachment, PickedFile
from registry.attachments.policy import LARGEST_PICTURE
from registry.attachments.selectors import authors_of, files_of, here_or_wanted, photo_of, picked_by
from registry.panels import Panel
from registry.people.links import PhotoShown
from registry.people.models import Patient
from registry.staff.policy import can_register
from registry.staff.selectors import author_of, authority_in
from sync.files.models import FileRecord
from sync.ledger.selectors import instant
from sync.node import current_node

Sort = Literal["picture", "file"]
PHOTO_FIELD = "photo"
PICKED = "picked-file"  # no question of a form has such a name
ACCEPTED: dict[Sort, str] = {"picture": "image/*", "file": "image/*,application/pdf"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as a page shows it."""

    url: str
    small: str
    is_picture: bool
    name: str
    here: bool
    waiting: str


def shown(row: Attachment | PickedFile) -> Shown:
    """A file that is kept or only chosen. Looking at one that is not here asks for it."""
    if isinstance(row, PickedFile):
        file_id, here = row.attachment_id, True
    else:
        file_id, here = row.pk, here_or_wanted(row)
    return Shown(
        url=reverse("attachment", args=[file_id]),
        small=reverse("attachment-small", args=[file_id]),
        is_picture=row.media_type == FileRecord.MediaType.PICTURE,
        name=row.name or _("Document"),
        here=here,
        waiting="" if here else _waiting(row),
    )


def _waiting(row: Attachment | PickedFile) -> str:
    """Why a file is not here, and when it will be."""
    if current_node().is_central:
        return _("It is still at the clinic that has it; it comes with that clinic's next sync.")
    if row.kind == Attachment.Kind.PHOTO:
        return _("The photo is at central; it comes with the next sync.")
    if row.media_type == FileRecord.MediaType.PICTURE:
        return _("The picture is at central; it comes with the next sync.")
    return _("The file is at central; it comes with the next sync.")


def shown_by_id(file_id: str, staff_id: UUID | None, patient_id: UUID | None) -> Shown | None:
    """The file that an answer names, if it is this patient's, or was chosen by this person."""
    try:
        wanted = UUID(file_id)
    except ValueError:
        return None
    row = Attachment.objects.living().filter(pk=wanted, patient_id=patient_id).first()
    picked = None if row else picked_by(staff_id, wanted)
    found = row or picked
    return None if found is None else shown(found)


@dataclass(frozen=True, slots=True)
class Named:
    """A file in a line of text. `url` opens it; empty while its bytes are not here."""

    patient_id: UUID
    text: str
    url: str


def named(file_ids: Iterable[UUID]) -> dict[str, Named]:
    """What these files are and how large, by id, in one query; removed ones are told as well."""
    rows = Attachment.objects.filter(pk__in=set(file_ids))
    return {str(row.pk): _named(row) for row in rows}


def _named(row: Attachment) -> Named:
    said = {"kind": row.get_media_type_display(), "size": filesizeformat(row.size)}
    here = row.is_here
    text = _("%(kind)s, %(size)s") if here else _("%(kind)s, %(size)s, not here yet")
    url = reverse("attachment", args=[row.pk]) if here and not row.gone else ""
    return Named(row.patient_id, text % said, url)


def picker(
    *,
    name: str,
    auto_id: str,
    sort: Sort = "picture",
    value: str = "",
    patient_id: UUID | None = None,
    file: Shown | None = None,
    error: str = "",
    address: str = "",
    camera: bool = False,
    about: str = "",
) -> dict[str, Any]:
    """The control: what is chosen, and what it asks the laptop when somebody chooses. With an `address` of
    its own it saves at once and carries no answer along.
    """
    asked = {"as": name, "at": auto_id, "sort": sort, "about": about}
    asked |= {"patient": str(patient_id or ""), "camera": "1" if camera else ""}
    return {
        "name": "" if address else name,
        "id": auto_id,
        "value": value,
        "file": file,
        "error": error,
        "address": address,
        "asked": json.dumps(asked),
        "asked_to_remove": json.dumps(asked | {"remove": "1"}),
        "params": ", ".join([PICKED, "remove", *asked]),
        "accept": ACCEPTED[sort],
        "camera": camera,
        "about": about,
        "is_picture": sort == "picture",
        "largest": LARGEST_PICTURE,
    }


def patient_photo(patient_id: UUID) -> PhotoShown | None:
    """How the patient looks, for every banner."""
    row = photo_of(patient_id)
    if row is None:
        return None
    one = shown(row)
    return PhotoShown(one.url, one.small, one.here, one.waiting)


def photo_picker(patient: Patient, error: str = "") -> dict[str, Any]:
    """The control that sets a patient's photo at once."""
    row = photo_of(patient.pk)
    return picker(
        name=PHOTO_FIELD,
        auto_id="id_photo",
        value=str(row.pk) if row else "",
        patient_id=patient.pk,
        file=shown(row) if row else None,
        error=error,
        address=reverse("patient-photo", args=[patient.pk]),
        camera=True,
    )


def photo_panel(request: HttpRequest, patient: Any) -> Panel | None:
    """On the page where somebody's details are changed."""
    if not can_register(authority_in(request)):
        return None
    return Panel("attachments/_photo.html", {"picker": photo_picker(patient)})


def new_photo_panel(request: HttpRequest, posted: Any) -> Panel:
    """In the form that registers somebody: what was chosen goes along with it."""
    value = str(posted.get(PHOTO_FIELD, "")) if posted else ""
    file = shown_by_id(value, author_of(request).staff_id, None) if value else None
    made = picker(name=PHOTO_FIELD, auto_id="id_photo", value=value if file else "", file=file, camera=True)
    return Panel("attachments/_photo.html", {"picker": made})


def files_panel(request: HttpRequest, patient: Any) -> Panel | None:
    """Every picture and document of a patient."""
    rows = files_of(patient.pk)
    if not rows:
        return None
    names = authors_of(rows)
    files = [{"file": shown(row), "at": instant(row.made_stamp), "by": names.get(row.pk, "")} for row in rows]
    return Panel("attachments/_files.html", {"files": files})
