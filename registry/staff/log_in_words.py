"""What the log-in page says to whoever is not let in.

Lives here: the reasons and their sentences. Whoever does not know the password reads the same for every name;
that somebody has left, or works at no clinic, only they themselves are told. Not here: who decides
(`online.py`, `backends.py`), how long somebody has to wait (`limits.py`).
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sync.node import current_node

WRONG: Final = "wrong"
WRONG_OFFLINE: Final = "wrong-offline"
LOCKED: Final = "locked"
ENDED: Final = "ended"
NOT_HERE: Final = "not-here"
SENTENCES: Final[dict[str, Any]] = {
    WRONG: _("The user name or the password is wrong."),
    WRONG_OFFLINE: _(
        "The user name or the password is wrong. New on this laptop? Log in once with the internet."
    ),
    LOCKED: _("Too many wrong passwords. Wait half an hour, or ask the programme office."),
    ENDED: _("Your log-in has ended. Ask the programme office."),
    NOT_HERE: _("You have no role at a clinic. Ask the programme office."),
}
_KEPT: Final = "_posta_log_in_refused"


def refuse(request: HttpRequest | None, code: str) -> None:
    """Keep why, for the page that answers this request. A later central may know more reasons."""
    if request is not None:
        setattr(request, _KEPT, code if code in SENTENCES else WRONG)


def reason_of(request: HttpRequest | None) -> str:
    """Why this request's log-in was refused. Where nobody said, the laptop has checked alone."""
    alone = WRONG if current_node().is_central else WRONG_OFFLINE
    return str(getattr(request, _KEPT, alone))
