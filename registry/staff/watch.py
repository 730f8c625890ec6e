"""Who sits before the screen: a log-in that nobody has touched is locked, and one by PIN opens less.

Lives here: `Watch`, the middleware, and what counts as a touch: opening a page, saving, and the page's own
word that somebody tapped or typed (`touched`). Polls and the live feed never count. Times are kept with
allauth's row of the log-in, written once a minute; this process remembers the rest. Not here: the clock of
the page (`static/js/idle.js`), which hides it without Wi-Fi too; which addresses a PIN opens
(`full_login.py`), which log-ins open daily work only (`bounds.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from registry.staff.bounds import bound_by, is_within_bounds
from registry.staff.full_login import is_open_by_pin
from registry.staff.models import Account
from registry.staff.second_factor import is_missing
from registry.staff.sessions import names_itself
from registry.staff.shifts import by_pin, is_over, leave_open
from sync.node import current_node
from sync.problems import PROBLEM_JSON, Problem

GRACE_MS: Final = 60_000  # the page locks itself first
WRITTEN_EVERY_MS: Final = 60_000
MOST_REMEMBERED: Final = 2_000
# What pages ask by themselves.
ASKED_BY_ITSELF: Final = frozenset(
    """blocked-report board-live sync-progress sync-status-badge tablet-leave tablet-outbox tablet-ping
    tablet-proof tablet-worker""".split()
)
_touched: dict[str, int] = {}
_written: dict[str, int] = {}


class Watch:
    """Stands behind the log-in: locks, ends, and asks for the password."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not isinstance(request.user, Account):
            return None
        match = request.resolver_match
        name = match.url_name if match is not None else None
        if is_over(request) or _is_idle(request):
            # What a tablet brings by itself asks for no log-in, and what needs one says so.
            _lock(request)
            return None if name in ASKED_BY_ITSELF else _to_the_lock(request)
        if is_missing(request) and not _leads_to_second_step(name):
            return redirect("mfa_activate_totp") if _wants_page(request) else HttpResponse(status=403)
        if by_pin(request) and not _may_open(request, is_open_by_pin(name, view)):
            return _ask(request)
        within = _leads_to_second_step(name) or is_within_bounds(name, view)
        if not _may_open(request, within) and (why := bound_by(request)):
            return _refuse(request, why)
        if _is_touch(request, name):
            touch(request)
        return None


def touch(request: HttpRequest) -> None:
    """Somebody is there."""
    key, now = request.session.session_key, current_node().wall()
    if not key:
        return
    if len(_touched) > MOST_REMEMBERED:
        _touched.clear()
        _written.clear()
    _touched[key] = now
    if abs(now - _written.get(key, 0)) >= WRITTEN_EVERY_MS:
        _written[key] = now
        UserSession.objects.filter(session_key=key).update(last_seen_at=current_node().now())


@receiver(user_logged_in)
def _came(request: HttpRequest | None, **_more: Any) -> None:
    """Whoever has just logged in is there."""
    if request is not None:
        touch(request)


def forget() -> None:
    """As after a restart of the process."""
    _touched.clear()
    _written.clear()


def _leads_to_second_step(name: str | None) -> bool:
    always = {
        "account_logout",
        "account_reauthenticate",
        "set_language",
        "guide",
        "guide-page",
        "guide-picture",
    }
    return name in always | ASKED_BY_ITSELF | {"touched", "switch"} or (name or "").startswith("mfa_")


def _is_touch(request: HttpRequest, name: str | None) -> bool:
    if name in ASKED_BY_ITSELF or request.path.endswith("/live/"):
        return False
    # A page asks for its parts by itself; searching and rules are typed, and typing tells of itself.
    return request.method == "POST" or "HX-Request" not in request.headers


def _is_idle(request: HttpRequest) -> bool:
    key = request.session.session_key or ""
    last = _touched.get(key)
    if last is None:
        row = UserSession.objects.filter(session_key=key).values_list("last_seen_at", flat=True).first()
        if row is None:
            return False  # a log-in without a row began in this very moment
        last = _touched[key] = int(row.timestamp() * 1000)
    return current_node().wall() - last > settings.POSTA_IDLE_MINUTES * 60_000 + GRACE_MS


def _may_open(request: HttpRequest, page_is_open: bool) -> bool:
    """The API opens to a token of its own only, whatever is true of pages. Where a header says who it is, the
    API asks that header alone (`api.py`).
    """
    return names_itself(request) if request.path.startswith("/api/") else page_is_open


def _refuse(request: HttpRequest, why: str) -> HttpResponse:
    """A page that neither the PIN nor the password opens to this log-in."""
    if request.path.startswith("/api/"):
        problem = Problem("not-yet", why, status=403)
        return JsonResponse(problem.document(), status=403, content_type=PROBLEM_JSON)
    if _wants_page(request):
        return render(request, "staff/not_yet.html", {"why": why}, status=403)
    return HttpResponse(status=403)


def _lock(request: HttpRequest) -> None:
    """The log-in is over; the shift goes on."""
    _touched.pop(request.session.session_key or "", None)
    back_to = request.get_full_path() if request.method == "GET" and _wants_page(request) else ""
    leave_open(request, back_to)


def _to_the_lock(request: HttpRequest) -> HttpResponse:
    return redirect("switch") if _wants_page(request) else HttpResponse(status=401)


def _ask(request: HttpRequest) -> HttpResponse:
    """The password, then the page that was asked for."""
    if request.path.startswith("/api/"):
        problem = Problem(
            "full-login-needed", _("This needs your password, not only your shift PIN."), status=403
        )
        return JsonResponse(problem.document(), status=403, content_type=PROBLEM_JSON)
    wanted = (
        request.get_full_path() if request.method == "GET" and _wants_page(request) else _page_of(request)
    )
    address = f"{reverse('full-login')}?{urlencode({'next': wanted})}"
    if _wants_page(request):
        return redirect(address)
    return HttpResponse(status=403, headers={"HX-Redirect": address})


def _wants_page(request: HttpRequest) -> bool:
    return not (
        "HX-Request" in request.headers
        or request.path.endswith("/live/")
        or request.path.startswith("/api/")
        or request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    )


def _page_of(request: HttpRequest) -> str:
    """The page of ours that a form or a fragment stood on."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else "/"
