"""Who may see, sync, decide and enrol: the answers of staff and people to the pages of sync.

Lives here: `StaffDoor`, installed when the app starts, so that sync learns who asks and whom a conflict is
about without knowing either. Not here: what a role allows (`registry/staff/policy.py`), the pages
(`sync/views.py`, `sync/review/views.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest

from registry.answers import answering
from registry.people.selectors import persons, visible_patients
from registry.staff.policy import (
    Authority,
    check_resolve,
    check_see_central,
    check_see_patients,
    check_sync,
)
from registry.staff.selectors import author_of, authority_in
from sync.asking import Act
from sync.ledger.recording import Author

_CHECKS: Final[Mapping[Act, Callable[[Authority], None]]] = {
    "see": check_see_patients,
    "sync": check_sync,
    "resolve": check_resolve,
    "enrol": check_see_central,
}


class StaffDoor:
    """The seam of `sync/asking.py`, filled."""

    def author(self, request: HttpRequest) -> Author:
        return author_of(request)

    def check(self, request: HttpRequest, act: Act) -> None:
        with answering():
            _CHECKS[act](authority_in(request))

    def subjects(self, request: HttpRequest, keys: Collection[UUID]) -> Mapping[UUID, Any]:
        patients = list(visible_patients(authority_in(request), removed=True).filter(pk__in=list(keys)))
        return {person.id: person for person in persons(patients)}
