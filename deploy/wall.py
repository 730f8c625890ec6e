"""The wall round every answer: who may fetch it, and what its page may use.

Lives here: `Wall`, which refuses what foreign pages make a browser fetch (the browser itself says so, in
`Sec-Fetch-*`), and says of every answer that only our own pages may hold it. Programs send no such words
and are judged by their own proof. Not here: the content policy and cookies (`deploy/settings.py`), forms
(Django's CSRF tokens), who the tablet is (`registry/tablets/gate.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from sync.problems import PROBLEM_JSON, Problem

OURS: Final = frozenset({"same-origin", "none"})  # none: typed, from a bookmark, or from the camera
ONLY_READS: Final = frozenset({"GET", "HEAD"})
FRAMES: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
NO_DOOR: Final = ("/api/", "/sync/")
OWN_USE: Final = ("camera", "geolocation", "fullscreen")
NO_USE: Final = (
    "accelerometer autoplay browsing-topics display-capture encrypted-media gyroscope "
    "hid identity-credentials-get idle-detection local-fonts magnetometer microphone midi otp-credentials "
    "payment picture-in-picture publickey-credentials-create publickey-credentials-get serial "
    "storage-access usb window-management xr-spatial-tracking"
).split()
PERMISSIONS: Final = ", ".join([f"{one}=(self)" for one in OWN_USE] + [f"{one}=()" for one in NO_USE])


class Wall:
    """It stands before the static files, so that they have it too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request) if comes_from_here(request) else _refused()
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


def comes_from_here(request: HttpRequest) -> bool:
    """Whether one of our pages, a person, or a program asks. From elsewhere only a link may lead here."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    dest = request.headers.get("Sec-Fetch-Dest", "")
    if dest in FRAMES:
        return False
    if site in OURS:
        return True
    is_link = request.headers.get("Sec-Fetch-Mode") == "navigate" and dest == "document"
    return is_link and request.method in ONLY_READS and not request.path.startswith(NO_DOOR)


def _refused() -> HttpResponse:
    problem = Problem(
        "foreign-page",
        _("Another page on the web asked for this."),
        detail=_("Nothing was changed. Open Posta itself."),
        status=403,
    )
    return JsonResponse(
        problem.document(),
        status=problem.status,
        content_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store"},
    )
