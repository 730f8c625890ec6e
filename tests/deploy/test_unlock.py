"""Unlocking: the passphrase opens the node's key and nothing else does; nothing of it is left on the disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


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
