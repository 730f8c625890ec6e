"""Shifts: that somebody has logged in with their password in this very browser, not long ago.

Lives here: which browser a request comes from (`browser_of`, the one place that says so), beginning a shift
with a full log-in, ending it, who has one here, and what a session carries of it. Not here: the PIN of a
shift (`pins.py`), what a session that was opened by PIN may not do (`full_login.py`).
Read next: `pins.py`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from registry.staff.bounds import mark_code
from registry.staff.models import Account, Shift
from registry.tablets.selectors import sighting_of, tablet_of
from sync.ledger.replicas import self_uuid
from sync.node import current_node

LENGTH: Final = timedelta(hours=12)
FAMILIAR_FOR: Final = timedelta(days=90)
KEPT_FOR_S: Final = 400 * 24 * 3600  # the longest that browsers keep a cookie
COOKIE: Final = f"__Host-posta_browser_{settings.POSTA_PORT}"
BY_PIN: Final = "shift_by_pin"
UNTIL: Final = "shift_until"
BACK_TO: Final = "shift_back_to"
_STAYS: Final = "_posta_shift_stays"


def _secret_of(request: HttpRequest) -> str:
    text = request.COOKIES.get(COOKIE, "")
    return text if len(text) == 43 else ""  # what `token_urlsafe(32)` makes


def browser_of(request: HttpRequest) -> str:
    """The browser that this request proves to be, as a digest; empty where it proves nothing.

    A random secret that only the browser holds, together with the enrolled tablet if it is one. A revoked
    tablet, or one whose proof has grown old, is none.
    """
    secret = _secret_of(request)
    tablet = tablet_of(request)
    if not secret or (tablet is None and sighting_of(request) is not None):
        return ""
    return hashlib.sha256(f"{secret} {tablet.pk if tablet else '-'}".encode()).hexdigest()


def give_browser(request: HttpRequest, response: HttpResponse) -> None:
    """The secret goes with this answer; a browser that has one keeps it."""
    secret = _secret_of(request)
    if secret:
        response.set_cookie(
            COOKIE, secret, max_age=KEPT_FOR_S, secure=True, httponly=True, samesite="Strict", path="/"
        )


def is_familiar(request: HttpRequest, username: str) -> bool:
    """Whether this person has logged in with their password in this browser before."""
    browser = browser_of(request)
    account = Account.objects.filter(username=username).first() if browser else None
    since = current_node().now() - FAMILIAR_FOR
    return account is not None and bool(
        Shift.objects.filter(staff_id=account.staff_id, browser=browser, began_at__gt=since).exists()
    )


def begin_shift(request: HttpRequest, account: Account) -> None:
    """A full log-in: twelve hours begin. A PIN that still held goes on; one that was guessed at is gone."""
    if not _secret_of(request):
        request.COOKIES[COOKIE] = secrets.token_urlsafe(32)
    now, browser = current_node().now(), browser_of(request)
    ends = min(now + LENGTH, mark_code(request, account) or now + LENGTH)
    request.session[UNTIL] = ends.timestamp()
    request.session.pop(BY_PIN, None)
    if not browser:
        return
    before = live_shift(account.staff_id, browser)
    fresh = {"stamp": account.stamp, "replica": self_uuid(), "began_at": now, "ends_at": ends}
    fresh |= {"ended_at": None, "pin_failures": 0}
    if before is None or before.pin_failures:
        fresh |= {"pin_salt": b"", "pin_verifier": b"", "pin_cost": []}
    Shift.objects.update_or_create(staff_id=account.staff_id, browser=browser, defaults=fresh)
    Shift.objects.filter(began_at__lt=now - FAMILIAR_FOR).delete()


def live_shift(staff_id: UUID, browser: str) -> Shift | None:
    """The shift of a person in a browser, if it still runs.

    It ends with its twelve hours, the log-out, a new password and the end of the account. A database that was
    put back has none: who had been shut out since is not known to it.
    """
    if not browser:
        return None
    return _live(browser).get(staff_id)


def shifts_here(browser: str) -> dict[UUID, Shift]:
    """Who has a running shift in this browser."""
    return _live(browser) if browser else {}


def _live(browser: str) -> dict[UUID, Shift]:
    now = current_node().now()
    rows = Shift.objects.filter(browser=browser, ended_at=None, ends_at__gt=now, began_at__lte=now)
    found = {row.staff_id: row for row in rows.filter(replica=self_uuid())}
    accounts = Account.objects.filter(staff_id__in=found, is_active=True)
    stamps = dict(accounts.values_list("staff_id", "stamp"))
    return {staff_id: row for staff_id, row in found.items() if stamps.get(staff_id) == row.stamp}


def end_shifts(staff_ids: Collection[UUID] | None = None, *, browser: str = "") -> None:
    """The PINs of these people (None: of everybody) are over, in one browser or in all of them."""
    rows = Shift.objects.filter(ended_at=None)
    if staff_ids is not None:
        rows = rows.filter(staff_id__in=staff_ids)
    if browser:
        rows = rows.filter(browser=browser)
    rows.update(ended_at=current_node().now(), pin_salt=b"", pin_verifier=b"", pin_cost=[])


def end_sessions_of(staff_id: UUID) -> int:
    """Log somebody out everywhere on this laptop; answers from how many places."""
    ended = 0
    for session in UserSession.objects.filter(user__staff_id=staff_id):
        if not session.purge():
            session.end()
            ended += 1
    end_shifts([staff_id])
    return ended


def leave_open(request: HttpRequest, back_to: str = "") -> None:
    """Log out and let the shift go on: somebody else takes the tablet, or nobody touches it.

    `back_to` is the page that the same person comes back to.
    """
    account = request.user if isinstance(request.user, Account) else None
    setattr(request, _STAYS, True)
    logout(request)
    if account is not None and back_to:
        request.session[BACK_TO] = [str(account.staff_id), back_to]


def way_back(request: HttpRequest, account: Account) -> str:
    """Where this person was when the tablet locked; empty for everybody else. It is told once."""
    staff_id, address = request.session.pop(BACK_TO, ("", ""))
    return str(address) if staff_id == str(account.staff_id) else ""


@receiver(user_logged_out)
def _log_out_ends_the_shift(request: HttpRequest | None, user: object, **_more: object) -> None:
    if request is not None and isinstance(user, Account) and not hasattr(request, _STAYS):
        browser = browser_of(request)
        if browser:
            end_shifts([user.staff_id], browser=browser)


def by_pin(request: HttpRequest) -> bool:
    """Whether this log-in was opened by a shift PIN."""
    return bool(request.session.get(BY_PIN))


def is_over(request: HttpRequest) -> bool:
    """Whether the twelve hours since the password have passed."""
    until = request.session.get(UNTIL)
    return until is not None and not 0 < until - current_node().now().timestamp() <= LENGTH.total_seconds()
