"""A browser whose laptop is this very test: every request goes to Django's test client.

Lives here: `tablet_of`, a page of Chromium that somebody is logged in on, and `camera_film`, what a fake
camera sees. Not here: what is tried on it (`test_tablet.py`); nodes as real processes (`tests/browser`).
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from pathlib import Path
from typing import Final

import segno
from django.contrib.staticfiles import finders
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from playwright.sync_api import Browser, Page, Route

HOST: Final = "https://clinic.local"
EDGE: Final = 480
KEPT: Final = ("content-type", "content-security-policy", "permissions-policy", "hx-redirect", "location")


@contextmanager
def tablet_of(
    browser: Browser,
    client: Client,
    *,
    size: tuple[int, int] = (360, 800),
    language: str = "en",
    dark: bool = False,
) -> Iterator[Page]:
    """A page whose every request is answered by the test client; its console must stay quiet."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        service_workers="block",  # theirs is tried in tests/clinic/tablet
        extra_http_headers={"Accept-Language": language},
    )
    wrong: list[str] = []
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    here = copy_context()  # the callbacks run in another one, where neither node nor database is this test's
    page.route("**/*", lambda route: _answer(route, client, language, here))
    try:
        yield page
    finally:
        context.close()
    serious = [text for text in wrong if not text.startswith("Failed to load resource")]
    assert serious == [], serious


def _answer(route: Route, client: Client, language: str, here: Context) -> None:
    request = route.request
    path = request.url.removeprefix(HOST)
    if path.startswith("/static/"):
        file = Path(str(finders.find(path.removeprefix("/static/").partition("?")[0])))
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file)[0])
        return
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.startswith(("hx-", "x-csrf")) or name == "referer"
    }
    kind = request.headers.get("content-type", "application/octet-stream")
    answer = here.copy().run(
        client.generic,
        request.method,
        path,
        request.post_data_buffer or b"",
        content_type=kind,
        secure=True,
        headers={**headers, "Accept-Language": language, "Host": "clinic.local"},
    )
    while answer.status_code in {301, 302} and not request.headers.get("hx-request"):
        answer = here.copy().run(
            client.get, answer["Location"], secure=True, headers={"Accept-Language": language}
        )
    sent: HttpResponseBase = answer  # what a client gives is not always the `HttpResponse` of its annotation
    if isinstance(sent, StreamingHttpResponse) and sent.is_async:
        route.abort()  # a live feed, which never ends
        return
    body = answer.getvalue()
    told = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    route.fulfill(status=answer.status_code, headers=told, body=body)


def camera_film(text: str, file: Path) -> Path:
    """A film in which somebody holds a QR code in front of the camera, as Chromium's fake camera takes it."""
    modules = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]
    scale = EDGE * 3 // 4 // len(modules)
    start = (EDGE - scale * len(modules)) // 2
    grey = bytearray(b"\xb0" * EDGE * EDGE)
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            for line in range(scale):
                at = (start + y * scale + line) * EDGE + start + x * scale
                grey[at : at + scale] = (b"\x20" if dark else b"\xe8") * scale
    colour = b"\x80" * (EDGE * EDGE // 2)
    frame = b"FRAME\n" + bytes(grey) + colour
    file.write_bytes(f"YUV4MPEG2 W{EDGE} H{EDGE} F10:1 Ip A1:1 C420\n".encode() + frame * 3)
    return file
