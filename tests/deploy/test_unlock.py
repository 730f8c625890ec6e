"""Unlocking: the passphrase opens the node's key and nothing else does; nothing of it is left on the disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sync.vault.datakey import UNSAFE_PASSPHRASE


def unlock(monkeypatch: pytest.MonkeyPatch, passphrase: str, **options: Any) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{passphrase}\n"))
    out = io.StringIO()
    call_command("unlock", stdin=True, check=True, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, settings: Any) -> Path:
    settings.POSTA_DATA = tmp_path
    (tmp_path / "keys").mkdir()
    return tmp_path


def test_the_passphrase_that_made_the_key_opens_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "fits" in unlock(monkeypatch, "río tranquilo al amanecer", create=True)
    assert "fits" in unlock(monkeypatch, "río tranquilo al amanecer")
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "río".encode() not in left


@pytest.mark.parametrize("wrong", ["rio tranquilo al amanecer", "", "x"])
def test_another_passphrase_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    unlock(monkeypatch, "río tranquilo al amanecer", create=True)
    with pytest.raises(CommandError) as refused:
        unlock(monkeypatch, wrong)
    assert len(str(refused.value)) > 10


def test_a_key_that_exists_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    unlock(monkeypatch, "first passphrase", create=True)
    with pytest.raises(CommandError):
        unlock(monkeypatch, "second passphrase", create=True)
    assert "fits" in unlock(monkeypatch, "first passphrase")


def test_the_passphrase_is_changed_and_the_old_one_is_dead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unlock(monkeypatch, "río tranquilo al amanecer", create=True)
    (tmp_path / "keys" / UNSAFE_PASSPHRASE).write_text("río tranquilo al amanecer")
    unlock(monkeypatch, "río tranquilo al amanecer\nlluvia sobre el techo", new_passphrase=True)
    assert "fits" in unlock(monkeypatch, "lluvia sobre el techo")
    with pytest.raises(CommandError):
        unlock(monkeypatch, "río tranquilo al amanecer")
    assert not (tmp_path / "keys" / UNSAFE_PASSPHRASE).exists()


def test_a_short_passphrase_is_refused_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="at least 12"):
        unlock(monkeypatch, "elevenchars", create=True)
    unlock(monkeypatch, "first passphrase", create=True)
    with pytest.raises(CommandError, match="at least 12"):
        unlock(monkeypatch, "first passphrase\nelevenchars", new_passphrase=True)
    assert "fits" in unlock(monkeypatch, "first passphrase")


def test_what_the_console_left_in_memory_is_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unlock(monkeypatch, "first passphrase", create=True)
    left = tmp_path / "passphrase"
    left.write_text("first passphrase\n")
    out = io.StringIO()
    call_command("unlock", file=left, check=True, stdout=out)
    assert "fits" in out.getvalue()
    assert not left.exists()
