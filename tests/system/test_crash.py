"""The plug is pulled: real processes, real files, SIGKILL – and what was answered is there, whole, and once.

A child process is forked for every round (its connections are its own: everything is closed before), works as
a node of the test world, and tells its parent through a pipe what it has answered. The parent kills it, opens
the same files and looks.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

import sync.crash
from registry.people.models import Identifier, Patient
from sync.core.protocol import from_canonical, new_save_id
from sync.ledger.birth import ensure_replica
from sync.ledger.models import Change, Replica
from sync.ledger.recording import recording
from sync.ledger.verify import verify_log
from sync.models import SyncRun
from sync.run import make_run
from sync.vault import rota
from sync.vault.backup import backups_dir, backups_in, verify_backup
from tests.world import Site, World

RANDOM_ROUNDS = int(os.environ.get("POSTA_CRASH_ROUNDS", "190"))
PARTS = 3
SAVE_POINTS = ["save.before-log", "save.before-commit", "save.after-commit", "save.after-mark"]
UPLOAD_POINTS = [
    "upload.before-send",
    "intake.before-commit",
    "intake.after-commit",
    "upload.before-receipt",
    "receipt.before-commit",
]
BACKUP_POINTS = [
    "backup.before-name",
    "backup.before-copy",
    "backup.before-copy-name",
    "backup.before-rotation",
]
PAGE_POINTS = ["page.before-cursor", "page.before-commit", "page.after-commit"]


def save_encounter(world: World, site: Site, save_id: UUID) -> bool:
    """One person with two numbers: three records that stand or fall together. False where it came before."""
    with recording(by=world.author(site), save_id=save_id) as save:
        if save.repeated:
            return False
        person = save.add(Patient, given_name="Ana", sex="female", registered_on=site.node.now())
        for system in ("card", "school"):
            save.add(Identifier, patient=person, system=system, value=str(save_id))
    return True


def let_go(world: World) -> None:
    """Nothing of a database or a mark is open when a process is forked."""
    for site in [world.central, *world.clinics]:
        site.connection.close()
        site.node.marks.close()


def in_a_process(world: World, work: Callable[[int], None], *, kill_after: float | None = None) -> list[UUID]:
    """Fork, work, and die: at a crash point, or by the parent's hand after so many seconds. Answers what was
    told.
    """
    let_go(world)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(writing)
        finally:
            os._exit(0)
    os.close(writing)
    told = b""
    deadline = time.monotonic() + (20.0 if kill_after is None else kill_after)
    while time.monotonic() < deadline:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(reading, 65_536) if ready else b""
        if ready and not chunk:
            break
        told += chunk
    os.kill(child, signal.SIGKILL)
    while chunk := os.read(reading, 65_536):
        told += chunk
    os.close(reading)
    os.waitpid(child, 0)
    return [UUID(bytes=told[at : at + 16]) for at in range(0, len(told) - 15, 16)]


def die_at(point: str, nth: int) -> None:
    """In the child: SIGKILL at the n-th passage of a crash point."""
    sync.crash._passed.clear()
    sync.crash._at, sync.crash._nth = point, str(nth)


def saver(world: World, site: Site, seed: int, point: str = "", nth: int = 1) -> Callable[[int], None]:
    """Save after save; each id is told after it was answered."""

    def work(pipe: int) -> None:
        rng = random.Random(seed)
        with world.at(site):
            die_at(point, nth)
            while True:
                world.advance(5)
                save_id = new_save_id(world.now_ms, rng)
                save_encounter(world, site, save_id)
                os.write(pipe, save_id.bytes)

    return work


def runner(world: World, site: Site, point: str, nth: int) -> Callable[[int], None]:
    """One sync run that dies at a crash point, wherever that lies: laptop and central go dark together."""

    def work(pipe: int) -> None:
        with world.at(site):
            die_at(point, nth)
            make_run("test")

    return work


def look(world: World, site: Site, answered: list[UUID]) -> None:
    """After the power is back: whole saves only, all that were answered, no gap, no row without its log
    row.
    """
    with world.at(site):
        mine = ensure_replica()
        saves: dict[UUID, list[Change]] = {}
        changes = list(Change.objects.filter(replica=mine).order_by("seq"))
        assert [change.seq for change in changes] == list(range(1, mine.head_seq + 1))
        for change in changes:
            saves.setdefault(change.save_id, []).append(change)
        assert set(answered) <= set(saves)
        for parts in saves.values():
            assert len(parts) == PARTS
            assert from_canonical(bytes(parts[-1].body)).last
        rows = set(Patient.objects.values_list("pk", flat=True)) | set(
            Identifier.objects.values_list("pk", flat=True)
        )
        assert rows == {change.record_id for change in changes}
        assert all(walk.holds for walk in verify_log())
        mark = site.node.marks.read()
        assert mark.head_seq == mine.head_seq
        for save_id in answered[-2:]:
            assert save_encounter(world, site, save_id) is False


@pytest.mark.parametrize("point", SAVE_POINTS)
@pytest.mark.parametrize("nth", [1, 4])
def test_a_save_cut_at_any_point_is_whole_or_absent(world: World, point: str, nth: int) -> None:
    """A1: the plug is pulled at each crash point of a save."""
    here = world.clinics[0]
    answered: list[UUID] = []
    for seed in range(2):
        answered += in_a_process(world, saver(world, here, seed, point, nth))
        look(world, here, answered)
    assert len(answered) == 2 * (nth - 1)


def test_a_laptop_that_dies_at_random_moments_loses_nothing(world: World) -> None:
    """A1: the plug is pulled at any moment, again and again."""
    here = world.clinics[0]
    rng = random.Random(7)
    answered: list[UUID] = []
    for seed in range(RANDOM_ROUNDS):
        told = in_a_process(world, saver(world, here, seed), kill_after=rng.uniform(0.001, 0.2))
        answered += told
        if seed % 8 == 7:
            look(world, here, answered)
    look(world, here, answered)
    assert len(answered) > RANDOM_ROUNDS // 4  # it did work; how much depends on the machine
    world.heal_and_sync()
    assert world.unsent(here) == 0
    assert world.digests(here) == world.digests(world.central) == world.digests(world.clinics[1])


@pytest.mark.parametrize("point", UPLOAD_POINTS)
def test_an_upload_cut_at_any_point_arrives_once(world: World, point: str) -> None:
    """B1, B11: laptop and central go dark at each crash point of an upload and of an intake."""
    here = world.clinics[0]
    answered = in_a_process(world, saver(world, here, 1, "save.after-mark", 12))
    with world.at(here):
        head = Replica.objects.get(is_self=True).head_seq
    in_a_process(world, runner(world, here, point, 1))
    look(world, here, answered)
    world.advance(120_000)
    world.heal_and_sync()
    with world.at(here):
        last = SyncRun.objects.order_by("-id").first()
        assert last is not None and (last.outcome, last.reason) == (SyncRun.Outcome.DONE, "")
    assert world.unsent(here) == 0
    with world.at(world.central):
        theirs = Change.objects.filter(replica__uuid=here.replica)
        assert sorted(theirs.values_list("seq", flat=True)) == list(range(1, head + 1))
        assert Patient.objects.count() * PARTS == head
    assert world.digests(here) == world.digests(world.central)


@pytest.mark.parametrize("point", PAGE_POINTS)
def test_a_page_cut_at_any_point_moves_rows_and_cursor_together(world: World, point: str) -> None:
    """C7: the plug is pulled at each crash point of a page."""
    here, other = world.clinics
    in_a_process(world, saver(world, here, 1, "save.after-mark", 12))
    world.sync(here)
    in_a_process(world, runner(world, other, point, 1))
    with world.at(other):
        ensure_replica()
        arrived = Patient.objects.count()
    assert arrived in (0, 12), "a page is there as a whole or not at all"
    assert arrived == (12 if point == "page.after-commit" else 0)
    world.advance(120_000)
    world.sync(other)
    assert world.digests(other) == world.digests(world.central)


@pytest.mark.parametrize("point", BACKUP_POINTS)
def test_a_backup_cut_at_any_point_leaves_the_older_one_and_no_half_one(
    world: World, point: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F4: the plug is pulled while a backup is made, copied and rotated."""
    here = world.clinics[0]
    if here.connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has tools of its own")
    stick = tmp_path / "stick"
    stick.mkdir()
    settings.POSTA_BACKUP_TO = stick
    monkeypatch.setattr(rota, "_device", lambda path: path == stick)
    with world.at(here):
        save_encounter(world, here, new_save_id(world.now_ms, random.Random(1)))
        older = rota.make_round()
    world.advance(5 * 3_600_000)

    def back_up(_pipe: int) -> None:
        with world.at(here):
            die_at(point, 1)
            rota.make_round()

    in_a_process(world, back_up)
    with world.at(here):
        found = {path for folder in (backups_dir(), *stick.iterdir()) for path in backups_in(folder)}
        assert older in found
        assert all(verify_backup(path).head_seq == PARTS for path in found)
        made = rota.make_round()
        assert verify_backup(made).head_seq == PARTS
        for folder in (backups_dir(), *stick.iterdir()):
            left = {path.name for path in folder.iterdir() if not path.is_dir()} - {rota.ROUND}
            assert {older.name, made.name} <= left
            assert all(name.endswith(".posta-backup") for name in left)
            assert not list(folder.glob(".backup-*"))
