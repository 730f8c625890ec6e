"""A sealed save goes through the same door as one that was tapped with Wi-Fi: the form's own view.

Lives here: `replay`, which hands a form to its page as its author, and says what became of it. The view
checks, cleans and writes as always; an old version is a concurrent edit, a spent save id is no second
save. Not here: whether the author may (`policy.py`), what is kept when it fails (`outbox.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from typing import Any, Literal

from django.conf import settings
from django.contrib.messages import WARNING
from django.contrib.messages.storage.base import BaseStorage
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.utils.translation import override

from clinic.tablet.sealing import Typed
from registry.drafts import may_keep
from registry.staff.devices import COOKIE
from registry.staff.languages import language_of
from registry.staff.models import Account
from sync.problems import problem_of

log = logging.getLogger(__name__)
_CARRIED = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "wsgi.url_scheme", "HTTP_USER_AGENT")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`saved` · `kept`, for its author to look at, and why · `later`, because this laptop cannot just now."""

    state: Literal["saved", "kept", "later"]
    sentence: str = ""
    conflicted: bool = False


class _Said(BaseStorage):
    """What the page would have told. Only whether it was a warning matters here."""

    warned = False

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, messages: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        return []

    def add(self, level: int, message: str, extra_tags: str | None = "") -> None:
        self.warned = self.warned or level >= WARNING


def replay(came_with: HttpRequest, account: Account, device: str, typed: Typed) -> Outcome:
    """Post a form as its author. `came_with` is the request that brought it, perhaps of somebody else."""
    try:
        match = resolve(typed.address)
    except Resolver404:
        match = None
    if match is None or not may_keep(match.url_name or ""):
        return Outcome("kept", _("This form is not there any more."))
    request = _as_posted(came_with, account, device, typed)
    request.resolver_match = match
    said = _Said(request)
    request._messages = said  # type: ignore[attr-defined]  # where Django's messages look
    with override(language_of(account)):
        try:
            answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except Exception as error:
            return _refused(error)
    if answer.status_code == HTTPStatus.FOUND:
        return Outcome("saved", conflicted=said.warned)
    with override(language_of(account)):
        return Outcome("kept", _("Something in it needs another look."))


def _refused(error: Exception) -> Outcome:
    problem = problem_of(error)
    if isinstance(error, DatabaseError) or (problem is not None and problem.status >= 500):
        return Outcome("later")
    if problem is not None:
        return Outcome("kept", problem.title)
    log.error("a kept form could not be saved: %s", type(error).__name__)
    return Outcome("kept", _("The laptop could not save it."))


def _as_posted(came_with: HttpRequest, account: Account, device: str, typed: Typed) -> HttpRequest:
    """What the browser would have sent, without the session of whoever holds the tablet now."""
    request = HttpRequest()
    request.method, request.path, request.path_info = "POST", typed.address, typed.address
    request.META = {name: came_with.META[name] for name in _CARRIED if name in came_with.META}
    request.META["REQUEST_METHOD"] = "POST"
    request.content_type = "application/x-www-form-urlencoded"
    request.POST = QueryDict(typed.fields)
    request.COOKIES = {COOKIE: device} if device else {}
    request.user = account
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    return request
