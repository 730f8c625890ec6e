"""The clinic's side of the wire: signed requests over one HTTP/2 connection, and what their failures mean.

Lives here: `Carrier` (the seam that tests replace), `HttpCarrier`, and `Session` – one run's signed
conversation with central. Not here: what is said (`sync/upload.py`, `sync/download.py`). TLS is checked
against the CA pinned when the clinic joined.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol
from uuid import UUID

import httpx
import msgspec

from sync.carriers.server import MSGPACK, PROVEN_INSIDE, Reply
from sync.carriers.signing import REPLY_HEADER, Wire, is_reply, sign
from sync.node import current_node
from sync.problems import PROBLEM_JSON
from sync.vault.keys import Pinned, node_key, receipt_keys

CONNECT_SECONDS: Final = 10.0
NOT_CENTRAL: Final = "Something answered, but it is not central."
IDLE_SECONDS: Final = 12.0
# Room for what is in flight: a writer that waits for a full buffer holds up whoever reads the answers.
BUFFER: Final = (socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
HELLO_NONCE: Final = "hello"
HELLO_CREATED_MS: Final = 1_577_836_800_000  # before hello nobody's clock is to be trusted: 2020-01-01
Then = Callable[[], None]


class LinkBroke(Exception):
    """No whole answer came back: nothing is known of what central did."""


class Refused(Exception):
    """Central refused; `code` and `extra` are those of its problem document."""

    def __init__(self, status: int, code: str, title: str, extra: dict[str, object]) -> None:
        super().__init__(f"{code}: {title}")
        self.status, self.code, self.title, self.extra = status, code, title, extra


class Carrier(Protocol):
    """Takes a signed request to central and brings the answer, or raises `LinkBroke`. `then` is called when
    the request is on its way, before the answer.
    """

    def send(self, wire: Wire, *, patience: float, then: Then | None = None) -> Reply: ...

    def close(self) -> None: ...


class _Queue:
    """Who is sending, and whose answer comes last."""

    def __init__(self) -> None:
        self.sending = threading.Lock()
        self.last = threading.Event()
        self.last.set()


class _Turn:
    """Requests leave whole, and their answers are read, one after the other.

    Two bodies that share a thin link would both arrive at the end, and nothing would travel while both
    answers come back. Two threads that read from one connection starve each other: an answer would wait for
    the one behind it.
    """

    def __init__(self, queue: _Queue, then: Then | None) -> None:
        self._queue, self._then, self._sending = queue, then, False
        self._done = threading.Event()

    def __enter__(self) -> _Turn:
        self._queue.sending.acquire()
        self._sending = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._sent()

    def hear(self, event: str, _about: dict[str, Any]) -> None:
        """httpcore tells what it is doing."""
        if event.endswith("send_request_body.complete") and self._sending:
            before, self._queue.last = self._queue.last, self._done
            self._sent()
            if self._then is not None:
                self._then()
            before.wait()

    def _sent(self) -> None:
        if self._sending:
            self._sending = False
            self._queue.sending.release()


class HttpCarrier:
    """HTTPS to central. A dead connection is dropped and the next request opens a new one."""

    def __init__(self, url: str, ca_file: str, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._context = ssl.create_default_context(cafile=ca_file or None)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._connect = connect_seconds
        self._client: httpx.Client | None = None
        self._opening, self._queue = threading.Lock(), _Queue()

    def send(self, wire: Wire, *, patience: float = IDLE_SECONDS, then: Then | None = None) -> Reply:
        """Send one request; `patience` is how long silence is bearable, in seconds."""
        client = self._open()
        try:
            with _Turn(self._queue, then) as turn:
                response = client.post(
                    wire.url,
                    content=wire.body,
                    headers={**wire.headers, "content-type": MSGPACK},
                    timeout=httpx.Timeout(patience, connect=self._connect),
                    extensions={"trace": turn.hear},
                )
        except (httpx.HTTPError, ssl.SSLError, OSError, RuntimeError, KeyError) as error:
            self.close()
            raise LinkBroke(f"{type(error).__name__}: {error}") from error
        told = dict(response.headers)
        return Reply(response.status_code, response.content, told.get("content-type", ""), told)

    def _open(self) -> httpx.Client:
        with self._opening:
            if self._client is None:
                self._client = httpx.Client(
                    transport=httpx.HTTPTransport(
                        http2=True,
                        verify=self._context,
                        trust_env=False,
                        limits=httpx.Limits(max_connections=1, keepalive_expiry=30),
                        socket_options=[BUFFER],
                    ),
                    headers={"user-agent": "posta", "accept": "*/*", "accept-encoding": "identity"},
                    trust_env=False,
                )
            return self._client

    def close(self) -> None:
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            client.close()


@dataclass(slots=True)
class Session:
    """One run's conversation: who speaks, the nonce that central gave, and what was moved."""

    carrier: Carrier
    known: Pinned
    replica: UUID
    nonce: str = HELLO_NONCE
    created_ms: int = HELLO_CREATED_MS
    patience: float = IDLE_SECONDS
    bytes_up: int = field(default=0)
    bytes_down: int = field(default=0)
    requests: int = field(default=0)

    def post(
        self,
        door: str,
        body: bytes,
        *,
        seqs: tuple[int, int] = (0, 0),
        after: str = "",
        patience: float | None = None,
        then: Then | None = None,
    ) -> bytes:
        """One signed request; the answer's body. Raises `LinkBroke` or `Refused`."""
        greeting = door == "hello"
        wire = Wire("POST", f"{self.known.url.rstrip('/')}/sync/v1/{door}", body)
        sign(
            wire,
            node_key(),
            node=UUID(self.known.node),
            replica=self.replica,
            nonce=HELLO_NONCE if greeting else self.nonce,
            created_ms=HELLO_CREATED_MS if greeting else self.created_ms,
            seqs=seqs,
            after=after,
        )
        self.requests += 1
        self.bytes_up += len(body)
        told = {} if then is None else {"then": then}
        reply = self.carrier.send(wire, patience=patience or self.patience, **told)
        self.bytes_down += len(reply.body)
        if reply.status != 200 or not reply.content_type.startswith(MSGPACK):
            raise _refusal_in(reply)
        if door not in PROVEN_INSIDE and not _is_centrals(wire, reply):
            raise Refused(reply.status, "not-central", NOT_CENTRAL, {})
        return reply.body


def _is_centrals(wire: Wire, reply: Reply) -> bool:
    """Signed by the pinned key, as the answer to this very request."""
    return is_reply(wire, reply.body, reply.headers.get(REPLY_HEADER, ""), receipt_keys().values())


def _refusal_in(reply: Reply) -> Exception:
    """A refusal that central meant, or the sign that something else answered."""
    if reply.content_type.startswith(PROBLEM_JSON) and reply.status >= 400:
        try:
            document = msgspec.json.decode(reply.body, type=dict[str, object])
            return Refused(
                reply.status, str(document.get("code", "")), str(document.get("title", "")), document
            )
        except msgspec.DecodeError:
            pass
    if reply.status >= 500:
        return LinkBroke(f"central answered {reply.status}")
    return Refused(reply.status, "not-central", NOT_CENTRAL, {})


_carrier_maker = HttpCarrier


def carrier_to(known: Pinned, *, connect_seconds: float = CONNECT_SECONDS) -> Carrier:
    """The carrier to central; the test world puts its own link into the node."""
    made = current_node().kept.get("carrier")
    if made is not None:
        return made  # type: ignore[no-any-return]
    return _carrier_maker(known.url, known.ca_file, connect_seconds=connect_seconds)
