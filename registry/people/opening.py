"""The one way by which pages and programs come to a patient's record.

Lives here: `Desk`, the seam that the room which writes down who opened what fills in, and the three things
that rooms say to it: a record is opened, a list leaves the node, people were met in a search who belong to
other places. Until it is filled, whoever is not the asker's own is nobody. Not here: who belongs to whom
(`selectors.py`), asking for a reason and the access log (`registry/access`).
Read next: `registry/access/desk.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from django.http import HttpRequest

from registry.people.models import Patient
from registry.people.selectors import visible_patients
from registry.staff.selectors import authority_in


class Desk(Protocol):
    """`open` answers None for whoever does not exist for the asker, and raises a `Problem` where something
    must be said first.
    """

    def open(self, request: HttpRequest, patient_id: UUID) -> Patient | None: ...

    def listed(self, request: HttpRequest, name: str) -> None: ...

    def met(self, request: HttpRequest, patient_ids: Collection[UUID]) -> None: ...


class _OwnOnly:
    """Nobody writes anything down, so nothing opens but one's own."""

    def open(self, request: HttpRequest, patient_id: UUID) -> Patient | None:
        found: Patient | None = visible_patients(authority_in(request)).filter(pk=patient_id).first()
        return found

    def listed(self, request: HttpRequest, name: str) -> None:
        return None

    def met(self, request: HttpRequest, patient_ids: Collection[UUID]) -> None:
        return None


_desk: Desk = _OwnOnly()


def install(desk: Desk | None) -> Desk:
    """Fill the seam (None empties it); answers what was there before."""
    global _desk
    before, _desk = _desk, desk or _OwnOnly()
    return before


def opened(request: HttpRequest, patient_id: UUID) -> Patient | None:
    """The patient, if they exist for whoever asks. That they were looked at is written down."""
    return _desk.open(request, patient_id)


def listed(request: HttpRequest, name: str) -> None:
    """A list of people leaves this node, as a file or on paper. `name` says which, and names nobody."""
    _desk.listed(request, name)


def met(request: HttpRequest, patient_ids: Collection[UUID]) -> None:
    """A search showed the asker these people of other places; from now on they may say why they open one."""
    if patient_ids:
        _desk.met(request, patient_ids)
