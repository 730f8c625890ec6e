"""A log-in over a real socket: TLS to the pinned CA, the real carrier, and a central that hangs.

Lives here: `Central`, a web server of a few lines whose only door is central's. What is decided is tried
without sockets in `test_online.py`.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.certificates import issue, make_ca
from registry.staff import online
from registry.staff.services import set_password
from sync.carriers.server import answer
from sync.carriers.signing import Wire
from sync.vault.keys import pin, pinned
from tests.registry.conftest import PASSWORD
from tests.registry.staff.conftest import Staffed

ANOTHER = "another lantern 8"


class Central(BaseHTTPRequestHandler):
    """Answers what comes as central does."""

    protocol_version = "HTTP/1.1"
    staffed: Staffed
    heard: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.staffed.world.at(self.staffed.world.central):
            reply = answer(Wire("POST", f"https://central.invalid{self.path}", body, headers))
        self.heard.append(self.path)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *args: Any) -> None:
        """The test's output is for the test."""


@contextmanager
def points_at(staffed: Staffed, port: int, ca_file: Path) -> Iterator[None]:
    """The laptop's own carrier, to this port."""
    with staffed.world.at(staffed.laptop):
        known = pinned()
        assert known is not None
        pin(replace(known, url=f"https://127.0.0.1:{port}", ca_file=str(ca_file)))
    carrier = staffed.laptop.node.kept.pop("carrier")
    yield
    staffed.laptop.node.kept["carrier"] = carrier


@pytest.fixture
def central(staffed: Staffed, tmp_path: Path) -> Iterator[list[str]]:
    """Central behind a real port; answers which doors were used."""
    ca = make_ca(tmp_path / "ca")
    issue(tmp_path / "ca", tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tmp_path / "tls" / "tls.pem", tmp_path / "tls" / "tls.key")
    heard: list[str] = []
    door = type("ThisCentral", (Central,), {"staffed": staffed, "heard": heard})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    staffed.world.central.connection.inc_thread_sharing()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with points_at(staffed, server.server_address[1], ca):
        yield heard
    server.shutdown()
    server.server_close()
    staffed.world.central.connection.dec_thread_sharing()


def test_central_decides_over_a_real_socket(staffed: Staffed, central: list[str]) -> None:
    staffed.office(set_password, "ana", password=ANOTHER)
    assert staffed.is_let_in("ana") == "wrong"
    assert staffed.is_let_in("ana", ANOTHER) == "central"
    assert central == ["/sync/v1/log-in"] * 2


@pytest.mark.usefixtures("central")
def test_another_servers_certificate_is_no_central(staffed: Staffed, tmp_path: Path) -> None:
    staffed.office(set_password, "ana", password=ANOTHER)
    with staffed.world.at(staffed.laptop):
        known = pinned()
        assert known is not None
        pin(replace(known, ca_file=str(make_ca(tmp_path / "another", "Somebody else"))))
    assert staffed.is_let_in("ana") == "laptop"


def test_a_central_that_hangs_holds_nobody_up(
    staffed: Staffed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing, as a hotel's gateway does: the cached credential decides."""
    monkeypatch.setattr(online, "TOGETHER_S", 0.3)
    ca = make_ca(tmp_path / "ca")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with points_at(staffed, silent.getsockname()[1], ca):
            assert staffed.is_let_in("ana", PASSWORD) == "laptop"
            assert staffed.is_let_in("rosa", PASSWORD) == "laptop"
        silent.settimeout(1)
        silent.accept()[0].close()
        silent.settimeout(0.05)
        with pytest.raises(TimeoutError):  # Rosa's log-in did not even knock
            silent.accept()
