"""A laptop whose passphrase is forgotten: the recovery key that it left at central opens it, once.

Not here: the page at central (`tests/deploy/test_recovery_page.py`).
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from pytest_django import Settings
from sqlcipher3 import dbapi2

from sync.carriers import server
from sync.models import EnrolledNode, RecoveryKey, SecurityEvent, SyncRun
from sync.problems import Problem
from sync.recovery import KEPT, RecoveryRequest
from sync.vault.datakey import data_key, unwrap, wrap_again
from sync.vault.envelope import seal_to
from sync.vault.keys import node_key
from sync.vault.recovery import HELD, PURPOSE, WAITING, Inside, held_id, id_of, mint, recover
from tests.sync.commands import answer, register
from tests.sync.forge import Talk, problem
from tests.world import Site, World

FORGOTTEN = "four words nobody remembers"
NEW = "four other words on the wall"


@pytest.fixture
def here(world: World) -> Site:
    """A laptop with a passphrase that has met central."""
    site = world.clinics[0]
    with world.at(site):
        wrap_again(keys_of(site), data_key(), FORGOTTEN)
        register(world, site, 3)
    assert [run.outcome for run in world.sync(site)] == [SyncRun.Outcome.DONE]
    return site


def keys_of(site: Site) -> Path:
    return site.node.path("keys")


def at_central(world: World) -> list[RecoveryKey]:
    with world.at(world.central):
        return list(RecoveryKey.objects.order_by("pk"))


def given_out(world: World, site: Site) -> str:
    with world.at(world.central):
        told = answer("recovery_key", site.name, "--reason", "nobody remembers it")
    return str(told["recovery_key"])


def unlock(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    """As the coordinator does it at the laptop."""
    monkeypatch.setattr("sys.stdin", StringIO("\n".join([*lines, ""])))
    out = StringIO()
    call_command("unlock", recovery_key=True, stdin=True, check=True, stdout=out)
    return out.getvalue()


def rows_in(database: Path, key: bytes) -> int:
    opened = dbapi2.connect(str(database))
    try:
        opened.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        return int(opened.execute("SELECT count(*) FROM people_patient").fetchone()[0])
    finally:
        opened.close()


def test_a_forgotten_passphrase_is_recovered_and_every_row_is_there(
    world: World, here: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F7: the drill, with the encrypted database on the disk. What was never sent is there, too."""
    with world.at(here):
        register(world, here, 2)
        database = Path(str(here.connection.settings_dict["NAME"]))
        here.connection.close()
    settings.POSTA_DATA = here.node.data_dir
    wanted = held_id(keys_of(here))
    spoken = given_out(world, here).lower().replace("-", " ")
    said = unlock(monkeypatch, spoken, NEW)
    assert wanted in said
    key = unwrap(keys_of(here), NEW)
    assert rows_in(database, key) == 5
    with pytest.raises(dbapi2.DatabaseError):
        rows_in(database, bytes(32))
    with pytest.raises(Problem):
        unwrap(keys_of(here), FORGOTTEN)


def test_what_was_read_aloud_is_worth_nothing_afterwards(
    world: World, here: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.POSTA_DATA = here.node.data_dir
    spoken = given_out(world, here)
    unlock(monkeypatch, spoken, NEW)
    with pytest.raises(Problem) as refused:
        recover(keys_of(here), spoken)
    assert refused.value.code == "no-recovery-key"
    world.sync(here)  # the next contact leaves another one
    with pytest.raises(Problem) as refused:
        recover(keys_of(here), spoken)
    assert refused.value.code == "wrong-recovery-key"
    assert recover(keys_of(here), given_out(world, here)) == unwrap(keys_of(here), NEW)


def test_neither_side_alone_opens_anything(world: World, here: Site) -> None:
    spoken = given_out(world, here)
    (row,) = at_central(world)
    on_the_laptop = b"".join(path.read_bytes() for path in keys_of(here).iterdir())
    for plain in (spoken, spoken.replace("-", "")):
        assert plain.encode() not in on_the_laptop + bytes(row.sealed)
    assert data_key() not in on_the_laptop + bytes(row.sealed)
    assert (row.given_why, row.given_by) == ("nobody remembers it", None)
    with world.at(world.central):
        event = SecurityEvent.objects.get(code="recovery-given")
    assert row.key_id in event.sentence and spoken not in event.sentence


@pytest.mark.parametrize("typed", ["", "3FA9-12C0", "U" * 28])
def test_what_is_no_recovery_key_is_said_before_anything_is_tried(here: Site, typed: str) -> None:
    with pytest.raises(Problem) as refused:
        recover(keys_of(here), typed)
    assert refused.value.code == "bad-recovery-key"


def test_an_answer_that_was_lost_leaves_one_key_that_opens(world: World, here: Site) -> None:
    """Central may have it without the laptop's knowing."""
    other = world.clinics[1]
    assert other.link is not None
    with world.at(other):
        wrap_again(keys_of(other), data_key(), FORGOTTEN)
    # hello passes, then every answer is lost: the recovery key is the first thing after it
    other.link.lose_answers, other.link.lose_after = 1, 1
    assert world.sync(other)[0].outcome == SyncRun.Outcome.FAILED
    assert (keys_of(other) / WAITING).exists() and not (keys_of(other) / HELD).exists()
    assert recover(keys_of(other), given_out(world, other)) == data_key()
    world.sync(other)
    assert not (keys_of(other) / WAITING).exists()
    assert len({row.key_id for row in at_central(world)}) == 2  # one of each laptop


def test_central_keeps_only_what_is_this_nodes_and_sealed_to_it(world: World, here: Site) -> None:
    talk = Talk(world, here)
    with world.at(world.central):
        central = node_key().public_key()
        node = EnrolledNode.objects.get(name=here.name).uuid
        other = EnrolledNode.objects.get(name=world.clinics[1].name).uuid

    def brought(key_id: str, **inside: Any) -> Any:
        letters = mint()
        said = {"purpose": PURPOSE, "node": node.bytes, "key_id": id_of(letters), "recovery_key": letters}
        sealed = seal_to(central, msgspec.msgpack.encode(Inside(**(said | inside))))
        return talk.send(talk.wire("recovery", RecoveryRequest(key_id or id_of(letters), sealed).pack()))

    for refused in (
        brought("", node=other.bytes),
        brought("0000-0000"),
        brought("", purpose="something else"),
        talk.send(talk.wire("recovery", RecoveryRequest("0000-0000", b"age").pack())),
    ):
        assert problem(refused)["code"] == "not-for-us"
    assert len(at_central(world)) == 1
    assert {brought("").status for _each in range(KEPT + 2)} == {200}
    assert len(at_central(world)) == KEPT


def test_a_central_that_does_not_know_the_door_holds_up_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(server._doors, "recovery")
    site = world.clinics[0]
    with world.at(site):
        wrap_again(keys_of(site), data_key(), FORGOTTEN)
        register(world, site)
    assert world.sync(site)[0].outcome == SyncRun.Outcome.DONE
    assert world.unsent(site) == 0
    assert held_id(keys_of(site)) == ""
