"""The door of every record: who may open it, what must be said first, and the note that it was opened.

Lives here: `AccessDesk`, which fills the seam of `registry/people/opening.py`, and the refusal that asks for
a reason. Pages answer it with a page of their own (`views.py`), programs send `Posta-Reason` (a code) and
`Posta-Reason-Note` (words, percent-encoded UTF-8). Not here: the rules (`policy.py`), writing
(`services.py`).
Read next: `policy.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from registry.access.models import Elsewhere
from registry.access.policy import LONGEST_NOTE, Answer, Reason, What, may_open, what_of
from registry.access.services import Look, give_reason, meet, note_look
from registry.people.models import Patient
from registry.people.selectors import belongs_to, reachable_patients
from registry.places.selectors import facilities_of
from registry.staff.policy import NO_ONE, Authority
from registry.staff.selectors import author_of, authority_in
from sync.node import current_node
from sync.problems import Problem
from sync.vault.keys import pinned

REASON: Final = "Posta-Reason"
NOTE: Final = "Posta-Reason-Note"


class ReasonNeeded(Problem):
    """The record of another place's patient, and nobody has said why it is opened."""

    def __init__(self, patient_id: UUID) -> None:
        super().__init__(
            "reason-needed",
            _("This patient belongs to another place. Say why you open the record."),
            status=403,
            extra={"reasons": [one.value for one in Reason]},
        )
        self.patient_id = patient_id


def place_of(who: Authority) -> UUID | None:
    """Where somebody works who opens a record here: at a clinic one of the places that it serves."""
    known = pinned() if not current_node().is_central else None
    if known is None:
        return next((one.pk for one in facilities_of(who.facilities)), None)
    served = {UUID(text) for text in known.facilities}
    return next((one.pk for one in facilities_of(served & who.facilities or served)), None)


class AccessDesk:
    """The seam of `registry/people/opening.py`, filled."""

    def open(self, request: HttpRequest, patient_id: UUID) -> Patient | None:
        who = authority_in(request)
        patient: Patient | None = reachable_patients(who).filter(pk=patient_id).first()
        if patient is None:
            return None
        said = None
        if not belongs_to(who, patient):
            said = _through(request, patient)
            if said is None:
                return None
        what = what_of(request.resolver_match.route if request.resolver_match else "")
        if what is not None:
            reason, note = (said.reason, said.note) if said else ("", "")
            look = Look(what, patient.pk, place_of(who), reason, note)
            note_look(by=author_of(request), look=look)
        return patient

    def listed(self, request: HttpRequest, name: str) -> None:
        look = Look(What.LIST, facility_id=place_of(authority_in(request)), note=name[:LONGEST_NOTE])
        note_look(by=author_of(request), look=look)

    def met(self, request: HttpRequest, patient_ids: Collection[UUID]) -> None:
        meet(by=author_of(request), patient_ids=patient_ids)


def door_of(staff_id: UUID | None, patient_id: UUID) -> tuple[Answer, Elsewhere | None]:
    """What the door of another place's patient says to somebody, and what they have said to it."""
    row = Elsewhere.objects.filter(staff_id=staff_id or NO_ONE, patient_id=patient_id).first()
    met_at, opened_at = (row.met_at, row.opened_at) if row else (None, None)
    now = current_node().now()
    return may_open(belongs=False, met_at=met_at, opened_at=opened_at, now=now), row


def _through(request: HttpRequest, patient: Patient) -> Elsewhere | None:
    """What was said to open this record; None where it does not exist for the asker."""
    by = author_of(request)
    answer, row = door_of(by.staff_id, patient.pk)
    if answer is Answer.NOBODY:
        return None
    if answer is Answer.OPEN:
        return row
    if request.path.startswith("/api/") and (code := request.headers.get(REASON, "").strip()):
        words = unquote(request.headers.get(NOTE, ""), errors="replace")
        return give_reason(by=by, patient_id=patient.pk, reason=code, note=words)
    raise ReasonNeeded(patient.pk)
