"""The clinic's side of the wire: signed requests over one HTTP/2 connection, and what their failures mean.

Lives here: `Carrier` (the seam that tests replace), `HttpCarrier`, and `Session` – one run's signed
conversation with central. Not here: what is said (`sync/upload.py`, `sync/download.py`). TLS is checked
against the CA pinned when the clinic joined.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import httpx
import msgspec

from sync.carriers.server import MSGPACK, Reply
from sync.carriers.signing import Wire, sign
from sync.node import current_node
from sync.problems import PROBLEM_JSON
from sync.vault.keys import Pinned, node_key

CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 12.0


class LinkBroke(Exception):
    """No whole answer came back: nothing is known of what central did."""


class Refused(Exception):
    """Central refused; `code` and `extra` are those of its problem document."""

    def __init__(self, status: int, code: str, title: str, extra: dict[str, object]) -> None:
        super().__init__(f"{code}: {title}")
        self.status, self.code, self.title, self.extra = status, code, title, extra


class Carrier(Protocol):
    """Takes a signed request to central and brings the answer, or raises `LinkBroke`."""

    def send(self, wire: Wire, *, patience: float) -> Reply: ...

    def close(self) -> None: ...


class HttpCarrier:
    """HTTPS to central. A dead connection is dropped and the next request opens a new one."""

    def __init__(self, url: str, ca_file: str, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._context = ssl.create_default_context(cafile=ca_file or None)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._connect = connect_seconds
        self._client: httpx.Client | None = None

    def send(self, wire: Wire, *, patience: float = IDLE_SECONDS) -> Reply:
        """Send one request; `patience` is how long silence is bearable, in seconds."""
        client = self._open()
        try:
            response = client.post(
                wire.url,
                content=wire.body,
                headers={**wire.headers, "content-type": MSGPACK},
                timeout=httpx.Timeout(patience, connect=self._connect),
            )
        except (httpx.HTTPError, ssl.SSLError, OSError, RuntimeError, KeyError) as error:
            self.close()
            raise LinkBroke(f"{type(error).__name__}: {error}") from error
        return Reply(response.status_code, response.content, response.headers.get("content-type", ""))

    def _open(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(
                http2=True,
                verify=self._context,
                trust_env=False,
                headers={"user-agent": "posta", "accept": "*/*", "accept-encoding": "identity"},
                limits=httpx.Limits(max_connections=1, keepalive_expiry=30),
            )
        return self._client

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


@dataclass(slots=True)
class Session:
    """One run's conversation: who speaks, the nonce that central gave, and what was moved."""

    carrier: Carrier
    known: Pinned
    replica: UUID
    nonce: str = "hello"
    created_ms: int = 1_577_836_800_000  # before hello nobody's clock is to be trusted: 2020-01-01
    patience: float = IDLE_SECONDS
    bytes_up: int = field(default=0)
    bytes_down: int = field(default=0)
    requests: int = field(default=0)

    def post(
        self, door: str, body: bytes, *, seqs: tuple[int, int] = (0, 0), patience: float | None = None
    ) -> bytes:
        """One signed request; the answer's body. Raises `LinkBroke` or `Refused`."""
        wire = Wire("POST", f"{self.known.url.rstrip('/')}/sync/v1/{door}", body)
        sign(
            wire,
            node_key(),
            node=UUID(self.known.node),
            replica=self.replica,
            nonce=self.nonce,
            created_ms=self.created_ms,
            seqs=seqs,
        )
        self.requests += 1
        self.bytes_up += len(body)
        reply = self.carrier.send(wire, patience=patience or self.patience)
        self.bytes_down += len(reply.body)
        if reply.status == 200 and reply.content_type.startswith(MSGPACK):
            return reply.body
        raise _refusal_in(reply)


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
    return Refused(reply.status, "not-central", "Something answered, but it is not central.", {})


_carrier_maker = HttpCarrier


def carrier_to(known: Pinned) -> Carrier:
    """The carrier to central; the test world puts its own link into the node."""
    made = current_node().kept.get("carrier")
    if made is not None:
        return made  # type: ignore[no-any-return]
    return _carrier_maker(known.url, known.ca_file)
