"""What every answer of a node must carry, whichever room made it.

Lives here: `Compress`, `NoStore` and `Problems` (a refusal raised in any page becomes a page that says what
is safe). Content security policy, sessions and CSRF come from their own packages (`deploy/settings.py`); what
the API and other nodes are told is made where they are answered.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from sync.problems import problem_of

WORDS: Final = frozenset(
    {
        "text/html",
        "text/css",
        "text/csv",
        "text/javascript",
        "application/javascript",
        "application/json",
        "application/problem+json",
        "image/svg+xml",
    }
)
FOR_PROGRAMS: Final = ("/api/", "/sync/v1/")


class Compress(GZipMiddleware):
    """Words travel compressed: a page of 40 kB is 8 kB on the clinic's Wi-Fi. What is told live must not wait
    for the next word, and what nodes tell each other is compressed and signed already.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        whole = response.status_code != HTTPStatus.PARTIAL_CONTENT
        if kind not in WORDS or not whole or request.path.startswith("/sync/v1/"):
            return response
        return super().process_response(request, response)


class NoStore:
    """Most pages show a patient: keep them off the tablet's disk unless a view chose otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class Problems:
    """Whatever cannot be done is said on a page of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        # Django has pages of its own for these two.
        if request.path.startswith(FOR_PROGRAMS) or isinstance(error, (Http404, PermissionDenied)):
            return None
        problem = problem_of(error)
        if problem is None:
            return None
        told = {
            "status": problem.status,
            "title": problem.title,
            "detail": problem.detail,
            "safe": _("This was not saved. What was saved before is safe.")
            if request.method == "POST"
            else "",
        }
        context = {"problem": told, "back_url": _where_from(request)}
        return render(request, "problem.html", context, status=problem.status)


def _where_from(request: HttpRequest) -> str:
    """The page of ours that a form stood on."""
    page_before = request.headers.get("Referer", "") if request.method == "POST" else ""
    ours = url_has_allowed_host_and_scheme(
        page_before, {request.get_host()}, require_https=request.is_secure()
    )
    return page_before if ours else ""
