"""Who comes in at a clinic: tablets that have proved themselves, and the laptop's own screen.

Lives here: the middleware `Gate`, which leads everybody else to one page (programs to one problem), lets a
tablet whose proof is old prove itself on the way, and holds a log-in to the tablet it was made on; and
`for_strangers`, the mark of the few addresses that are open to unknown devices. Central has no gate: its
people come from anywhere. Not here: what a cookie is worth (`policy.py`), the addresses (`views.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from registry.tablets.policy import Standing
from registry.tablets.selectors import Sighting, sighting_of
from registry.tablets.services import IN_SESSION, note_sighting
from sync.node import current_node
from sync.problems import PROBLEM_JSON, Problem

OWN_SCREEN: Final = frozenset({"127.0.0.1", "::1"})
PROGRAMS: Final = ("/api/", "/sync/")
_MARK: Final = "for_strangers"
_NOT_TYPED: Final = frozenset({"csrfmiddlewaretoken"})
View = TypeVar("View", bound=Callable[..., HttpResponse])


def for_strangers(view: View) -> View:
    """Open this address to devices that are not known here; no log-in counts there."""
    setattr(view, _MARK, "stranger")
    return view


def for_leavers(view: View) -> View:
    """The same, where a log-in may still be ended."""
    setattr(view, _MARK, "leaver")
    return view


def on_own_screen(request: HttpRequest) -> bool:
    """Whether the peer sits at the laptop itself."""
    return request.META.get("REMOTE_ADDR") in OWN_SCREEN


class Gate:
    """Let in whom this clinic knows. It stands before the log-in, and needs none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if current_node().is_central:
            return self.get_response(request)
        seen = sighting_of(request)
        if seen is not None:
            note_sighting(seen)
        known = seen is not None and seen.standing is Standing.PROVED
        if on_own_screen(request) or known or _everybody_may(seen):
            _hold_to_its_tablet(request, seen)
            return self.get_response(request)
        open_to = _open_to(request)
        if open_to is None:
            return _refused(request, seen)
        if open_to == "stranger":
            _without_log_in(request)
        return self.get_response(request)


def _everybody_may(seen: Sighting | None) -> bool:
    """A trial takes everybody, but not a tablet that was sent away."""
    sent_away = seen is not None and seen.standing is Standing.REVOKED
    return settings.POSTA_TABLETS == "open" and not sent_away


def _hold_to_its_tablet(request: HttpRequest, seen: Sighting | None) -> None:
    """A log-in that was made on another tablet, or before this one was known, is none here."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return
    begun_on = request.session.get(IN_SESSION)
    living = seen is not None and seen.standing is not Standing.REVOKED
    here = str(seen.tablet.pk) if seen is not None and living else None
    free = settings.POSTA_TABLETS == "open" or on_own_screen(request)
    if begun_on != here and not (free and begun_on is None):
        _without_log_in(request)


def _without_log_in(request: HttpRequest) -> None:
    """As if nobody had logged in; the browser keeps its cookie, for it may prove itself in a moment."""
    request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()


def _open_to(request: HttpRequest) -> Literal["stranger", "leaver"] | None:
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    return getattr(match.func, _MARK, None)


def _refused(request: HttpRequest, seen: Sighting | None) -> HttpResponse:
    stale = seen is not None and seen.standing is Standing.STALE
    if not _shows_pages(request):
        return _told(request, stale)
    posted = request.method == "POST"
    context = {
        "stale": stale,
        "posted": posted,
        "again": _to_send_again(request) if stale and posted else None,
    }
    return render(request, "tablets/unknown.html", context, status=200 if stale else 403)


def _shows_pages(request: HttpRequest) -> bool:
    """Whether somebody looks at the answer, rather than a script or a program. A page that comes past the
    service worker no longer says that it is a document.
    """
    if request.path.startswith(PROGRAMS) or "HX-Request" in request.headers:
        return False
    return "text/html" in request.headers.get("Accept", "")


def _told(request: HttpRequest, stale: bool) -> HttpResponse:
    """For scripts and programs. A page that hears it while its tablet only overslept proves and goes on."""
    if stale and "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Trigger": "posta:prove"})
    problem = Problem(
        "proof-needed" if stale else "unknown-device",
        _("This tablet must show its key again.") if stale else _("This tablet is not known here."),
        detail="" if stale else _("Ask a coordinator."),
        status=403,
    )
    return JsonResponse(
        problem.document(), status=403, content_type=PROBLEM_JSON, headers={"HX-Refresh": "true"}
    )


def _to_send_again(request: HttpRequest) -> dict[str, Any] | None:
    """What was posted goes back to the page, which posts it again with the new proof. Files would not."""
    if request.FILES:
        return None
    posted = [
        (name, text) for name, texts in request.POST.lists() for text in texts if name not in _NOT_TYPED
    ]
    return {"address": request.get_full_path(), "fields": posted}
