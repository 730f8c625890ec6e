"""The addresses that an unknown tablet may open: letting itself in, and showing its key.

Lives here: the page where a tablet takes a code and a name, what its script posts, and the challenge that
it answers later, many times a day, without anybody noticing; and where browsers report what they refused.
Not here: the coordinator's pages
(`clinic/tablet/fleet.py`), who is led here (`gate.py`).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from registry.tablets.blocking import MOST_BYTES as MOST_REPORT_BYTES
from registry.tablets.blocking import note_blocked
from registry.tablets.gate import for_strangers
from registry.tablets.policy import LONGEST_LABEL
from registry.tablets.proofs import new_challenge, origin_of, point_in
from registry.tablets.selectors import COOKIE
from registry.tablets.services import Known, Signed, enrol, prove
from sync.node import current_node
from sync.problems import PROBLEM_JSON, Problem

KEPT_FOR = 400 * 24 * 3600  # the longest that browsers keep a cookie
MOST_BYTES = 4096


class Answer(msgspec.Struct):
    """A challenge, answered with the tablet's key."""

    challenge: str
    signature: str
    key_id: str = ""


class Newcomer(Answer):
    """The same from a tablet that is not known yet."""

    code: str = ""
    label: str = ""
    public: str = ""


Posted = TypeVar("Posted", bound=Answer)


@for_strangers
@csrf_exempt  # a code or a signature says who asks; cookies say nothing here
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """The page of a tablet that wants to come in, and what its script posts."""
    if current_node().is_central:
        raise Http404
    if request.method != "POST":
        return render(request, "tablets/join.html", {"longest": LONGEST_LABEL})
    try:
        said = _posted(request, Newcomer)
        public = point_in(said.public)
        if public is None:
            raise _not_understood()
        known = enrol(code=said.code, label=said.label, public=public, signed=_signed(request, said))
    except Problem as problem:
        return _said(problem)
    logout(request)  # whoever was logged in before does it again, on a known tablet
    return _with_cookie(JsonResponse({"label": known.tablet.label}), known)


@for_strangers
@csrf_exempt  # the signature says who asks
@require_http_methods(["GET", "HEAD", "POST"])
def proof(request: HttpRequest) -> HttpResponse:
    """Something to sign, and the cookie for having signed it."""
    if current_node().is_central:
        raise Http404
    if request.method != "POST":
        return JsonResponse({"challenge": new_challenge()})
    try:
        said = _posted(request, Answer)
        known = prove(
            key_id=said.key_id, signed=_signed(request, said), came_with=request.COOKIES.get(COOKIE, "")
        )
    except Problem as problem:
        return _said(problem)
    return _with_cookie(HttpResponse(status=204), known)


@for_strangers
@csrf_exempt  # browsers send it by themselves, and it only counts
@require_POST
def blocked(request: HttpRequest) -> HttpResponse:
    """What a browser refused to run. The answer is the same whatever it says."""
    note_blocked(request.read(MOST_REPORT_BYTES + 1))
    return HttpResponse(status=204)


def _posted(request: HttpRequest, shape: type[Posted]) -> Posted:
    try:
        if len(request.body) > MOST_BYTES:
            raise _not_understood()
        return msgspec.json.decode(request.body, type=shape)
    except (msgspec.MsgspecError, ValueError):
        raise _not_understood() from None


def _not_understood() -> Problem:
    return Problem("invalid", _("This was not understood. Open the page again."))


def _signed(request: HttpRequest, said: Answer) -> Signed:
    return Signed(said.challenge, said.signature, origin_of(request))


def _said(problem: Problem) -> HttpResponse:
    return JsonResponse(problem.document(), status=problem.status, content_type=PROBLEM_JSON)


def _with_cookie(response: HttpResponse, known: Known) -> HttpResponse:
    response.set_cookie(COOKIE, known.cookie, max_age=KEPT_FOR, secure=True, httponly=True, samesite="Strict")
    return response
