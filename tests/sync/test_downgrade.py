"""H11: nobody talks a node into something weaker: an older TLS, another algorithm, an older protocol.

Not here: joining before a certificate is known (`test_joining.py`).
"""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

from deploy.certificates import issue, make_ca
from deploy.supervisor import web_argv
from sync.carriers.http import HttpCarrier, LinkBroke
from sync.carriers.server import MSGPACK
from sync.carriers.signing import COMPONENTS, LABEL, Wire
from sync.exchanges import GatesRequest, HelloRequest
from sync.joining import send_unpinned
from sync.vault.keys import public_bytes
from tests.sync.forge import Talk, problem
from tests.world import World

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
STARTS_WITHIN_S = 60.0


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # the library's name for it
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", MSGPACK)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return None


@dataclass
class Served:
    """A server whose certificate is of the CA in `ca`."""

    port: int
    ca: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    make_ca(tmp_path / "ca")
    issue(tmp_path / "ca", tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture(params=[OLD, NEW], ids=["TLS 1.2", "TLS 1.3"])
def central_that_speaks(request: pytest.FixtureRequest, certified: Path) -> Iterator[tuple[Any, Served]]:
    """A central that speaks at most this TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = request.param
    context.load_cert_chain(certified / "tls.pem", certified / "tls.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # a refused handshake is no news
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield request.param, Served(server.server_address[1], certified / "tls-ca.pem")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.once
def test_a_clinic_speaks_tls_1_3_or_not_at_all(central_that_speaks: tuple[Any, Served]) -> None:
    """H11: whoever makes central look old gets no request to read."""
    version, central = central_that_speaks
    carrier = HttpCarrier(central.url, str(central.ca))
    wire = Wire("POST", f"{central.url}/sync/v1/gates", b"abc")
    try:
        if version == NEW:
            assert carrier.send(wire).body == send_unpinned(wire).body == b"abc"
            return
        with pytest.raises(LinkBroke, match=r"(?i)protocol|version"):
            carrier.send(wire)
        with pytest.raises(LinkBroke, match=r"(?i)protocol|version"):
            send_unpinned(wire)
    finally:
        carrier.close()


@pytest.fixture
def central_web(certified: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with web_of("central", certified, monkeypatch) as served:
        yield served


@pytest.fixture
def clinic_web(certified: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with web_of("clinic", certified, monkeypatch) as served:
        yield served


@contextmanager
def web_of(role: str, certified: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The very server that a node runs, with an application that only says yes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(settings, "POSTA_ROLE", role)
    monkeypatch.setattr(settings, "POSTA_PORT", port)
    argv = web_argv(certified)
    (certified / "yes.py").write_text(
        "async def application(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
        "        await send({'type': 'http.response.body', 'body': b''})\n"
    )
    argv[-1] = "yes:application"
    process = subprocess.Popen(
        argv, env={**os.environ, "PYTHONPATH": str(certified)}, stderr=subprocess.DEVNULL
    )
    try:
        _await_port(process, port)
        yield Served(port, certified / "tls-ca.pem")
    finally:
        process.terminate()
        process.wait(20)


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the web server did not start")


def _handshake(central: Served, most: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=str(central.ca))
    if most < OLD:
        context.set_ciphers("ALL:@SECLEVEL=0")  # or we would refuse it ourselves
        context.minimum_version = most
    context.maximum_version = most
    with (
        socket.create_connection(("127.0.0.1", central.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        return secure.version()


@pytest.mark.once
def test_centrals_web_server_speaks_tls_1_3_or_not_at_all(central_web: Served) -> None:
    """H11: real sockets against the real server."""
    assert _handshake(central_web, NEW) == "TLSv1.3"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _handshake(central_web, OLD)


@pytest.mark.once
def test_a_clinics_web_server_speaks_nothing_older_than_tls_1_2(clinic_web: Served) -> None:
    """H11: tablets may be old, but not as old as that."""
    assert [_handshake(clinic_web, version) for version in (NEW, OLD)] == ["TLSv1.3", "TLSv1.2"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for older in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                _handshake(clinic_web, older)


# --- signatures and protocol -----------------------------------------------------------------------------


class _Secret(HTTPSignatureKeyResolver):
    """Signs with whatever the algorithm takes for a key."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def resolve_private_key(self, key_id: str) -> Any:
        return self.key

    def resolve_public_key(self, key_id: str) -> Any:
        return self.key


def signed_with(talk: Talk, algorithm: Any, key: Any, *, told: bool) -> Wire:
    """A true request, signed once more by another algorithm."""
    wire = talk.wire("gates", GatesRequest().pack())
    for name in ("Signature", "Signature-Input"):
        del wire.headers[name]
    HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=_Secret(key)).sign(
        wire,
        key_id="n",
        created=datetime.fromtimestamp(talk.session.created_ms / 1000, tz=UTC),
        nonce=talk.session.nonce,
        label=LABEL,
        include_alg=told,
        covered_component_ids=COMPONENTS,
        use_existing_digest=True,
    )
    return wire


@pytest.mark.parametrize("told", [True, False], ids=["named", "not named"])
def test_what_is_public_does_not_sign(world: World, told: bool) -> None:
    """H11: the public key as the secret of a MAC, which a verifier that asks the request would take."""
    talk = Talk(world, world.clinics[0])
    public = public_bytes(talk.key)
    for secret in (public, public.hex().encode(), hashlib.sha256(public).digest()):
        reply = talk.send(signed_with(talk, algorithms.HMAC_SHA256, secret, told=told))
        assert (reply.status, problem(reply)["code"]) == (401, "bad-signature")


@pytest.mark.parametrize("name", ["none", "hmac-sha256", "rsa-v1_5-sha256", "ed448", "ED25519", ""])
def test_another_name_of_the_algorithm_is_no_signature(world: World, name: str) -> None:
    """H11: `alg` changed on the way."""
    talk = Talk(world, world.clinics[0])
    wire = talk.wire("gates", GatesRequest().pack())
    wire.headers["Signature-Input"] += f';alg="{name}"'
    assert problem(talk.send(wire))["code"] == "bad-signature"
    honest = signed_with(talk, algorithms.ED25519, talk.key, told=True)
    honest.headers["Signature-Input"] = honest.headers["Signature-Input"].replace("ed25519", name or "x")
    assert problem(talk.send(honest))["code"] == "bad-signature"


def test_a_second_signature_does_not_stand_for_the_first(world: World) -> None:
    """H11: a stranger's signature beside, or instead of, the node's own."""
    talk, stranger = Talk(world, world.clinics[0]), Ed25519PrivateKey.generate()
    wire = talk.wire("gates", GatesRequest().pack())
    other = talk.wire("gates", GatesRequest().pack(), key=stranger)
    for name in ("Signature", "Signature-Input"):
        wire.headers[name] = f"{wire.headers[name]}, {other.headers[name].replace('p=', 'q=', 1)}"
    assert problem(talk.send(wire))["code"] == "bad-signature"


@pytest.mark.parametrize("version", [0, -1, 2, 9])
def test_another_protocol_is_refused_with_the_ones_that_are_spoken(world: World, version: int) -> None:
    """H11: central answers no older version because somebody asks for it."""
    talk = Talk(world, world.clinics[0])
    ask = HelloRequest(version, b"n" * 12, "", 0, b"", 0, {})
    reply = talk.send(talk.wire("hello", ask.pack(), nonce="hello"))
    assert (reply.status, problem(reply)["code"], problem(reply)["protocols"]) == (409, "protocol", [1, 1])
