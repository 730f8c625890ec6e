"""The server's door: one HTTPS port, pages through WSGI threads (half the CPU per page), live streams through
ASGI.

Not here: TLS and the server process (`deploy/supervisor.py` starts it).
"""

import os
from collections.abc import Iterable
from typing import Any

from a2wsgi import WSGIMiddleware
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")

streams: Any = get_asgi_application()

from deploy.wsgi import application as pages_application  # noqa: E402  Django is set up by now

THREADS = 16
pages: Any = WSGIMiddleware(pages_application, workers=THREADS)  # type: ignore[arg-type]  # two spellings of WSGI


def with_one_cookie_line(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Browsers send each cookie in a line of its own over HTTP/2 (RFC 9113, 8.2.3); the gateways know one."""
    lines = list(headers)
    cookies = [value for name, value in lines if name == b"cookie"]
    if len(cookies) < 2:
        return lines
    return [*((name, value) for name, value in lines if name != b"cookie"), (b"cookie", b"; ".join(cookies))]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send a request to the cheaper or to the patient side."""

    # granian answers with futures; a2wsgi hands what it gets to another thread and needs coroutines.
    async def asked() -> Any:
        return await receive()

    async def answered(message: Any) -> None:
        await send(message)

    if scope["type"] == "http":
        scope = {**scope, "headers": with_one_cookie_line(scope["headers"])}
    if scope["type"] == "http" and not scope["path"].endswith("/live/"):
        await pages(scope, asked, answered)
    else:
        await streams(scope, receive, send)
