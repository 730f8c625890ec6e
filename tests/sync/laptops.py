"""Laptops that want to join, for the tests of enrolment: what they send, and what central answers.

Not here: the promises (`test_enrolment.py`, `test_joining.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.carriers.server import Reply, answer
from sync.carriers.signing import Wire
from sync.enrolment import join, offer
from sync.exchanges import JoinRequest
from sync.joining import (
    code_id,
    code_key,
    request_proof,
    seal,
)
from sync.models import SecurityEvent
from sync.problems import PROBLEM_JSON, Problem
from sync.vault.keys import public_bytes
from tests.world import Link, Site, World

URL = "https://central.example"
DAY_MS = 86_400_000


def laptop(world: World, name: str) -> Site:
    """A new laptop that reaches central and has not joined."""
    site = world._site(name, "clinic")
    site.link = site.node.kept["carrier"] = Link(world, site)
    return site


def offer_at(world: World, name: str = "Bocas", **more: Any) -> str:
    with world.at(world.central):
        return offer(name=name, **({"facilities": [], "mode": "everything"} | more))


def events(world: World) -> list[str]:
    with world.at(world.central):
        return list(SecurityEvent.objects.order_by("pk").values_list("code", flat=True))


def refusal(world: World, site: Site, code: str) -> Problem:
    with world.at(site), pytest.raises(Problem) as refused:
        join(URL, code)
    return refused.value


def request_of(code: str, **changes: Any) -> JoinRequest:
    """What a laptop would send."""
    key = code_key(code)
    ask = JoinRequest(
        code_id=code_id(code),
        node_key=public_bytes(Ed25519PrivateKey.generate()),
        replica=uuid4().bytes,
        pepper=seal(key, b"pepper", bytes(32)),
        software="1",
        proof=b"",
    )
    ask.proof = request_proof(key, ask)
    for name, value in changes.items():
        setattr(ask, name, value)
    return ask


def knock(world: World, ask: JoinRequest) -> Reply:
    with world.at(world.central):
        return answer(Wire("POST", f"{URL}/sync/v1/join", ask.pack()))


def code_of(reply: Reply) -> str:
    assert reply.content_type == PROBLEM_JSON
    return str(msgspec.json.decode(reply.body)["code"])
