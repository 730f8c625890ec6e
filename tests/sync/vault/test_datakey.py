"""Where the data key comes from, and that only its wrapped form is ever on a disk."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from sync.problems import Problem
from sync.vault.datakey import (
    KEY_BYTES,
    UNSAFE_PASSPHRASE,
    WRAPPED,
    create_wrapped_key,
    data_key,
    forget,
    hold,
    unwrap,
)

ROOT = Path(__file__).parents[3]
KEY = bytes(reversed(range(32)))
PRINT_KEY = "from sync.vault.datakey import data_key; print(data_key().hex())"


@pytest.fixture
def keys(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, no_cached_key: None) -> Path:
    """The keys directory of a node whose environment holds no key."""
    monkeypatch.delenv("POSTA_TEST_DATA_KEY")
    monkeypatch.delenv("POSTA_KEY_FD", raising=False)
    settings.POSTA_DATA = tmp_path
    return tmp_path / "keys"


def code_of_refusal() -> str:
    with pytest.raises(Problem) as refused:
        data_key()
    assert refused.value.title
    return refused.value.code


def test_a_wrapped_key_opens_with_its_passphrase_only(keys: Path) -> None:
    key = create_wrapped_key(keys, "correct horse")
    assert len(key) == KEY_BYTES
    assert unwrap(keys, "correct horse") == key
    with pytest.raises(Problem) as refused:
        unwrap(keys, "correct horse ")
    assert refused.value.code == "wrong-passphrase"


def test_the_file_holds_neither_key_nor_passphrase_and_is_ours_alone(keys: Path) -> None:
    key = create_wrapped_key(keys, "correct horse")
    content = (keys / WRAPPED).read_bytes()
    assert key not in content
    assert key.hex().encode() not in content
    assert b"horse" not in content
    assert stat.S_IMODE((keys / WRAPPED).stat().st_mode) == 0o600
    assert [path.name for path in keys.iterdir()] == [WRAPPED]


def test_the_passphrase_costs_a_guesser_what_the_design_says(keys: Path) -> None:
    create_wrapped_key(keys, "correct horse")
    cost = json.loads((keys / WRAPPED).read_text())["argon2id"]
    assert cost["memory_cost"] >= 64 * 1024
    assert cost["time_cost"] >= 3


def test_an_existing_key_is_never_replaced(keys: Path) -> None:
    key = create_wrapped_key(keys, "first")
    with pytest.raises(Problem) as refused:
        create_wrapped_key(keys, "second")
    assert refused.value.code == "data-key-exists"
    assert unwrap(keys, "first") == key
    assert [path.name for path in keys.iterdir()] == [WRAPPED]


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"salt": 1, "argon2id": {}}'])
def test_a_damaged_file_is_told_apart_from_a_wrong_passphrase(keys: Path, content: bytes) -> None:
    keys.mkdir()
    (keys / WRAPPED).write_bytes(content)
    with pytest.raises(Problem) as refused:
        unwrap(keys, "correct horse")
    assert refused.value.code == "bad-data-key"


def test_a_node_without_any_key_says_so_and_creates_nothing(keys: Path) -> None:
    assert code_of_refusal() == "no-data-key"
    assert not keys.exists()


def test_a_locked_node_says_how_to_unlock_it(keys: Path) -> None:
    create_wrapped_key(keys, "correct horse")
    assert code_of_refusal() == "locked"


def test_a_demo_node_opens_with_the_passphrase_beside_the_key(keys: Path) -> None:
    key = create_wrapped_key(keys, "demo")
    (keys / UNSAFE_PASSPHRASE).write_text("demo\n")
    assert data_key() == key


def test_children_inherit_the_key_through_memory_again_and_again(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = hold(KEY)
    try:
        monkeypatch.setenv("POSTA_KEY_FD", str(descriptor))
        assert data_key() == KEY
        for _ in range(2):
            child = subprocess.run(
                [sys.executable, "-c", PRINT_KEY],
                pass_fds=[descriptor],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            assert child.stdout.strip() == KEY.hex()
    finally:
        os.close(descriptor)


def test_a_pipe_is_read_once_and_kept_for_later_children(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, KEY)
    os.close(writing)
    monkeypatch.setenv("POSTA_KEY_FD", str(reading))
    assert data_key() == KEY
    kept = int(os.environ["POSTA_KEY_FD"])
    assert kept != reading or not stat.S_ISFIFO(os.fstat(kept).st_mode)
    forget()
    assert data_key() == KEY
    os.close(kept)


@pytest.mark.parametrize("content", [b"", KEY[:31], KEY + b"\n"])
def test_a_descriptor_with_anything_else_is_refused(
    keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "not-a-key"
    path.write_bytes(content)
    with path.open("rb") as file:
        monkeypatch.setenv("POSTA_KEY_FD", str(file.fileno()))
        assert code_of_refusal() == "bad-data-key"


@pytest.mark.parametrize("number", ["x", "-1", "987654"])
def test_a_descriptor_that_is_not_there_is_refused(
    keys: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("POSTA_KEY_FD", number)
    assert code_of_refusal() == "bad-data-key"


@pytest.mark.parametrize("text", ["zz", "ab" * 31])
def test_a_malformed_fixed_key_is_refused(keys: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("POSTA_TEST_DATA_KEY", text)
    assert code_of_refusal() == "bad-data-key"
