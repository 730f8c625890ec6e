"""When runs are made: on link-up, when asked, and every quarter of an hour while the link is up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from registry.people.models import Patient
from sync import tasks
from sync.ledger.recording import recording
from sync.models import LinkState, SyncRun
from sync.node import current_node
from sync.status import read_status
from sync.tasks import ask_for_run, link_is_due, probe_link, prune, run_is_due, sync_now
from tests.world import Site, World

QUARTER_MS = 15 * 60_000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why runs were asked for, instead of making them."""
    triggers: list[str] = []
    monkeypatch.setattr(tasks, "ask_for_run", triggers.append)
    return triggers


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that are asked for are made on the spot."""
    monkeypatch.setattr(tasks, "ask_for_run", sync_now)


def beat(world: World, site: Site, seconds: int) -> list[str]:
    """The beat of so many seconds; answers what each probe found."""
    found = []
    for _ in range(seconds // 15):
        world.advance(15_000)
        with world.at(site):
            found.append(probe_link())
    return found


def test_link_up_makes_a_run_and_afterwards_one_comes_every_quarter_of_an_hour(
    world: World, asked: list[str]
) -> None:
    here = world.clinics[0]
    beat(world, here, 15)
    assert asked == ["link-up"]
    with world.at(here):
        sync_now("link-up")
    beat(world, here, 14 * 60)
    assert asked == ["link-up"]
    beat(world, here, 2 * 60)
    assert asked[1:] == ["schedule"] * len(asked[1:])
    assert len(asked) > 1


def save(world: World, site: Site, count: int = 1) -> None:
    with world.at(site):
        for _ in range(count):
            with recording(by=world.author(site)) as made:
                made.add(Patient, given_name="Ana", registered_on=site.node.now())


def test_what_is_saved_while_the_link_is_up_is_sent_at_the_next_look(world: World, at_once: None) -> None:
    """Nobody presses anything, and the quarter of an hour is far away."""
    here = world.clinics[0]
    beat(world, here, 60)
    save(world, here)
    assert world.unsent(here) == 1
    beat(world, here, 15)
    assert world.unsent(here) == 0
    with world.at(here):
        assert list(SyncRun.objects.order_by("pk").values_list("trigger", flat=True)) == ["link-up", "saved"]
        assert read_status().up_to_date


def test_a_hundred_saves_make_one_run_and_no_task_of_their_own(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    beat(world, here, 15)
    with world.at(here):
        sync_now("link-up")
    asked.clear()
    save(world, here, 100)
    assert asked == []
    beat(world, here, 15)
    assert asked == ["saved"]
    with world.at(here):
        sync_now("saved")
    beat(world, here, 60)
    assert asked == ["saved"]


def test_a_run_that_broke_off_is_not_repeated_at_every_look(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    beat(world, here, 15)
    save(world, here)
    with world.at(here):
        sync_now("link-up")
        SyncRun.objects.update(outcome=SyncRun.Outcome.FAILED)
    save(world, here)
    asked.clear()
    beat(world, here, 5 * 60)
    assert asked == []
    beat(world, here, 10 * 60)
    assert asked[:1] == ["schedule"]


def test_while_the_link_is_up_a_probe_goes_once_a_minute(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    assert here.link is not None
    beat(world, here, 15)
    before = here.link.requests
    beat(world, here, 240)
    assert here.link.requests - before == 4


def test_a_dead_link_is_probed_less_and_less_but_never_given_up(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    assert here.link is not None
    beat(world, here, 15)
    here.link.up = False
    beat(world, here, 60)
    asked.clear()
    beat(world, here, 2 * 3600)
    assert asked == []
    with world.at(here):
        link = LinkState.objects.get()
        assert 30 < link.failures < 100
        assert link.next_try - here.node.wall() <= 240_000
    here.link.up = True
    beat(world, here, 5 * 60)
    assert asked[0] == "link-up"


def test_what_was_written_while_the_link_was_dead_drains_by_itself(world: World, at_once: None) -> None:
    """I10: nobody presses anything."""
    here = world.clinics[0]
    assert here.link is not None
    here.link.up = False
    with world.at(here):
        for _ in range(3):
            with recording(by=world.author(here)) as save:
                save.add(Patient, given_name="Ana", registered_on=here.node.now())
    beat(world, here, 900)
    here.link.up = True
    beat(world, here, 5 * 60)
    with world.at(here):
        assert read_status().up_to_date


def test_a_captive_portal_is_no_link(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    assert here.link is not None
    here.link.portal = True
    assert set(beat(world, here, 120)) == {"no-real-internet"}
    assert asked == []
    here.link.portal = False
    assert beat(world, here, 300)[-1] == "up"
    assert asked[0] == "link-up"


def test_a_run_on_its_way_is_left_alone(world: World, asked: list[str]) -> None:
    here = world.clinics[0]
    with world.at(here):
        SyncRun.objects.create(
            trigger="x", started_at=here.node.wall(), lease_until=here.node.wall() + 60_000
        )
        assert probe_link() == ""
        assert sync_now() == "busy"
    assert asked == []


def test_central_and_a_laptop_that_has_not_joined_do_nothing(world: World, asked: list[str]) -> None:
    lonely = world._site("lonely", "clinic")
    for site in (world.central, lonely):
        with world.at(site):
            assert (probe_link(), sync_now()) == ("", "")
            assert not SyncRun.objects.exists()
    assert asked == []
    lonely.connection.close()


def test_a_clock_that_was_set_back_does_not_stop_the_probing(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        LinkState.objects.create(state="down", next_try=here.node.wall() + 400 * 86_400_000)
        assert link_is_due()
        LinkState.objects.update(next_try=here.node.wall() + 1000)
        assert not link_is_due()
        SyncRun.objects.create(trigger="x", started_at=here.node.wall() + 400 * 86_400_000, outcome="done")
        assert run_is_due()


# --- asking ----------------------------------------------------------------------------------------------


def _wait_for_thread() -> None:
    for thread in threading.enumerate():
        if thread.name == "sync-run":
            thread.join(30)


def test_without_a_broker_a_run_is_made_in_a_thread_as_this_node(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    made: list[tuple[str, str]] = []
    monkeypatch.setattr(tasks, "sync_now", lambda trigger: made.append((trigger, current_node().name)))
    with world.at(here):
        ask_for_run("asked")
        _wait_for_thread()
    assert made == [("asked", "clinic 1")]


def test_a_run_that_fails_in_its_thread_is_logged_and_harms_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(trigger: str) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(tasks, "sync_now", fail)
    with world.at(world.clinics[0]):
        ask_for_run("asked")
        _wait_for_thread()
    assert "a run ended unexpectedly" in caplog.text


def test_with_a_broker_a_worker_makes_the_run(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.POSTA_BROKER = "redis://somewhere"
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sync_now, "delay", lambda *args: sent.append(args))
    ask_for_run("api")
    assert sent == [("api",)]


def test_when_the_broker_is_gone_the_run_is_made_here(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.POSTA_BROKER = "redis://somewhere"

    def gone(*args: Any) -> None:
        raise OperationalError("nobody answers")

    done: list[str] = []
    monkeypatch.setattr(sync_now, "delay", gone)
    monkeypatch.setattr(tasks, "_in_thread", done.append)
    ask_for_run("api")
    _wait_for_thread()
    assert done == ["api"]


def test_the_tasks_are_known_by_the_names_in_the_schedule() -> None:
    app = Celery("test", set_as_current=False)
    app.finalize()
    assert {entry["task"] for entry in tasks.SCHEDULE.values()} <= set(app.tasks)


# --- pruning ---------------------------------------------------------------------------------------------


def test_old_runs_go_and_what_the_status_speaks_of_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    with world.at(here):
        now = here.node.wall()

        def runs(count: int, days_ago: float, outcome: str) -> None:
            at = now - int(days_ago * 86_400_000)
            SyncRun.objects.bulk_create(
                SyncRun(trigger="x", started_at=at, finished_at=at, outcome=outcome) for _ in range(count)
            )

        runs(3, 90, "done")
        runs(200, 60, "failed")
        runs(5, 1, "failed")
        before = read_status()
        assert prune() == 202
        assert SyncRun.objects.count() == 6
        after = read_status()
        assert (after.last_good_sync, after.last_attempt) == (before.last_good_sync, before.last_attempt)
        assert prune() == 0
        monkeypatch.setattr(tasks, "KEEP_RUNS", 2)
        runs(1, 0, "running")
        assert prune() == 3
        assert read_status().last_good_sync == before.last_good_sync


def test_nothing_to_prune_is_fine(make_world: Callable[..., World]) -> None:
    world = make_world(clinics=1)
    with world.at(world.clinics[0]):
        assert prune() == 0
