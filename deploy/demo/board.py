"""The demo's day board: the day is open, one of those who wait is urgent, one was called and not there.

Lives here: `seed`. Not here: who waits where (`stories.py`).
"""

from __future__ import annotations

from clinic.board.selectors import clinic_day
from clinic.board.services import open_day
from clinic.visits.moving import prioritise_visit, skip_visit
from clinic.visits.policy import Priority, VisitState
from clinic.visits.selectors import queue
from deploy.demo.programme import colleague
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.policy import Role
from sync.ledger.recording import Author


def seed(*, facility: Facility) -> None:
    """Once: a day that is open already stays as it is."""
    if clinic_day(facility).is_open:
        return
    elena = StaffMember.objects.get(username=colleague(Role.COORDINATOR).username)
    by = Author(elena.pk, "tablet-1")
    open_day(by=by, facility=facility)
    waiting = [entry.visit for entry in queue(facility) if entry.standing.state is VisitState.WAITING]
    if len(waiting) > 1:
        prioritise_visit(by=by, visit=waiting[-1], priority=Priority.PRIORITY)
        skip_visit(by=by, visit=waiting[0])
