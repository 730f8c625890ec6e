"""The end of the day: what is left, a backup that holds, a slip that does not lie, and the switch.

Not here: that the processes end as they should (`tests/system/test_serve.py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from deploy import laptop_pages
from deploy.closing import put_away, slip
from registry.staff.models import StaffMember
from sync.node import Node
from sync.vault.backup import verify_backup
from tests.registry.conftest import Cast, browser, carla, cast, cheap_argon2, make_patient, node
from tests.sync.commands import register
from tests.sync.conftest import make_world, world
from tests.world import World

__all__ = ["carla", "cast", "cheap_argon2", "make_world", "node", "world"]


def test_the_slip_says_what_is_in_the_backup_and_what_is_at_central(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 4)
    world.sync(here)
    with world.at(here):
        register(world, here, 2)
        made = put_away()
        assert made is not None
        assert verify_backup(made).head_seq == 6
        log = Path(f"{here.connection.settings_dict['NAME']}-wal")
        assert not log.exists() or log.stat().st_size == 0
        told = slip()
        assert (told.at_central, told.total, told.waiting) == (4, 6, [("Registration", 2)])
        assert told.backup is not None
        assert (told.backup.changes, told.backup.later, told.backup.place) == (6, 0, str(made))
        assert told.backup.check.replace(" ", "") == verify_backup(made).sha256.hex()[:16].upper()
        register(world, here)
        later = slip().backup
        assert later is not None and later.later == 1


def test_a_slip_without_a_backup_says_that(world: World) -> None:
    with world.at(world.clinics[0]):
        register(world, world.clinics[0])
        assert slip().backup is None


@pytest.fixture
def evening(carla: StaffMember, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Carla at the laptop; the file that the unit watches for."""
    monkeypatch.setattr(laptop_pages, "put_away", lambda: None)  # the test's own transaction is open
    settings.POSTA_POWER_OFF = tmp_path / "power-off"
    return tmp_path / "power-off"


def test_from_what_is_left_to_the_last_page(
    evening: Path, cast: Cast, carla: StaffMember, settings: Settings
) -> None:
    make_patient(cast.author(cast.rosa))
    desk = browser(carla)
    left = desk.get("/laptop/close/").context["left"]
    assert (left.unsent > 0, left.visits, left.drafts, left.day_open) == (True, 0, 0, False)
    assert desk.post("/laptop/close/")["Location"] == "/laptop/slip/"
    page = desk.get("/laptop/slip/").content.decode()
    assert "Switch the laptop off" in page
    assert "There is no backup on this laptop." in page
    assert not evening.exists()
    assert desk.post("/laptop/off/").status_code == 200
    assert evening.exists()
    settings.POSTA_POWER_OFF = None
    assert "The laptop can be switched off now." in desk.get("/laptop/slip/").content.decode()
    assert desk.post("/laptop/off/").status_code == 409


def test_only_who_opens_and_closes_the_day_may(evening: Path, cast: Cast, node: Node) -> None:
    for member in (cast.rosa, cast.olga):
        for address in ("close/", "off/"):
            assert browser(member).post(f"/laptop/{address}").status_code in (403, 409)
    assert not evening.exists()


def test_a_backup_that_cannot_be_written_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3: the disk is full. What was saved is safe, and no half of a backup is left."""
    from sync.problems import Problem
    from sync.vault import backup

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    here = world.clinics[0]
    with world.at(here):
        register(world, here)
        put_away()
        before = sorted(backup.backups_dir().iterdir())
        monkeypatch.setattr(backup, "_snapshot", full)
        with pytest.raises(Problem) as refused:
            put_away()
        assert refused.value.code == "no-backup"
        assert sorted(backup.backups_dir().iterdir()) == before
