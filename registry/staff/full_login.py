"""What a shift PIN does not open: there the password is asked for, in place, and then the page opens.

Lives here: `needs_full_login` for a view, and `is_open_by_pin`, which decides about every address. Rooms of
the clinic's daily work are open; every other page is closed unless it is named here, so a new one is closed
until somebody thought about it. The API is for programs, which come with a token: a PIN opens none of it.
Not here: who holds which role (`policy.py`), the page that asks (`shift_views.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

V = TypeVar("V", bound=Callable[..., Any])
_MARK: Final = "needs_full_login"

# What is done all day, with gloves on.
OPEN_ROOMS: Final = (
    "clinic.board.",
    "clinic.forms.",
    "clinic.lab.",
    "clinic.live.",
    "clinic.pharmacy.",
    "clinic.referrals.",
    "clinic.reports.",
    "clinic.visits.",
    "registry.attachments.",
    "registry.people.",
)
# Pages of other rooms that everybody needs. `account_*`: the way out, and to the password.
OPEN_PAGES: Final = frozenset(
    """account_login account_logout draft-discard draft-keep full-login guide guide-page guide-picture kept me
    patient-reason review set_language switch switch-person sync-now sync-progress sync-status
    sync-status-badge tablet-leave tablet-outbox tablet-ping tablet-worker touched without-laptop""".split()
)
# Pages of open rooms that take data out, or change what everybody works with.
CLOSED_PAGES: Final = frozenset({"clinic-day", "medicines", "medicines-import", "report-file"})


def needs_full_login(view: V) -> V:
    """This view wants the password, even of somebody whose shift PIN was right."""
    setattr(view, _MARK, True)
    return view


def is_open_by_pin(url_name: str | None, view: Callable[..., Any]) -> bool:
    """Whether a log-in by PIN may open this address."""
    if getattr(view, _MARK, False) or url_name in CLOSED_PAGES:
        return False
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    module = getattr(made_of, "__module__", "")
    return url_name in OPEN_PAGES or module.startswith(OPEN_ROOMS)
