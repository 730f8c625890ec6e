"""The office's page that gives out a recovery key: who may, what is asked, what is kept.

Not here: what the key opens (`tests/sync/test_recovery.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sync.models import EnrolledNode, RecoveryKey, SecurityEvent
from sync.node import Node
from sync.vault.envelope import seal_to
from sync.vault.keys import node_key
from sync.vault.recovery import PURPOSE, Inside, id_of, mint
from tests.registry.conftest import Cast, browser, cast, cheap_argon2, node
from tests.registry.staff.at_the_tablet import Tablet

__all__ = ["cast", "cheap_argon2", "node"]
SAID = {"reason": "nobody remembers it", "sure": "on"}


@dataclass
class Held:
    """A laptop's key at central."""

    laptop: EnrolledNode
    letters: str

    @property
    def address(self) -> str:
        return f"/central/nodes/{self.laptop.pk}/recovery/"

    @property
    def said(self) -> dict[str, str]:
        return SAID | {"key_id": id_of(self.letters)}


@pytest.fixture
def held(cast: Cast, node: Node) -> Held:
    node.role = "central"
    laptop, letters = EnrolledNode.objects.create(name="Bocas laptop", joined_at=1), mint()
    inside = Inside(PURPOSE, laptop.uuid.bytes, id_of(letters), letters)
    sealed = seal_to(node_key().public_key(), msgspec.msgpack.encode(inside))
    RecoveryKey.objects.create(
        node_uuid=laptop.uuid, key_id=id_of(letters), sealed=sealed, received_at=node.wall()
    )
    return Held(laptop, letters)


@pytest.fixture
def olga(held: Held) -> Tablet:
    tablet = Tablet()
    tablet.log_in("olga")
    return tablet


def row() -> RecoveryKey:
    return RecoveryKey.objects.get()


def test_the_office_gives_it_out_with_a_reason(held: Held, olga: Tablet, cast: Cast) -> None:
    page = olga.get(held.address)
    assert id_of(held.letters) in page.content.decode()
    given = olga.post(held.address, held.said)
    assert given.status_code == 200
    assert held.letters in given.content.decode()
    assert "no-store" in given["Cache-Control"]
    assert (row().given_by, row().given_why) == (cast.olga.pk, SAID["reason"])
    assert SecurityEvent.objects.filter(code="recovery-given", node_uuid=held.laptop.uuid).count() == 1
    again = olga.get(held.address).content.decode()
    assert held.letters not in again
    assert SAID["reason"] in again


@pytest.mark.parametrize("missing", ["key_id", "reason", "sure"])
def test_a_slip_gives_nothing_out(held: Held, olga: Tablet, missing: str) -> None:
    answer = olga.post(held.address, {key: word for key, word in held.said.items() if key != missing})
    assert answer.status_code == 400
    assert held.letters not in answer.content.decode()
    assert row().given_at is None


def test_the_password_is_asked_once_more(held: Held, cast: Cast) -> None:
    """A log-in alone, of which nobody knows when it was made."""
    for method in ("get", "post"):
        answer: Any = getattr(browser(cast.olga), method)(held.address, held.said)
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer["Location"]
    assert row().given_at is None
