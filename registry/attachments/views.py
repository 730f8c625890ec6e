"""Photos and files on a tablet: choosing one, looking at one, a patient's photo.

Lives here: the requests. Choosing answers with the control itself, so that nothing else of a form is
touched, and what is wrong is said beside it. A picture is served as such, a document only to be downloaded;
neither may run anything. Not here: writing (`services.py`), what templates print (`shapes.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from registry.answers import answering
from registry.attachments.models import Attachment, PickedFile
from registry.attachments.pictures import thumbnail
from registry.attachments.selectors import here_or_wanted, photo_of, picked_by
from registry.attachments.services import pick, remove_attachment, set_photo
from registry.attachments.shapes import PICKED, Sort, photo_picker, picker, shown
from registry.people.opening import opened
from registry.people.views import registrar, seeing, shown_patient
from registry.people.villages import uuid_in
from registry.staff.policy import check_see_patients
from registry.staff.selectors import author_of, authority_in
from sync.files.models import FileRecord
from sync.files.store import file_store
from sync.problems import Problem

LONGEST_ID: Final = 120
LONGEST_ABOUT: Final = 300
HARMLESS: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def _chosen(
    request: HttpRequest, patient_id: UUID | None, kind: Attachment.Kind, *, picture_only: bool
) -> PickedFile:
    """What the request brings. Raises `Problem`."""
    sent = request.FILES.get(PICKED)
    if sent is None:
        sentence = _("Choose a picture or a file first.")
        raise Problem("no-file", sentence, fields={"file": sentence})
    return pick(
        by=author_of(request),
        file=sent.file,  # type: ignore[arg-type]  # the handler keeps it in memory
        size=sent.size or 0,
        patient_id=patient_id,
        kind=kind,
        name=sent.name or "",
        picture_only=picture_only,
    )


@require_POST
@login_required
def pick_file(request: HttpRequest) -> HttpResponse:
    """The control again, with what was chosen, without what was taken away, or with what is wrong."""
    seeing(request)
    said = request.POST
    sort: Sort = "file" if said.get("sort") == "file" else "picture"
    patient_id = _patient(request, said.get("patient", ""))
    name, camera = said.get("as", "")[:LONGEST_ID], bool(said.get("camera"))
    value, file, error = "", None, ""
    if "remove" not in said:
        kind = Attachment.Kind.PHOTO if camera else Attachment.Kind.ANSWER
        try:
            picked = _chosen(request, patient_id, kind, picture_only=sort == "picture")
            value, file = str(picked.attachment_id), shown(picked)
        except Problem as problem:
            error = problem.title
    made = picker(
        name=name,
        auto_id=said.get("at", "")[:LONGEST_ID],
        sort=sort,
        value=value,
        patient_id=patient_id,
        file=file,
        error=error,
        camera=camera,
        about=said.get("about", "")[:LONGEST_ABOUT],
    )
    return render(request, "attachments/_picker.html", {"picker": made})


def _patient(request: HttpRequest, text: str) -> UUID | None:
    named = uuid_in(text)
    return shown_patient(request, named).pk if named else None


@require_POST
@login_required
def photo(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Set or remove a patient's photo, at once."""
    registrar(request)
    patient = shown_patient(request, patient_id)
    by, error = author_of(request), ""
    try:
        if "remove" in request.POST:
            before = photo_of(patient.pk)
            if before is not None:
                remove_attachment(by=by, attachment=before)
        else:
            picked = _chosen(request, patient.pk, Attachment.Kind.PHOTO, picture_only=True)
            set_photo(by=by, patient=patient, picked=picked)
    except Problem as problem:
        error = problem.title
    if not getattr(request, "htmx", False) and not error:
        return redirect("patient", patient.pk)
    return render(request, "attachments/_picker.html", {"picker": photo_picker(patient, error)})


# --- looking ---------------------------------------------------------------------------------------------


def file_shown(request: HttpRequest, file_id: UUID) -> Attachment | PickedFile:
    """The file, if whoever asks may see its patient, or chose it; otherwise the answer for nobody."""
    who = authority_in(request)
    with answering():
        check_see_patients(who)
    row: Attachment | None = Attachment.objects.living().filter(pk=file_id).first()
    if row is not None:
        if opened(request, row.patient_id) is not None:
            return row
        raise Http404
    picked = picked_by(author_of(request).staff_id, file_id)
    if picked is None:
        raise Http404
    return picked


@require_safe
@login_required
def look(request: HttpRequest, file_id: UUID) -> HttpResponseBase:
    """The whole file."""
    return served(file_shown(request, file_id))


def served(row: Attachment | PickedFile) -> HttpResponseBase:
    """A picture to look at, or a document to download; a page that says so where it is not here yet."""
    if not _is_here(row):
        sentence = _("This file is not on this node yet. It comes with the next sync.")
        raise Problem("not-here-yet", sentence, status=404)
    answer = StreamingHttpResponse(_pieces(row.sha256), content_type=row.media_type)
    answer["Content-Length"] = str(row.size)
    return _harmless(answer, row)


def _pieces(digest: str) -> Iterator[bytes]:
    yield from file_store().open(digest)


def _is_here(row: Attachment | PickedFile) -> bool:
    if isinstance(row, PickedFile):
        return file_store().has(row.sha256)
    return here_or_wanted(row)


@require_safe
@login_required
def look_small(request: HttpRequest, file_id: UUID) -> HttpResponseBase:
    """A small square look of a picture."""
    row = file_shown(request, file_id)
    if row.media_type != FileRecord.MediaType.PICTURE or not _is_here(row):
        raise Http404
    small = HttpResponse(thumbnail(file_store().content(row.sha256)), content_type=row.media_type)
    return _harmless(small, row)


def _harmless(answer: HttpResponseBase, row: Attachment | PickedFile) -> HttpResponseBase:
    """Whatever is in it, it runs nothing; and it does not stay on the tablet."""
    is_picture = row.media_type == FileRecord.MediaType.PICTURE
    name = quote(row.name or "document.pdf")
    answer["Content-Disposition"] = "inline" if is_picture else f"attachment; filename*=UTF-8''{name}"
    answer["Content-Security-Policy"] = HARMLESS
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer
