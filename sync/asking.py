"""Who asks: what sync's pages and API need to know of people, told by the rooms above.

Lives here: `Door`, the seam that a room which knows staff fills in (`install`), and what every page and
call of sync does with it: the log-in, the author of a write, the save id, a refusal as a page. Until the
seam is filled nobody may do anything. Not here: roles and accounts (sync knows neither), the pages
(`sync/views.py`, `sync/review/views.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any, Literal, Protocol
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext_lazy as _

from sync.ledger.recording import Author
from sync.problems import Problem, problem_of

Act = Literal["see", "sync", "resolve", "enrol"]
Page = Callable[..., HttpResponse]


class Door(Protocol):
    """What a room that knows staff tells sync. `check` raises a `Problem`; `subjects` answers, for those
    scope keys that the asker may see, the person that pages print (removed ones too: whether to remove
    may be the question).
    """

    def author(self, request: HttpRequest) -> Author: ...

    def check(self, request: HttpRequest, act: Act) -> None: ...

    def subjects(self, request: HttpRequest, keys: Collection[UUID]) -> Mapping[UUID, Any]: ...


class _Closed:
    """Nobody told who people are: everybody is refused."""

    def author(self, request: HttpRequest) -> Author:
        raise _nobody()

    def check(self, request: HttpRequest, act: Act) -> None:
        raise _nobody()

    def subjects(self, request: HttpRequest, keys: Collection[UUID]) -> Mapping[UUID, Any]:
        return {}


def _nobody() -> Problem:
    return Problem("not-allowed", _("Your role does not allow this."), status=403)


_door: Door = _Closed()


def install(door: Door | None) -> Door:
    """Fill the seam (None empties it); answers what was there before."""
    global _door
    before, _door = _door, door or _Closed()
    return before


def door() -> Door:
    return _door


def may(request: HttpRequest, act: Act) -> bool:
    """Whether the asker may, as a question."""
    try:
        _door.check(request, act)
    except Problem:
        return False
    return True


def save_id_of(request: HttpRequest) -> UUID | None:
    """The save id of a form or of a program's `Idempotency-Key`; None where none came."""
    text = request.headers.get("Idempotency-Key") or request.POST.get("save_id")
    if not text:
        return None
    try:
        return UUID(text.strip().strip('"'))
    except ValueError:
        raise Problem("bad-idempotency-key", _("A save id is a UUID.")) from None


def page(act: Act) -> Callable[[Page], Page]:
    """A page for whoever is logged in and may do this; a refusal is a page as well."""

    def decorate(view: Page) -> Page:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _log_in(request)
            try:
                _door.check(request, act)
                return view(request, *args, **kwargs)
            except Problem as problem:
                return refused(request, problem)

        return guarded

    return decorate


def _log_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401)  # a poll: the page itself says that one is logged out
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.get_full_path()})}")


def refused(request: HttpRequest, error: Exception, back_url: str = "") -> HttpResponse:
    """A refusal as people read it."""
    problem = problem_of(error)
    if problem is None:
        raise error
    told = {"status": problem.status, "title": problem.title, "detail": problem.detail, "safe": ""}
    return render(request, "problem.html", {"problem": told, "back_url": back_url}, status=problem.status)
