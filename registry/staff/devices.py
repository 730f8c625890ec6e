"""Which tablet a request comes from.

Lives here: the device that every change names. An enrolled tablet has its own (`registry/tablets`); any other
browser keeps a random id in a cookie, which is a label and no proof; programs may send `Posta-Device`.
Read next: `selectors.py` (`author_of`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from registry.tablets.selectors import sighting_of

COOKIE: Final = f"__Host-posta_device_{settings.POSTA_PORT}"
HEADER: Final = "Posta-Device"
KEPT_FOR: Final = 400 * 24 * 3600  # the longest that browsers keep a cookie
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def new_device() -> str:
    return f"tablet-{secrets.token_hex(3)}"


def device_of(request: HttpRequest) -> str:
    """The device of a request: the enrolled tablet, else the API's header, else the browser's cookie; empty
    where there is none of them.
    """
    seen = sighting_of(request)
    if seen is not None:
        return seen.tablet.device
    for text in (request.headers.get(HEADER, ""), request.COOKIES.get(COOKIE, "")):
        if _DEVICE.fullmatch(text):
            return text
    return ""


class Devices:
    """Give every browser that opens a page a device id of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        fresh = "" if device_of(request) or "Authorization" in request.headers else new_device()
        if fresh:
            request.COOKIES[COOKIE] = fresh
        response = self.get_response(request)
        if fresh:
            response.set_cookie(
                COOKIE, fresh, max_age=KEPT_FOR, secure=True, httponly=True, samesite="Strict"
            )
        return response
