"""Forms that somebody began and has not saved: what a page asks about them.

Lives here: the three questions (`offered`, `continued`, `finished`), which forms may be kept
(`keep_form`), and `install`, by which the room that keeps drafts says how. Without such a room nothing is
offered. A form takes part by its marks in the template (`data-draft`, see
`templates/tablet/_draft.html`). Not here: keeping them (`clinic/tablet`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.http import HttpRequest, QueryDict


@dataclass(frozen=True, slots=True)
class UnfinishedForm:
    """What somebody typed, as the form would have posted it. `sentence` says why it was not saved, if it was
    sent.
    """

    id: UUID
    at: datetime
    address: str
    posted: QueryDict
    sentence: str = ""

    @property
    def version(self) -> str:
        """The version of the record that was on the screen: an old form must not pass for a fresh one."""
        return self.posted.get("version", "")

    @property
    def save_id(self) -> str:
        """Saved twice under this it is one save, whichever way it came."""
        return self.posted.get("save_id", "")


class Desk(Protocol):
    """Who keeps unfinished forms. Everybody sees only their own."""

    def offered(self, request: HttpRequest) -> UnfinishedForm | None: ...

    def continued(self, request: HttpRequest) -> UnfinishedForm | None: ...

    def finished(self, request: HttpRequest) -> None: ...


_desks: list[Desk] = []
_forms: set[str] = set()


def install(desk: Desk) -> None:
    """From now on this one is asked."""
    _desks[:] = [desk]


def keep_form(url_name: str) -> None:
    """The form at this address may be kept as a draft, and on a tablet without Wi-Fi. Its view answers a save
    with a redirect, and a form that comes back with a page.
    """
    _forms.add(url_name)


def may_keep(url_name: str) -> bool:
    return url_name in _forms


def offered(request: HttpRequest) -> UnfinishedForm | None:
    """What the person who asks began at this address."""
    return _desks[0].offered(request) if _desks else None


def continued(request: HttpRequest) -> UnfinishedForm | None:
    """What the person wants to go on with: they tapped *Continue*."""
    return _desks[0].continued(request) if _desks and request.POST.get("draft") == "continue" else None


def finished(request: HttpRequest) -> None:
    """The form was saved: its draft is over."""
    if _desks:
        _desks[0].finished(request)
