"""Central decides about a laptop: revoked ones are refused, and a fenced one is let in again by a person."""

from __future__ import annotations

import pytest

from sync.models import EnrolledNode, SecurityEvent, SyncRun
from sync.problems import Problem
from sync.standing import readmit, revoke
from sync.status import status
from tests.sync.commands import answer, register, run
from tests.sync.forge import Talk, logged, problem, traces
from tests.sync.test_identity import cloned
from tests.world import Site, World


def codes(world: World) -> list[str]:
    with world.at(world.central):
        return list(SecurityEvent.objects.order_by("id").values_list("code", flat=True))


def written(world: World, site: Site, count: int = 1) -> None:
    with world.at(site):
        register(world, site, count)


def without_its_token(site: Site) -> None:
    """What central said last is lost, as when the marks file was put back from elsewhere."""
    site.node.marks.put_token("an old one", shown=site.node.marks.read().token)


def test_a_revoked_node_is_refused_from_its_next_request_on(world: World) -> None:
    """H8: a key that was copied, or a laptop that is gone."""
    here, other = world.clinics
    written(world, here, 2)
    talk = Talk(world, here)
    before = traces(world)
    with world.at(world.central):
        told = answer("revoke_node", here.name)
        assert told["name"] == here.name
        assert told["revoked_at"]
    with world.at(here):
        batch = talk.batch(logged())
    reply = talk.send(batch)
    assert (reply.status, problem(reply)["code"]) == (403, "revoked")
    for _ in range(2):
        made = world.sync(here)[0]
        assert (made.outcome, made.reason) == ("failed", "Central refuses: This node may no longer sync.")
    assert world.unsent(here) == 2
    assert traces(world) == before
    with world.at(here):
        assert status()["link"]["state"] == "refused"
        assert not status()["up_to_date"]
    assert world.sync(other)[0].outcome == SyncRun.Outcome.DONE
    assert codes(world) == ["node-revoked", "revoked-node", "revoked-node", "revoked-node"]


def test_revoking_twice_keeps_the_first_time(world: World) -> None:
    with world.at(world.central):
        first = revoke(world.clinics[0].name).revoked_at
        world.advance(1_000)
        assert revoke(world.clinics[0].name).revoked_at == first
        assert EnrolledNode.objects.get(name=world.clinics[0].name).revoked_at == first
    assert codes(world) == ["node-revoked"]


def test_a_person_lets_the_laptop_that_lives_in_again(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    written(world, here, 2)
    without_its_token(here)
    assert "another copy" in world.sync(here)[0].reason.lower()
    with world.at(world.central):
        code, out, _err = run("readmit_node", here.name)
    assert code == 0
    assert here.name in out
    made = world.sync(here)[0]
    assert (made.outcome, made.digests, world.unsent(here)) == ("done", "equal", 0)
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    assert codes(world) == ["stale-token", "node-readmitted"]


def test_letting_one_copy_in_fences_the_other(world: World) -> None:
    """F2: whichever comes first after the decision is the one; the second has nothing to sign with."""
    here = world.clinics[0]
    written(world, here, 1)
    world.sync(here)
    clone = cloned(world, here, "clone")
    with world.at(world.central):
        readmit(here.name)
    written(world, here, 1)
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    world.sync(here)
    written(world, clone, 3)
    assert world.sync(clone)[0].outcome == SyncRun.Outcome.FAILED
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    assert world.unsent(clone) == 3


def test_letting_in_does_not_make_an_older_copy_or_a_fork_welcome(world: World) -> None:
    here = world.clinics[0]
    written(world, here, 1)
    world.sync(here)
    older, forked = cloned(world, here, "older"), cloned(world, here, "forked")
    written(world, here, 2)
    world.sync(here)
    written(world, forked, 3)
    before = world.digests(world.central)
    for copy in (older, forked):
        with world.at(world.central):
            readmit(here.name)
        assert world.sync(copy)[0].outcome == SyncRun.Outcome.FAILED
    assert world.digests(world.central) == before
    assert {"rolled-back", "fork"} <= set(codes(world))


@pytest.mark.parametrize("command", ["revoke_node", "readmit_node"])
def test_only_central_decides_and_only_about_whom_it_knows(world: World, command: str) -> None:
    with world.at(world.clinics[0]):
        code, _out, err = run(command, "clinic 1")
        assert (code, "central" in err.lower()) == (1, True)
    with world.at(world.central):
        code, _out, err = run(command, "nobody")
        assert (code, "no laptop" in err) == (1, True)
    assert codes(world) == []


def test_a_revoked_or_unjoined_laptop_is_not_let_in(world: World) -> None:
    name = world.clinics[0].name
    with world.at(world.central):
        EnrolledNode.objects.create(name="not yet")
        with pytest.raises(Problem) as refused:
            readmit("not yet")
        assert refused.value.code == "not-joined"
        revoke(name)
        with pytest.raises(Problem) as refused:
            readmit(name)
        assert refused.value.code == "revoked"
