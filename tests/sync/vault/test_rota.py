"""Backups by the clock: when one is due, where it goes, which stay, and what is told when it fails."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as some
from pytest_django import Settings

from registry.people.models import Patient
from sync.files.store import file_store
from sync.tasks import back_up
from sync.vault import rota
from sync.vault.backup import backups_dir, backups_in, made_at, make_backup
from sync.vault.rota import KEPT_DAYS, KEPT_IN_FULL, KEPT_WEEKS, is_due, last_round, make_round, standing
from tests.world import World

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PHOTO = b"a photo" * 1000


@pytest.fixture
def stick(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk of its own, plugged in."""
    place = tmp_path / "stick"
    place.mkdir()
    settings.POSTA_BACKUP_TO = place
    monkeypatch.setattr(rota, "_device", lambda path: "stick" if path == place else "disk")
    return place


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    made = make_world(clinics=1)
    if made.clinics[0].connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has tools of its own")
    return made


def copies(stick: Path) -> list[str]:
    return sorted(path.name for path in stick.glob("posta-*/*.posta-backup"))


def test_one_is_made_when_it_is_due_and_not_before(world: World, stick: Path) -> None:
    with world.at(world.clinics[0]):
        assert is_due()
        first = back_up()
        assert copies(stick) == [first]
        assert back_up() == ""
        world.advance(4 * HOUR_MS)
        assert back_up() not in ("", first, "failed")
        assert (standing().count, standing().second_count) == (2, 2)
        assert rota.worry() == ""


def test_the_files_go_along_and_come_back(world: World, stick: Path) -> None:
    """The stick alone is enough to have the photos back, too."""
    here = world.clinics[0]
    with world.at(here):
        digest = file_store().put_content(PHOTO)
        make_round()
        file_store().remove(digest)
        (place,) = stick.glob("posta-*")
        assert rota.fetch_files(place) == 1
        assert file_store().content(digest) == PHOTO
        assert rota.fetch_files(place) == 0


def test_a_stick_that_is_away_is_told_and_owed(world: World, stick: Path) -> None:
    """F5: the backup here is good, the one elsewhere is missing; after six hours every page says so."""
    with world.at(world.clinics[0]):
        back_up()
        stick.rename(stick.with_name("away"))
        world.advance(4 * HOUR_MS)
        made = back_up()
        assert made != "failed"
        told = last_round()
        assert told is not None
        assert (told.here, told.second) == ("", "not-there")
        assert rota.worry() == ""
        world.advance(3 * HOUR_MS)
        assert rota.worry() == "The second place has no backup of the last hours."
        stick.with_name("away").rename(stick)
        assert is_due()
        assert back_up() == made
        assert made in copies(stick)
        assert rota.worry() == ""


def test_an_empty_folder_where_the_stick_was_is_no_second_place(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rota, "_device", lambda _path: "disk")
    with world.at(world.clinics[0]):
        make_round()
        assert list(stick.iterdir()) == []
        assert standing().second is None


def test_a_full_disk_leaves_the_older_ones_and_is_not_asked_every_minute(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5: told after six hours, and mended by itself."""

    def full(*_said: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with world.at(world.clinics[0]):
        first = make_round()
        world.advance(5 * HOUR_MS)
        with monkeypatch.context() as patch:
            patch.setattr("sync.vault.backup._write", full)
            assert back_up() == "failed"
            assert back_up() == ""
            assert backups_in(backups_dir()) == [first]
            assert not list(backups_dir().glob(".backup-*"))
            world.advance(2 * HOUR_MS)
            assert rota.worry() == "There is no backup of the last hours."
        assert back_up() not in ("", "failed")
        assert rota.worry() == ""


def test_a_copy_that_came_out_otherwise_is_no_copy(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.at(world.clinics[0]):
        made = make_backup()
        kept = shutil.copyfileobj

        def torn(source: Any, out: Any, length: int) -> None:
            kept(source, out, length)
            out.seek(-1, 2)
            out.write(b"\x00\x00")

        monkeypatch.setattr(shutil, "copyfileobj", torn)
        make_round(anew=False)
        assert copies(stick) == []
        told = last_round()
        assert told is not None
        assert told.second == "not-written"
        assert backups_in(backups_dir()) == [made]


def test_restore_brings_the_files_of_the_stick(world: World, stick: Path) -> None:
    here = world.clinics[0]
    with world.at(here):
        digest = file_store().put_content(PHOTO)
        made = make_round()
        file_store().remove(digest)
        (there,) = stick.glob(f"posta-*/{made.name}")
        here.connection.close()
        call_command("restore", str(there))
        assert file_store().content(digest) == PHOTO
        assert Patient.objects.count() == 0


@given(some.lists(some.integers(0, 400 * DAY_MS), max_size=120))
def test_rotation_keeps_the_newest_and_thins_the_old(made: list[int]) -> None:
    kept = rota.to_keep(made)
    assert set(sorted(set(made))[-KEPT_IN_FULL:]) <= kept <= set(made)
    assert len(kept) <= KEPT_IN_FULL + KEPT_DAYS + KEPT_WEEKS
    # What the next rounds clear away was never the last of a day or a week that is still kept.
    assert rota.to_keep(kept) == kept
    days = sorted({moment // DAY_MS for moment in made})[-KEPT_DAYS:]
    assert {max(moment for moment in made if moment // DAY_MS == day) for day in days} <= kept


def test_half_written_ones_are_cleared_away(world: World, stick: Path) -> None:
    with world.at(world.clinics[0]):
        make_round()
        (place,) = stick.glob("posta-*")
        (place / ".posta-1-1.posta-backup.part").write_bytes(b"half")
        (backups_dir() / ".backup-torn").mkdir()
        world.advance(int(timedelta(hours=4) / timedelta(milliseconds=1)))
        make_round()
        assert sorted(path.suffix for path in place.iterdir() if path.is_file()) == [".posta-backup"] * 2
        assert not list(backups_dir().glob(".backup-*"))


def test_postgresql_makes_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.at(world.clinics[0]):
        monkeypatch.setattr(rota, "connection", SimpleNamespace(vendor="postgresql"))
        assert not is_due()
        assert rota.worry() == ""


def test_names_tell_when(world: World) -> None:
    with world.at(world.clinics[0]) as _here:
        made = make_round()
        assert made_at(made) == world.clinics[0].node.wall()
