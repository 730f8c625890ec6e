"""Rings after every save of this process, so that nobody waits for the next poll.

Lives here: the middleware. A save has committed by the time its answer is made. Not here: what is done about
it (`hub.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from clinic.live.admission import hub

QUIET = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Doorbell:
    """Tell the live feed that something may have been saved, or that a log-in has ended."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in QUIET:
            return self.get_response(request)
        before = request.session.session_key
        response = self.get_response(request)
        hub().ring(log_ins=before is not None and request.session.session_key != before)
        return response
