"""One watcher per web process, however many tablets listen.

Lives here: `Hub`. While somebody listens, one task looks whether anything was committed (a doorbell rung by
this process's own saves makes that immediate; a poll finds what other processes wrote), has each facility's
picture made once, and wakes every listener of it. A listener has no queue that could grow: it is woken, and
compares what it sent with what there is. Knows no clinical word and no Django: what is looked at, and who may
still listen, are given to it. Not here: what a listener sends (`frames.py`), what a picture is
(`clinic/board/shown.py`).
Read next: `tests/clinic/live/test_hub.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

POLL_S: Final = 0.2
SWEEP_S: Final = 15.0
LOOK_AGAIN_S: Final = 30.0
REST_S: Final = 0.03
MOST_PER_KEY: Final = 6
MOST: Final = 400
log = logging.getLogger(__name__)
T = TypeVar("T")


class HubFull(Exception):
    """More streams than this process serves."""


@dataclass(eq=False, slots=True)
class Listener:
    """One stream. `key` is the log-in or token that it stands on, `asks` what a look at its topic must take
    in besides what every look does; `ended` says why it must close.
    """

    topic: Hashable
    key: Hashable
    asks: frozenset[Hashable] = frozenset()
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: str = ""

    def end(self, why: str) -> None:
        self.ended = self.ended or why
        self.wake.set()


@dataclass(eq=False)
class Hub:
    """`version()` is different after every commit; `look(topic, asks)` makes a picture; `living(streams)` are
    those that may still be told, as key and topic. All three run in the hub's own thread, `close()` there at
    the end.
    """

    version: Callable[[], Hashable]
    look: Callable[[Any, frozenset[Any]], Any]
    living: Callable[[Collection[Any]], Collection[Any]]
    close: Callable[[], None] = lambda: None
    poll_s: float = POLL_S
    sweep_s: float = SWEEP_S
    pictures: dict[Hashable, Any] = field(default_factory=dict)
    looks: int = 0
    _taken_in: dict[Hashable, frozenset[Hashable]] = field(default_factory=dict)
    _listeners: list[Listener] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None
    _watching: asyncio.Task[None] | None = None
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _sweep_now: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="live-feed")
    )

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, topic: Hashable, key: Hashable, asks: Iterable[Hashable] = ()) -> Listener:
        """Begin to listen; of too many streams on one log-in the oldest ends (a tablet that fell silent)."""
        if len(self._listeners) >= MOST:
            raise HubFull
        same = [one for one in self._listeners if one.key == key and not one.ended]
        for oldest in same[: max(len(same) - MOST_PER_KEY + 1, 0)]:
            oldest.end("other")
        listener = Listener(topic, key, frozenset(asks))
        self._listeners.append(listener)
        self._ensure_watching()
        if self.picture_for(listener) is None:
            self._bell.set()
        return listener

    def picture_for(self, listener: Listener) -> Any:
        """The last picture of its topic, if that was taken with what this one asks for."""
        taken_in = self._taken_in.get(listener.topic)
        return self.pictures[listener.topic] if taken_in is not None and listener.asks <= taken_in else None

    def leave(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not any(one.topic == listener.topic for one in self._listeners):
            self.pictures.pop(listener.topic, None)
            self._taken_in.pop(listener.topic, None)

    def ring(self, *, log_ins: bool = False) -> None:
        """Something was committed here (with `log_ins`: somebody logged out). From any thread."""
        with self._lock:
            loop = self._loop
            self._sweep_now = self._sweep_now or log_ins
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._bell.set)

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Whatever may block, off the loop and one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _ensure_watching(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._watching is None or self._watching.done():
            self._loop, self._bell = loop, asyncio.Event()
            self._watching = loop.create_task(self._watch(), name="live-feed")

    async def _watch(self) -> None:
        """Until nobody listens. A database that fails for a moment must not end the feed."""
        seen: Hashable = None
        swept = looked = asyncio.get_running_loop().time()
        while self._listeners:
            now = asyncio.get_running_loop().time()
            try:
                if self._sweep_now or now - swept >= self.sweep_s:
                    self._sweep_now, swept = False, now
                    await self._sweep()
                version = await self.in_thread(self.version)
                if version != seen or self._unseen() or now - looked >= LOOK_AGAIN_S:
                    seen, looked = version, now
                    await self._look_around()
            except Exception:
                log.exception("the live feed could not look; it tries again")
                seen = None
                await self.in_thread(self.close)
            await self._rest()
        await self.in_thread(self.close)

    def _unseen(self) -> bool:
        return any(self.picture_for(one) is None for one in self._listeners)

    async def _look_around(self) -> None:
        topics: Iterable[Hashable] = list(dict.fromkeys(one.topic for one in self._listeners))
        for topic in topics:
            asks = frozenset(ask for one in self._listeners if one.topic == topic for ask in one.asks)
            self.pictures[topic] = await self.in_thread(self.look, topic, asks)
            self._taken_in[topic] = asks
            self.looks += 1
        for one in self._listeners:
            one.wake.set()

    async def _sweep(self) -> None:
        streams = {(one.key, one.topic) for one in self._listeners}
        living = await self.in_thread(self.living, streams)
        for one in self._listeners:
            if (one.key, one.topic) in streams and (one.key, one.topic) not in living:
                one.end("login")

    async def _rest(self) -> None:
        """Until the bell or the next poll; never twice within a few milliseconds."""
        await asyncio.sleep(REST_S)
        try:
            async with asyncio.timeout(self.poll_s):
                await self._bell.wait()
        except TimeoutError:
            return
        self._bell.clear()
