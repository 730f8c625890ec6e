"""One browser tab for many drawn pages: quick, because the browser may keep the static files between them.

Lives here: a small server on a free port with the drawn pages and static files, and `Screen`, which opens
them and notes what the page's own policy refused. Not here: the pages.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from playwright.sync_api import Page as Tab

PHONE: Final = (360, 800)
TABLET: Final = (800, 1280)
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; form-action 'self'"
)
OPEN_ALL: Final = "() => document.querySelectorAll('details:not(.menu)').forEach(one => { one.open = true })"


@dataclass
class Served:
    """The pages that the server hands out: their HTML and their policy, by path."""

    port: int = 0
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, served: Served, *more: object) -> None:
        self.served = served
        super().__init__(*more)  # type: ignore[arg-type]  # what the server passes on

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.served.pages:
            html, policy = self.served.pages[path]
            policed = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
            return self._send(html.encode(), "text/html; charset=utf-8", policed)
        found = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        if not found:
            return self._send(b"", "text/plain", {}, 404)
        file = Path(str(found))
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        return self._send(file.read_bytes(), kind, {"Cache-Control": "max-age=600"})

    def _send(self, body: bytes, kind: str, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A test that fails says enough."""


@contextmanager
def serve_pages() -> Iterator[Served]:
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, served))
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Screen:
    """A tab that shows one drawn page at a time."""

    served: Served
    tab: Tab
    refused: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.tab.on(
            "console",
            lambda said: self.refused.append(said.text) if "Content Security Policy" in said.text else None,
        )
        self.tab.on("pageerror", lambda error: self.refused.append(str(error)))

    def show(self, html: str, size: tuple[int, int] = TABLET, policy: str = POLICY) -> Tab:
        self.served.pages["/page/"] = (html, policy)
        self.tab.set_viewport_size({"width": size[0], "height": size[1]})
        self.tab.goto(f"http://127.0.0.1:{self.served.port}/page/")
        return self.tab
