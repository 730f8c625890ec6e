"""The joining code, and whoever sits between a laptop and central: they learn nothing and change nothing."""

from __future__ import annotations

import http.server
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from deploy.certificates import issue, make_ca
from sync import enrolment
from sync.carriers.http import LinkBroke
from sync.carriers.server import MSGPACK, Reply, answer
from sync.carriers.signing import Wire
from sync.enrolment import join, offered
from sync.exchanges import JoinAnswer, unpack
from sync.joining import (
    LETTERS,
    code_id,
    code_key,
    mint_code,
    plain_code,
    proof_of,
    seal,
    send_unpinned,
    unseal,
)
from sync.ledger.replicas import self_replica
from sync.node import Node, acting_as
from sync.problems import PROBLEM_JSON, Problem
from sync.vault.keys import pepper, pinned
from tests.sync.laptops import DAY_MS, URL, code_of, laptop, offer_at, refusal
from tests.world import Link, Site, World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A central that knows nobody yet."""
    return make_world(clinics=0)


# --- the code --------------------------------------------------------------------------------------------


def test_a_code_has_eighty_bits_in_groups_without_letters_that_look_alike(tmp_path: Path) -> None:
    with acting_as(Node(role="central", data_dir=tmp_path)):
        codes = {mint_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch(f"[{LETTERS}]{{4}}(-[{LETTERS}]{{4}}){{3}}", code) for code in codes)
    assert len(set(LETTERS)) == 32
    assert not set("ILOU") & set(LETTERS)


@pytest.mark.parametrize("typed", ["k7qf-2mxa-94tp-01zz", " K7QF 2MXA 94TP OIZZ ", "k7qf2mxa94tpolzz"])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert plain_code(typed) == "K7QF-2MXA-94TP-01ZZ"


@pytest.mark.parametrize(
    "typed", ["", "K7QF-2MXA-94TP", "K7QF-2MXA-94TP-01ZZ-9", "K7QF-2MXA-94TP-01Z!", "ключ"]
)
def test_what_cannot_be_a_code_is_refused_before_anything_is_sent(typed: str) -> None:
    with pytest.raises(Problem) as refused:
        plain_code(typed)
    assert refused.value.code == "bad-code"


def test_central_keeps_nothing_from_which_the_code_could_be_read(world: World) -> None:
    code = offer_at(world)
    with world.at(world.central):
        node = offered("Bocas")
        kept = node.code_hash
        assert node.joined_at is None
        assert node.code_expires == world.now_ms + 2 * DAY_MS
    assert code not in kept
    assert code.replace("-", "") not in kept.upper()
    assert kept.startswith(code_id(code).hex())
    assert len(code_id(code)) == 8


# --- who sits in between ---------------------------------------------------------------------------------


@dataclass
class Between:
    """Somebody who answers in central's place, or changes its answers."""

    link: Link
    change: Callable[[Reply], Reply]
    heard: list[bytes]

    def send(self, wire: Wire, *, patience: float) -> Reply:
        self.heard.append(wire.body)
        reply = self.link.send(wire, patience=patience)
        self.heard.append(reply.body)
        return self.change(reply)

    def close(self) -> None:
        return None


def between(site: Site, change: Callable[[Reply], Reply] = lambda reply: reply) -> Between:
    assert site.link is not None
    site.node.kept["carrier"] = made = Between(site.link, change, [])
    return made


def _forged(reply: Reply) -> Reply:
    real = unpack(JoinAnswer, reply.body)
    fake = JoinAnswer(real.content, proof_of(b"guess", real.content))
    return Reply(200, fake.pack())


def _bent(reply: Reply) -> Reply:
    real = unpack(JoinAnswer, reply.body)
    return Reply(200, JoinAnswer(real.content[:-1] + bytes([real.content[-1] ^ 1]), real.proof).pack())


@pytest.mark.parametrize(
    "change",
    [
        _forged,
        _bent,
        lambda reply: Reply(200, b"<html>Welcome to the hotel</html>", "text/html"),
        lambda reply: Reply(200, b"\x90", MSGPACK),
        lambda reply: Reply(200, b"", MSGPACK),
        lambda reply: Reply(302, b"", "text/plain"),
        lambda reply: Reply(403, b"{", PROBLEM_JSON),
    ],
)
def test_an_answer_that_does_not_know_the_code_pins_nothing(
    world: World, change: Callable[[Reply], Reply]
) -> None:
    clinic = laptop(world, "Bocas")
    code = offer_at(world)
    between(clinic, change)
    assert refusal(world, clinic, code).code in {"not-central", "join-refused"}
    with world.at(clinic):
        assert pinned() is None
        assert not (clinic.node.data_dir / "keys" / "central-ca.pem").exists()
        assert self_replica().node_uuid is None


def test_whoever_listens_learns_neither_pepper_nor_welcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "_extras", {"roster": lambda node, spice: [b"verifier", spice]})
    arrived: list[Any] = []
    monkeypatch.setattr(enrolment, "_installers", {"roster": arrived.append})
    clinic = laptop(world, "Bocas")
    code = offer_at(world)
    listening = between(clinic)
    with world.at(clinic):
        join(URL, code)
        secret = pepper()
    assert arrived == [[b"verifier", secret]]
    heard = b"".join(listening.heard)
    for hidden in (secret, b"verifier", b"Bocas", code_key(code), code.encode()):
        assert hidden not in heard


def test_seals_are_of_one_code_and_one_purpose(tmp_path: Path) -> None:
    with acting_as(Node(role="clinic", data_dir=tmp_path)):
        sealed = seal(code_key("A"), b"pepper", b"secret")
    assert unseal(code_key("A"), b"pepper", sealed) == b"secret"
    for key, purpose, content in [
        (code_key("B"), b"pepper", sealed),
        (code_key("A"), b"welcome", sealed),
        (code_key("A"), b"pepper", b""),
        (code_key("A"), b"pepper", sealed[:12]),
    ]:
        with pytest.raises(InvalidTag):
            unseal(key, purpose, content)


# --- the real socket -------------------------------------------------------------------------------------


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", MSGPACK)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate that nobody has pinned."""
    make_ca(tmp_path / "ca")
    issue(tmp_path / "ca", tmp_path / "keys")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "keys" / "tls.pem", tmp_path / "keys" / "tls.key")
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_one_request_goes_to_a_server_whose_certificate_is_not_known_yet(stranger: str) -> None:
    assert send_unpinned(Wire("POST", f"{stranger}/sync/v1/join", b"abc")) == Reply(200, b"cba", MSGPACK)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1", "https://no-such-host.invalid", "https://[::1", "https://"]
)
def test_where_nobody_answers_the_link_broke(url: str) -> None:
    with pytest.raises(LinkBroke):
        send_unpinned(Wire("POST", f"{url}/sync/v1/join", b""))


@pytest.mark.parametrize("url", ["http://central.example", "ftp://central.example", "https://", ""])
def test_an_address_that_is_not_https_is_refused(world: World, url: str) -> None:
    clinic = laptop(world, "Bocas")
    with world.at(clinic), pytest.raises(Problem) as refused:
        join(url, "K7QF-2MXA-94TP-01ZZ")
    assert refused.value.code == "bad-address"
    assert clinic.link is not None
    assert clinic.link.requests == 0


def test_a_body_that_is_no_request_is_malformed(world: World) -> None:
    with world.at(world.central):
        reply = answer(Wire("POST", f"{URL}/sync/v1/join", b"\xc1"))
    assert (reply.status, code_of(reply)) == (400, "malformed")
    with world.at(laptop(world, "Bocas")):
        assert code_of(answer(Wire("POST", f"{URL}/sync/v1/join", b""))) == "not-central"
