"""The server's door: one HTTPS port, pages through WSGI threads (half the CPU per page), live streams through
ASGI. What hashes a password has threads of its own: thirty people who log in at seven wait for each other,
and nobody else waits for them.

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
# Two hash at once (`registry/staff/verifiers.py`); the others may wait for central's word meanwhile.
LOG_IN_THREADS = 8
pages: Any = WSGIMiddleware(pages_application, workers=THREADS)  # type: ignore[arg-type]  # two spellings of WSGI
log_ins: Any = WSGIMiddleware(pages_application, workers=LOG_IN_THREADS)  # type: ignore[arg-type]  # the same
# Where a password, a PIN or a code is posted; the last is central's door for the log-ins of its clinics.
HASHING = ("/account/", "/me/p", "/switch/", "/staff/", "/team/add/", "/sync/v1/log-in")
QUICK = ("/account/logout/", "/switch/", "/switch/touched/")


def hashes(scope: dict[str, Any]) -> bool:
    """Whether this request may spend a long time on a password."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith(HASHING) and path not in QUICK


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
        await (log_ins if hashes(scope) else pages)(scope, asked, answered)
    else:
        await streams(scope, receive, send)
