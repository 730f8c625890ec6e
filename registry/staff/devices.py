"""Which tablet a request comes from.

Lives here: a random id in a cookie that a browser keeps, so that every change names the device it was written
on. It is a label, not a proof: enrolled tablets with keys are another matter. Programs may send
`Posta-Device` instead.
Read next: `selectors.py` (`author_of`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

COOKIE: Final = "posta-device"
HEADER: Final = "Posta-Device"
KEPT_FOR: Final = 400 * 24 * 3600  # the longest that browsers keep a cookie
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def new_device() -> str:
    return f"tablet-{secrets.token_hex(3)}"


def device_of(request: HttpRequest) -> str:
    """The device of a request: the API's header, else the browser's cookie; empty where there is neither."""
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
