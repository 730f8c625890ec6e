"""What every page shows of where and who: the frame's context.

Lives here: the `shell` context processor. Not here: what the status line says (`sync/progress.py`).
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from clinic.board.queues import station_in
from clinic.visits.selectors import facility_of
from clinic.visits.wording import station_name
from registry.panels import pages_for
from registry.staff.credentials import WARN_AT_DAYS, days_left
from registry.staff.models import Account
from registry.staff.pins import has_pin
from registry.staff.policy import can_sync
from registry.staff.selectors import account_of, authority_in, staff_names
from registry.staff.shifts import browser_of, by_pin, live_shift
from sync.node import current_node
from sync.progress import badge
from sync.vault.keys import pinned
from sync.vault.rota import worry

IN_THE_BAR: Final = 5


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
        "staff_id": staff_id,
        "now_ms": node.wall(),
        "nav": _nav(request) if account else None,
        "idle_minutes": settings.POSTA_IDLE_MINUTES if account else None,
        "pin": _pin(request, account) if account and not node.is_central else None,
        "days_left": _days_left(account) if account else None,
        "worry": worry() if account and can_sync(authority_in(request)) else "",
    }


def _days_left(account: Account) -> int | None:
    """Until the log-in without internet ends, in its last week."""
    left = days_left(account.staff_id)
    return left if left is not None and left <= max(WARN_AT_DAYS) else None


def _pin(request: HttpRequest, account: Account) -> str:
    """What the menu says of the shift PIN: "none" yet, "set", or nothing where there can be none."""
    if by_pin(request):
        return "set"
    shift = live_shift(account.staff_id, browser_of(request))
    return "" if shift is None else "set" if has_pin(shift) else "none"


def _nav(request: HttpRequest) -> dict[str, Any]:
    """The first pages stand in the bar, the others under *More*."""
    pages = pages_for(authority_in(request), current_node().role)
    rest = len(pages) > IN_THE_BAR
    first, more = (pages[: IN_THE_BAR - 1], pages[IN_THE_BAR - 1 :]) if rest else (pages, [])
    match = getattr(request, "resolver_match", None)
    here = match.url_name if match else None
    return {"first": first, "more": more, "in_more": any(page.url_name == here for page in more)}


def _station(request: HttpRequest) -> str | None:
    """The station chosen on this tablet, else the one where the person's role works."""
    here = station_in(request, None) or station_in(request, facility_of(authority_in(request)))
    return station_name(here) if here else None
