"""The photo that was chosen while somebody was being registered.

Lives here: what happens after the registration is saved. Not here: choosing (`views.py`), registering
(`registry/people/register_views.py`).
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from registry.attachments.services import keep_one
from registry.attachments.shapes import PHOTO_FIELD
from registry.people.models import Patient
from registry.people.villages import uuid_in
from registry.staff.selectors import author_of
from sync.problems import Problem


def photo_of_registered(request: HttpRequest, patient: Patient) -> str:
    """Keep it with the patient; answers what to say where that is not possible."""
    chosen = uuid_in(request.POST.get(PHOTO_FIELD, ""))
    if chosen is None:
        return ""
    try:
        keep_one(by=author_of(request), patient=patient, attachment_id=chosen)
    except Problem:
        return _("The patient is saved, the photo is not. Take it again under Change details.")
    return ""
