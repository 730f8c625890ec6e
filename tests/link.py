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
A_REQUEST: Final = 3_000  # bytes up: more than handshakes and a bare hello, so changes are among them
AN_ANSWER: Final = 200  # bytes down with none up between: more than acknowledgements of frames
Outage = Literal["reset", "hole"]


@dataclass
class Passed:
    """Bytes of one direction, of all connections."""

    taken: int = 0  # they left their sender, and may have been thrown away on the way
    arrived: int = 0
    charged: int = 0  # as taken, with a header for every segment: what the rate was charged for


@dataclass
class Counters:
    """What passed, and what went wrong on purpose."""

    up: Passed = field(default_factory=Passed)
    down: Passed = field(default_factory=Passed)
    connections: int = 0
    outages: int = 0  # those that hit a connection in use
    lost_answers: int = 0

    @property
    def taken(self) -> int:
        return self.up.taken + self.down.taken

    @property
    def charged(self) -> int:
        return self.up.charged + self.down.charged


class _AnswerLost(Exception):
    """The server has answered, and nobody will hear it."""


@dataclass
class _Lane:
    """One direction of one connection: bytes wait here until the rate and the delay let them through."""

    source: socket.socket
    target: socket.socket
    is_up: bool
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    ended: bool = False
    closed: bool = False


@dataclass
class _Pair:
    """A connection through the link."""

    client: socket.socket
    server: socket.socket
    up: _Lane
    down: _Lane
    opens_at: float
    holed: bool = False
    asked: int = 0  # bytes that reached the server
    answered: int = 0  # bytes that came back since the last of those


@dataclass
class ThinLink:
    """Use as a context manager; connect to `127.0.0.1:link.port`.

    `kbit` per second in each direction (0 = unlimited); `rtt_ms` half of it each way; up for `up_s` then away
    for `away_s`, again and again, from the first connection on (`first_up_s`: the first time is only as
    long as that). In an outage connections are reset, or (`hole`) swallowed: the client hears nothing ever
    again. `lose_answers` does so to that many connections when the answer to changes begins to come back: the
    server has done what it was asked, and the client does not learn of it. It takes a rate to tell such an
    answer from the end of a handshake.
    """

    target: tuple[str, int]
    kbit: float = 0
    rtt_ms: float = 0
    up_s: float = 0
    first_up_s: float = 0
    away_s: float = 2
    outage: Outage = "reset"
    lose_answers: int = 0
    counters: Counters = field(default_factory=Counters)
    port: int = 0

    def __enter__(self) -> ThinLink:
        if self.lose_answers and not self.kbit:
            raise ValueError("Without a rate an answer cannot be told from a handshake.")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._pairs: list[_Pair] = []
        self._free = {True: 0.0, False: 0.0}
        self._stop = threading.Event()
        self._began: float | None = None
        self._was_away = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for pair in list(self._pairs):
            self._drop(pair)
        self._listener.close()

    # --- the clock ---

    def _away(self, now: float) -> bool:
        if not self.up_s or self._began is None:
            return False
        into = now - self._began + (self.up_s - self.first_up_s if self.first_up_s else 0)
        return into % (self.up_s + self.away_s) >= self.up_s

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
        hit = [pair for pair in self._pairs if not (pair.holed or pair.up.ended)]
        self.counters.outages += bool(hit)
        for pair in hit:
            self._lose(pair)
        self._free = {True: 0.0, False: 0.0}

    def _lose(self, pair: _Pair) -> None:
        if self.outage == "hole":
            pair.holed = True
            self._abort(pair.server)
        else:
            self._drop(pair)

    # --- connections ---

    def _accept(self, away: bool) -> bool:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return False
        if self._began is None:
            self._began = time.monotonic()
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
            busy = self._deliver(pair, pair.up, now) or busy
            busy = self._deliver(pair, pair.down, now) or busy
        except _AnswerLost:
            self._lose(pair)
            return True
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
        self._passed(lane).taken += len(chunk)
        if not lane.is_up:
            self._perhaps_lose(pair, len(chunk))
        lane.waiting.append((self._due(lane, len(chunk), now), chunk))
        return True

    def _perhaps_lose(self, pair: _Pair, size: int) -> None:
        pair.answered += size
        if self.lose_answers and pair.asked >= A_REQUEST and pair.answered >= AN_ANSWER:
            self.lose_answers -= 1
            self.counters.lost_answers += 1
            raise _AnswerLost

    def _passed(self, lane: _Lane) -> Passed:
        return self.counters.up if lane.is_up else self.counters.down

    def _due(self, lane: _Lane, size: int, now: float) -> float:
        charged = size + SEGMENT_HEADER if size else 0
        self._passed(lane).charged += charged
        if self.kbit and size:
            cost = charged / (self.kbit * 125)
            self._free[lane.is_up] = max(self._free[lane.is_up], now - 0.005) + cost
            now = self._free[lane.is_up]
        return now + self.rtt_ms / 2000

    def _deliver(self, pair: _Pair, lane: _Lane, now: float) -> bool:
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
            self._passed(lane).arrived += sent
            if lane.is_up:
                pair.asked, pair.answered = pair.asked + sent, 0
            moved = True
        return moved


__all__ = ["Counters", "Outage", "Passed", "ThinLink"]
