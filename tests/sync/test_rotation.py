"""A laptop's key is changed in one signed exchange; whatever breaks off leaves both sides able to talk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import sync.crash
from sync.exchanges import GatesRequest
from sync.models import EnrolledNode, SecurityEvent, SyncRun
from sync.node import Node, acting_as
from sync.problems import Problem
from sync.rotation import RotateRequest, _said, rotate
from sync.vault.backup import make_backup, verify_backup
from sync.vault.keys import KEY, KEYS_BEFORE, NEXT_KEY, key_id_of, next_key, node_key, public_bytes
from tests.sync.commands import answer, register, run
from tests.sync.forge import Talk, logged, problem
from tests.world import Site, World

POINTS = ["rotate.before-send", "rotate.before-swap", "rotate.after-swap"]


class PowerCut(BaseException):
    """The laptop goes dark."""


@pytest.fixture
def power() -> Iterator[list[str]]:
    """The crash points at which the laptop goes dark, once each."""
    points: list[str] = []

    def hook(name: str) -> None:
        if name in points:
            points.remove(name)
            raise PowerCut(name)

    sync.crash.install_hook(hook)
    yield points
    sync.crash.install_hook(None)


def pinned_at_central(world: World, site: Site) -> tuple[str, str]:
    """(id of the key that central believes, id of the one that waits for its first use)."""
    with world.at(world.central):
        node = EnrolledNode.objects.get(name=site.name)
        public, waiting = bytes(node.public_key), bytes(node.next_key)
        return key_id_of(public), key_id_of(waiting) if waiting else ""


def key_here(world: World, site: Site) -> Ed25519PrivateKey:
    with world.at(site):
        return node_key()


def noted(world: World) -> list[str]:
    with world.at(world.central):
        return list(SecurityEvent.objects.order_by("pk").values_list("code", flat=True))


def knock(talk: Talk, key: Ed25519PrivateKey) -> int:
    return talk.send(talk.wire("gates", GatesRequest().pack(), key=key)).status


def test_the_new_key_opens_and_the_old_one_is_dead(world: World) -> None:
    """H8: a key that may have been copied is worth nothing from then on."""
    here, other = world.clinics
    old = key_here(world, here)
    with world.at(here):
        told = answer("rotate_key")
    assert told["key_id"] == key_id_of(public_bytes(key_here(world, here)))
    assert public_bytes(key_here(world, here)) != public_bytes(old)
    assert pinned_at_central(world, here) == (told["key_id"], "")
    assert noted(world) == ["key-offered", "key-rotated"]
    talk = Talk(world, here)
    assert (knock(talk, key_here(world, here)), knock(talk, old)) == (200, 401)
    with world.at(here):
        register(world, here)
    assert {one.outcome for one in world.sync()} == {SyncRun.Outcome.DONE}
    assert world.digests(here) == world.digests(world.central) == world.digests(other)


def test_until_the_new_key_was_used_the_old_one_is_believed(world: World, power: list[str]) -> None:
    here = world.clinics[0]
    old = key_here(world, here)
    power.append("rotate.before-swap")
    with world.at(here), pytest.raises(PowerCut):
        rotate()
    assert pinned_at_central(world, here)[0] == key_id_of(public_bytes(old))
    assert pinned_at_central(world, here)[1]
    assert world.sync(here)[0].outcome == "done"
    with world.at(here):
        waiting = next_key()
    assert knock(Talk(world, here), waiting) == 200
    assert pinned_at_central(world, here) == (key_id_of(public_bytes(waiting)), "")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("before_the_rest", ["a run", "nothing"])
def test_it_can_be_cut_anywhere_and_be_ended_later(
    world: World, power: list[str], point: str, before_the_rest: str
) -> None:
    here = world.clinics[0]
    old = public_bytes(key_here(world, here))
    power.append(point)
    with world.at(here), pytest.raises(PowerCut):
        rotate()
    restarted(here)
    if before_the_rest == "a run":
        assert world.sync(here)[0].outcome == "done"
    with world.at(here):
        rotate()
    fresh = public_bytes(key_here(world, here))
    assert fresh != old
    assert pinned_at_central(world, here) == (key_id_of(fresh), "")
    assert world.sync(here)[0].outcome == "done"


def restarted(site: Site) -> None:
    """The laptop starts again: what it remembered is gone, what it wrote is there."""
    for name in ("node_key", "node_key_seen", "pinned"):
        site.node.kept.pop(name, None)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_answer_that_is_lost_costs_another_attempt(world: World, lost: int) -> None:
    here = world.clinics[0]
    assert here.link is not None
    here.link.lose_answers, here.link.lose_after = 1, lost
    with world.at(here):
        with pytest.raises(Problem) as broke:
            rotate()
        assert broke.value.code == "not-rotated"
        rotate()
    assert pinned_at_central(world, here) == (key_id_of(public_bytes(key_here(world, here))), "")
    assert world.sync(here)[0].outcome == "done"


def test_another_process_of_the_laptop_notices_the_new_key(world: World) -> None:
    here = world.clinics[0]
    worker = Node(role="clinic", data_dir=here.node.data_dir)
    with acting_as(worker):
        before = public_bytes(node_key())
    with world.at(here):
        rotate()
    with acting_as(worker):
        assert public_bytes(node_key()) not in (before, b"")
        assert public_bytes(node_key()) == public_bytes(key_here(world, here))
    worker.marks.close()


def test_of_the_old_key_only_what_verifies_stays(world: World) -> None:
    """Backups that were made with it are still this laptop's."""
    here = world.clinics[0]
    keys = here.node.data_dir / "keys"
    with world.at(here):
        backup = make_backup()
        old = (keys / KEY).read_bytes()
        rotate()
        assert verify_backup(backup).node_key != verify_backup(make_backup()).node_key
    assert not (keys / NEXT_KEY).exists()
    assert len((keys / KEYS_BEFORE).read_text().split()) == 1
    kept = [path for path in keys.iterdir() if path.is_file()]
    forms = (old, old.hex().encode())
    assert [path for path in kept if any(form in path.read_bytes() for form in forms)] == []
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_a_key_must_prove_itself_and_be_nobody_elses(world: World) -> None:
    here, other = world.clinics
    talk, stranger = Talk(world, here), Ed25519PrivateKey.generate()
    with world.at(world.central):
        node = EnrolledNode.objects.get(name=here.name).uuid.bytes
    for key, proof in (
        (public_bytes(stranger), bytes(64)),
        (public_bytes(stranger), stranger.sign(_said(bytes(16), public_bytes(stranger)))),
        (public_bytes(key_here(world, other)), key_here(world, other).sign(
            _said(node, public_bytes(key_here(world, other)))
        )),
    ):  # fmt: skip
        reply = talk.send(talk.wire("rotate", RotateRequest(key, proof).pack()))
        assert (reply.status, problem(reply)["code"]) == (400, "bad-key")
    assert pinned_at_central(world, here)[1] == ""


def test_the_same_offer_again_changes_nothing(world: World) -> None:
    here = world.clinics[0]
    talk = Talk(world, here)
    with world.at(here):
        fresh = next_key()
    with world.at(world.central):
        node = EnrolledNode.objects.get(name=here.name).uuid.bytes
    public = public_bytes(fresh)
    wire = talk.wire("rotate", RotateRequest(public, fresh.sign(_said(node, public))).pack())
    assert [talk.send(wire).status for _ in range(3)] == [200, 200, 200]
    assert noted(world) == ["key-offered"]


def test_a_revoked_laptop_changes_no_key(world: World) -> None:
    here = world.clinics[0]
    with world.at(world.central):
        answer("revoke_node", here.name)
    with world.at(here):
        code, _out, err = run("rotate_key")
    assert code == 1
    assert "Central refuses" in err
    assert pinned_at_central(world, here)[1] == ""


def test_only_a_laptop_that_has_joined_and_is_not_syncing_changes_its_key(world: World) -> None:
    here = world.clinics[0]
    with world.at(world.central), pytest.raises(Problem) as refused:
        rotate()
    assert refused.value.code == "not-joined"
    with world.at(here):
        SyncRun.objects.create(trigger="test", started_at=world.now_ms, lease_until=world.now_ms + 50_000)
        with pytest.raises(Problem) as refused:
            rotate()
        assert refused.value.code == "busy"
        register(world, here)
        assert logged()
