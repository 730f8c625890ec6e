"""A thin, unreliable link on this machine: a TCP relay in a thread, for tests and benchmarks.

Lives here: `ThinLink`, which carries bytes between a local port and a target at a rate, with a delay, with
outages on a clock, and which can lose an answer on purpose. It counts what passed in each direction, so a
benchmark can say how many bytes a sync really took (TLS, headers and all). Not here: the in-process world's
link (`tests/world.py`).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

SEGMENT: Final = 1_400
SEGMENT_HEADER: Final = 40
RESET: Final = struct.pack("ii", 1, 0)
TICK: Final = 0.004
Outage = Literal["reset", "hole"]


@dataclass
class Counters:
    """Bytes handed over, and what went wrong on purpose."""

    up: int = 0
    down: int = 0
    carried: int = 0  # both ways, with a header for every segment: what the rate was charged for
    connections: int = 0
    outages: int = 0
    lost_answers: int = 0


@dataclass
class _Lane:
    """One direction of one connection: bytes wait here until the rate and the delay let them through."""

    source: socket.socket
    target: socket.socket
    is_up: bool
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    ended: bool = False
    closed: bool = False

    @property
    def backlog(self) -> int:
        return sum(len(chunk) for _due, chunk in self.waiting)


@dataclass
class _Pair:
    """A connection through the link."""

    client: socket.socket
    server: socket.socket
    up: _Lane
    down: _Lane
    opens_at: float
    holed: bool = False
    asked: bool = False


@dataclass
class ThinLink:
    """Use as a context manager; connect to `127.0.0.1:link.port`.

    `kbit` per second in each direction (0 = unlimited); `rtt_ms` half of it each way; up for `up_s` then away
    for `away_s`, again and again. In an outage connections are reset, or (`hole`) swallowed: the client hears
    nothing ever again. `lose_answers` cuts that many connections at the moment when an answer starts to come
    back.
    """

    target: tuple[str, int]
    kbit: float = 0
    rtt_ms: float = 0
    up_s: float = 0
    away_s: float = 2
    outage: Outage = "reset"
    lose_answers: int = 0
    counters: Counters = field(default_factory=Counters)
    port: int = 0

    def __enter__(self) -> ThinLink:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._pairs: list[_Pair] = []
        self._free = {True: 0.0, False: 0.0}
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._was_away = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for pair in self._pairs:
            self._drop(pair)
        self._listener.close()

    # --- the clock ---

    def _away(self, now: float) -> bool:
        if not self.up_s:
            return False
        return (now - self._began) % (self.up_s + self.away_s) >= self.up_s

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            away = self._away(now)
            if away and not self._was_away:
                self._begin_outage()
            self._was_away = away
            busy = self._accept(away)
            if not away:
                for pair in list(self._pairs):
                    busy = self._carry(pair, now) or busy
            if not busy:
                time.sleep(TICK)

    def _begin_outage(self) -> None:
        self.counters.outages += 1
        for pair in list(self._pairs):
            if self.outage == "hole":
                pair.holed = True
                self._abort(pair.server)
            else:
                self._drop(pair)
        self._free = {True: 0.0, False: 0.0}

    # --- connections ---

    def _accept(self, away: bool) -> bool:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return False
        if away and self.outage == "reset":
            self._abort(client)
            return True
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)
        server = socket.create_connection(self.target, 5)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.setblocking(False)
        self.counters.connections += 1
        opens = time.monotonic() + self.rtt_ms / 1000
        pair = _Pair(client, server, _Lane(client, server, True), _Lane(server, client, False), opens)
        self._pairs.append(pair)
        return True

    @staticmethod
    def _abort(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.close()

    def _drop(self, pair: _Pair) -> None:
        self._abort(pair.client)
        self._abort(pair.server)
        if pair in self._pairs:
            self._pairs.remove(pair)

    # --- bytes ---

    def _carry(self, pair: _Pair, now: float) -> bool:
        if pair.holed or now < pair.opens_at:
            return False
        try:
            busy = self._take(pair, pair.up, now)
            busy = self._take(pair, pair.down, now) or busy
            busy = self._deliver(pair.up, now) or busy
            busy = self._deliver(pair.down, now) or busy
        except OSError:
            self._drop(pair)
            return True
        if pair.up.closed and pair.down.closed:
            self._drop(pair)
        return busy

    def _take(self, pair: _Pair, lane: _Lane, now: float) -> bool:
        """Read what the rate has room for; a slow link pushes back on the sender."""
        if lane.ended or (self.kbit and (self._free[lane.is_up] > now + 0.02)):
            return False
        try:
            chunk = lane.source.recv(SEGMENT if self.kbit else 65_536)
        except BlockingIOError:
            return False
        if not chunk:
            lane.ended = True
        if chunk and lane.is_up:
            pair.asked = True
        elif chunk and pair.asked:
            pair.asked = False
            if self.lose_answers:
                self.lose_answers -= 1
                self.counters.lost_answers += 1
                raise OSError("the answer is lost")
        lane.waiting.append((self._due(lane.is_up, len(chunk), now), chunk))
        return True

    def _due(self, is_up: bool, size: int, now: float) -> float:
        self.counters.carried += size + SEGMENT_HEADER if size else 0
        if self.kbit and size:
            cost = (size + SEGMENT_HEADER) / (self.kbit * 125)
            self._free[is_up] = max(self._free[is_up], now - 0.005) + cost
            now = self._free[is_up]
        return now + self.rtt_ms / 2000

    def _deliver(self, lane: _Lane, now: float) -> bool:
        moved = False
        while lane.waiting and lane.waiting[0][0] <= now and not lane.closed:
            due, chunk = lane.waiting.popleft()
            if not chunk:
                lane.target.shutdown(socket.SHUT_WR)
                lane.closed = True
                return True
            try:
                sent = lane.target.send(chunk)
            except BlockingIOError:
                lane.waiting.appendleft((due, chunk))
                return moved
            if sent < len(chunk):
                lane.waiting.appendleft((due, chunk[sent:]))
            if lane.is_up:
                self.counters.up += sent
            else:
                self.counters.down += sent
            moved = True
        return moved


__all__ = ["Counters", "Outage", "ThinLink"]
