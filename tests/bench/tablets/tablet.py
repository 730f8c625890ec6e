"""One simulated tablet: a browser's log-in, pages and forms over HTTP/2, and the live feed beside them.

Lives here: `Tablet`. As a browser does, it opens a new stream for every page that it shows, posts forms with
the token and the save id that the page carried, and follows redirects. Not here: what it does all day
(`day.py`).
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

import httpx

from tests.bench.tablets.figures import Figures

PATIENCE_S = 30.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_PART = re.compile(r'data-live-part="([^"]+)"(?: data-live-digest="([^"]*)")?')


class Seer(Protocol):
    """Whoever is told what a tablet shows."""

    def looked(self, page: str) -> None: ...

    def __call__(self, part: str, html: str) -> None: ...


class Tablet:
    """One person at work. `seen(part, html)` is told what the feed brings; `brought` has the last of each."""

    def __init__(self, client: httpx.AsyncClient, figures: Figures, seen: Seer) -> None:
        self.client, self.figures, self.seen = client, figures, seen
        self.token = ""
        self.brought: dict[str, str] = {}
        self.fresh = asyncio.Event()
        self._stream: asyncio.Task[None] | None = None

    async def log_in(self, username: str, password: str) -> None:
        page = await self._measured("log-in page", self.client.get("/account/login/"))
        self._learn(page.text)
        said = {"login": username, "password": password, "csrfmiddlewaretoken": self.token}
        answer = await self._measured("log in", self.client.post("/account/login/", data=said))
        if answer.status_code != 302:
            raise SystemExit(f"{username} could not log in: {answer.status_code}")

    async def show(self, action: str, path: str, *, listen: bool = True) -> str:
        """A page, as it is shown: its parts are listened to from now on."""
        answer = await self._measured(action, self.client.get(path, follow_redirects=True))
        if answer.status_code != 200:
            self.figures.errors[f"{action}: {answer.status_code}"] += 1
        self._learn(answer.text)
        if listen:
            await self.listen(answer.text)
        return answer.text

    async def post(self, action: str, path: str, said: Mapping[str, Any]) -> httpx.Response:
        """A form, sent; the redirect is left to whoever shows the next page."""
        form = {"csrfmiddlewaretoken": self.token, "save_id": str(uuid4()), **said}
        answer = await self._measured(action, self.client.post(path, data=form))
        if answer.status_code not in (200, 302):
            self.figures.errors[f"{action}: {answer.status_code}"] += 1
        return answer

    async def call(self, action: str, path: str, said: Mapping[str, Any]) -> httpx.Response:
        """The same as a program says it."""
        headers = {"X-CSRFToken": self.token, "Idempotency-Key": str(uuid4())}
        answer = await self._measured(action, self.client.post(path, json=dict(said), headers=headers))
        if answer.status_code not in (200, 201):
            self.figures.errors[f"{action}: {answer.status_code}"] += 1
        return answer

    async def listen(self, page: str) -> None:
        """A stream for the parts of a page, instead of the last one."""
        await self.silence()
        self.brought.clear()
        self.seen.looked(page)
        found = _PART.findall(page)
        if found:
            names, have = [name for name, _digest in found], [digest or "-" for _name, digest in found]
            self._stream = asyncio.create_task(self._read(names, have))

    async def silence(self) -> None:
        """No stream any more."""
        if self._stream is not None:
            self._stream.cancel()
            with suppress(asyncio.CancelledError):
                await self._stream
            self._stream = None

    async def _read(self, names: list[str], have: list[str]) -> None:
        asked = {"parts": ",".join(names), "have": ".".join(have)}
        self.figures.streams += 1
        try:
            limits = httpx.Timeout(PATIENCE_S)
            async with self.client.stream("GET", "/board/live/", params=asked, timeout=limits) as answer:
                if answer.status_code != 200:
                    self.figures.errors[f"stream: {answer.status_code}"] += 1
                    return
                async for line in answer.aiter_lines():
                    self._hear(line)
        except httpx.HTTPError as error:
            self.figures.errors[f"stream: {type(error).__name__}"] += 1

    def _hear(self, line: str) -> None:
        self.figures.stream_bytes += len(line)
        if not line.startswith("data: {") or line == "data: {}":
            return
        self.figures.events += 1
        for name, part in json.loads(line.removeprefix("data: ")).items():
            self.brought[name] = part["html"]
            self.seen(name, part["html"])
        self.fresh.set()

    async def _measured(self, action: str, asked: Awaitable[httpx.Response]) -> httpx.Response:
        began = time.perf_counter()
        try:
            answer = await asked
        except httpx.HTTPError as error:
            self.figures.errors[f"{action}: {type(error).__name__}"] += 1
            return httpx.Response(599)
        self.figures.add(action, (time.perf_counter() - began) * 1000, len(answer.content))
        return answer

    def _learn(self, page: str) -> None:
        found = _TOKEN.search(page)
        if found:
            self.token = html.unescape(found.group(1))
