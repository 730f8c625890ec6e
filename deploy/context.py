"""What every page shows of where and who: the frame's context.

Lives here: the `shell` context processor. Not here: what the status line says (`sync/progress.py`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from clinic.board.queues import CHOSEN
from clinic.visits.wording import station_name
from registry.panels import pages_for
from registry.staff.selectors import account_of, authority_in, staff_names
from sync.node import current_node
from sync.progress import badge
from sync.vault.keys import pinned


def shell(request: HttpRequest) -> dict[str, Any]:
    """The node's name and role, the person, their station, today, and the status line of a logged-in page."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> dict[str, Any]:
    # A refused host is answered before anybody knows who asks.
    node, account = current_node(), account_of(request) if hasattr(request, "user") else None
    known = pinned()
    staff_id = account.staff_id if account else None
    return {
        "node_name": known.node_name if known else node.name or ("Central" if node.is_central else ""),
        "role": node.role,
        "person": staff_names([staff_id]).get(staff_id) if staff_id else None,
        "station": _station(request) if account else None,
        "today": node.now().date(),
        "status": badge() if account else None,
        "pages": pages_for(authority_in(request), node.role) if account else [],
    }


def _station(request: HttpRequest) -> str | None:
    chosen = request.session.get(CHOSEN, "")
    return station_name(chosen) if chosen else None
