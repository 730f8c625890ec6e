"""Anchors are forgotten, and yet each node's next hello is understood: of one that is far behind, of one that
was put back from a backup. A central that was put back is noticed as before.
"""

from __future__ import annotations

from collections.abc import Callable

from sync.feed.anchors import forget_anchors
from sync.feed.models import Anchor, Cursor, Gate
from sync.ledger.birth import take_new_identity
from sync.models import EnrolledNode
from sync.standing import revoke
from sync.tasks import prune
from sync.vault.backup import make_backup, put_back
from tests.sync.looking import register
from tests.world import Site, World


def work(world: World, *sites: Site, times: int = 5) -> None:
    """Every time somebody is registered, and the sites sync."""
    for _ in range(times):
        register(world, sites[0])
        world.sync(*sites)


def anchors(world: World, table: str = "patients") -> list[int]:
    with world.at(world.central):
        found = Anchor.objects.filter(table=table).order_by("position")
        return list(found.values_list("position", flat=True))


def forget(world: World) -> int:
    with world.at(world.central):
        return forget_anchors()


def test_what_every_clinic_has_passed_is_forgotten_and_all_go_on(world: World) -> None:
    work(world, *world.clinics)
    world.sync(rounds=2)
    assert anchors(world) == [1, 2, 3, 4, 5]
    with world.at(world.central):
        assert prune() == 4
        assert prune() == 0
    assert anchors(world) == [5]
    work(world, *world.clinics, times=2)
    assert {run.outcome for run in world.sync(rounds=2)} == {"done"}
    for site in world.clinics:
        assert world.digests(site) == world.digests(world.central)


def test_a_clinic_that_is_behind_keeps_its_anchors_until_it_is_revoked(world: World) -> None:
    here, away = world.clinics
    work(world, here, away, times=2)
    world.sync()
    work(world, here)
    assert forget(world) == 1
    assert anchors(world) == [2, 3, 4, 5, 6, 7]
    assert world.sync(away)[0].outcome == "done"
    assert world.digests(away) == world.digests(world.central)
    work(world, here)
    world.sync(here)
    with world.at(world.central):
        revoke(away.name)
    forget(world)
    assert anchors(world) == [12]


def test_a_clinic_that_never_downloaded_and_one_that_never_joined(world: World) -> None:
    """The one holds everything, the other nothing."""
    here, away = world.clinics
    work(world, here)
    assert forget(world) == 0
    with world.at(world.central):
        revoke(away.name)
        EnrolledNode.objects.create(name="offered and not taken")
    world.sync(here)
    assert forget(world) == 4


def test_a_clinic_put_back_from_an_old_backup_is_understood(world: World) -> None:
    """It names anchors that central has forgotten."""
    here, other = world.clinics
    work(world, other, here, times=2)
    world.sync()
    with world.at(here):
        path = make_backup()
        before = Cursor.objects.get(table="patients").position
    work(world, other, here)
    world.sync()
    assert forget(world) > 0
    assert before < anchors(world)[0]
    with world.at(here):
        put_back(path)
        take_new_identity()
    assert [run.outcome for run in world.sync(here, rounds=2)] == ["done", "done"]
    assert world.digests(here) == world.digests(world.central)


def test_a_central_that_was_put_back_is_noticed_as_before(world: World) -> None:
    """It has other anchors at the places that clinics have reached since, or has not come so far."""
    here, other = world.clinics
    work(world, here, other)
    world.sync()
    forget(world)
    with world.at(world.central):
        Anchor.objects.filter(table="patients").update(anchor=b"another")
    assert "put back" in world.sync(here)[0].reason
    with world.at(world.central):
        Gate.objects.filter(table="patients").update(last_position=1, anchored_from=0)
    assert "put back" in world.sync(other)[0].reason


def test_clinics_that_follow_some_patients_count_for_what_they_follow(
    make_world: Callable[..., World],
) -> None:
    world = make_world(clinics=1)
    own = world.add_clinic("own", mode="subscribed")
    world.clinics.append(own)
    work(world, own, world.clinics[0])
    world.sync(rounds=2)
    assert anchors(world, "_subscriptions") == [1, 2, 3, 4, 5]
    assert forget(world) == 8
    assert (anchors(world), anchors(world, "_subscriptions")) == ([5], [5])
    work(world, own, times=1)
    assert {run.outcome for run in world.sync(rounds=2)} == {"done"}
