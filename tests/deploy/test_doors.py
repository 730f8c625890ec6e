"""The web server's door: which requests go through threads and which stay open as streams."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy import asgi


def got(path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        door: Any = asgi.application
        transport = httpx.ASGITransport(door)
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            return await client.get(path)

    with ThreadPoolExecutor(1) as own:  # the browser of an earlier test keeps a loop in this thread
        return own.submit(lambda: asyncio.run(ask())).result()


@pytest.mark.parametrize(
    ("path", "door"),
    [("/", "pages"), ("/api/v1/board/", "pages"), ("/api/v1/board/live/", "streams"), ("/live/x", "pages")],
)
def test_only_streams_hold_no_thread(monkeypatch: pytest.MonkeyPatch, path: str, door: str) -> None:
    came_through: list[str] = []

    def doorman(name: str) -> Any:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            came_through.append(name)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        return answer

    monkeypatch.setattr(asgi, "pages", doorman("pages"))
    monkeypatch.setattr(asgi, "streams", doorman("streams"))
    assert got(path).status_code == 204
    assert came_through == [door]


def test_what_hashes_a_password_keeps_no_page_waiting() -> None:
    posted = {
        "/account/login/": True,
        "/me/password/": True,
        "/me/pin/": True,
        f"/switch/{uuid4()}/": True,
        "/sync/v1/log-in": True,
        "/switch/touched/": False,
        "/account/logout/": False,
        "/sync/v1/changes": False,
        "/register/": False,
    }
    assert {path: asgi.hashes({"method": "POST", "path": path}) for path in posted} == posted
    assert not asgi.hashes({"method": "GET", "path": "/account/login/"})
    assert asgi.log_ins.executor is not asgi.pages.executor


def test_a_page_comes_through_whole() -> None:
    answer = got("/api/v1/schema/?format=json")
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "Posta"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.once
@pytest.mark.django_db(transaction=True)  # its pages run in threads of their own
def test_a_stream_address_reaches_django_too() -> None:
    assert got("/no-such/live/").status_code == 404


def test_cookies_in_lines_of_their_own_arrive_together() -> None:
    """As every browser sends them over HTTP/2; otherwise nobody could log in."""
    lines = [(b"host", b"localhost"), (b"cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2")]
    joined = asgi.with_one_cookie_line(lines)
    assert joined == [(b"host", b"localhost"), (b"accept", b"*/*"), (b"cookie", b"a=1; b=2")]
    assert asgi.with_one_cookie_line(lines[:2]) == lines[:2]
