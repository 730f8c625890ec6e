"""A laptop that is switched off speaks for nobody: what it signs, checks and greets with opens with the
passphrase only. Not here: the data key itself (`test_datakey.py`), the database (`test_engine.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

import sync.crash
from sync.node import Node, acting_as
from sync.problems import Problem
from sync.rotation import rotate
from sync.vault.backup import make_backup, verify_backup
from sync.vault.datakey import WRAPPED, create_wrapped_key, data_key, forget, unwrap, wrap_again
from sync.vault.keys import (
    KEY,
    NEXT_KEY,
    PEPPER,
    files_secret,
    lying_open,
    next_key,
    node_key,
    pepper,
    seal_secrets,
)
from tests.sync.commands import register
from tests.world import World

pytestmark = pytest.mark.once
TOKEN, NONCE = "0f1e2d3c4b5a69780f1e2d3c4b5a6978", "19a2b3c4d5e.00112233445566778899"
PASSPHRASE = "four words on the wall"


class PowerCut(BaseException):
    """The laptop goes dark."""


def secrets_of(node: Node) -> dict[str, bytes]:
    """Everything that whoever has it could speak or check with."""
    with acting_as(node):
        mark = node.marks.read()
        return {
            "key": node_key().private_bytes_raw(),
            "next key": next_key().private_bytes_raw(),
            "pepper": pepper(),
            "key of files": files_secret(),
            "token": mark.token.encode(),
            "nonce": mark.run_nonce.encode(),
        }


def readable(directory: Path, words: dict[str, bytes]) -> set[str]:
    """Which of them lie in any file there, as they are or as programs write bytes."""
    content = b"\n".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())
    return {
        name
        for name, word in words.items()
        if any(form in content for form in (word, word.hex().encode(), b64encode(word)[:-4]))
    }


def clear_directory(directory: Path) -> dict[str, bytes]:
    """As an older program left one: in clear, with the half of a write, and marks of the shape before."""
    directory.mkdir(exist_ok=True)
    with acting_as(Node("clinic", directory)) as node:
        told = {"replica": "r", "head_seq": 7, "token": TOKEN, "run_nonce": NONCE, "heard_ms": 5}
        slots = b""
        for generation in (2, 3):
            body = json.dumps(told | {"generation": generation}).encode()
            slots += (b"%08x %s\n" % (zlib.crc32(body), body)).ljust(1024, b"\0")
        node.marks.path.write_bytes(slots)
        found = secrets_of(node)
        node.marks.close()
    (directory / "keys" / ".pepper.0a0b0c0d").write_bytes(found["pepper"])
    assert (found["token"], found["nonce"]) == (TOKEN.encode(), NONCE.encode())
    assert readable(directory, found) == set(found)  # the search finds what lies there
    assert lying_open(directory) == []  # nothing to seal it with
    (directory / "keys" / WRAPPED).touch()
    assert {KEY, NEXT_KEY, PEPPER, "marks"} < set(lying_open(directory))
    return found


def seal(directory: Path) -> None:
    with acting_as(Node("clinic", directory)) as node:
        try:
            seal_secrets()
        finally:
            node.marks.close()


def now_in(directory: Path) -> dict[str, bytes]:
    """As a process sees them that starts now."""
    node = Node("clinic", directory)
    found = secrets_of(node)
    assert node.marks.read().head_seq == 7
    node.marks.close()
    return found


def test_nothing_of_a_fresh_laptop_speaks_without_the_passphrase(tmp_path: Path) -> None:
    with acting_as(Node("clinic", tmp_path)) as node:
        wrap_again(node.path("keys"), data_key(), PASSPHRASE)
        for token in (NONCE, TOKEN):  # both slots
            node.marks.put_token(token, NONCE, shown=node.marks.read().token)
        found = secrets_of(node)
        assert len(set(found.values())) == len(found)
        node.marks.close()
    assert readable(tmp_path, found) == set()
    assert lying_open(tmp_path) == []


def test_an_older_directory_is_sealed_and_loses_nothing(tmp_path: Path) -> None:
    before = clear_directory(tmp_path)
    seal(tmp_path)
    assert readable(tmp_path, before) == set()
    assert lying_open(tmp_path) == []
    assert now_in(tmp_path) == before


def interrupted(monkeypatch: pytest.MonkeyPatch, at: int, do: Callable[[], None]) -> bool:
    """Whether the power went before the n-th step on the disk."""
    steps = 0

    def cut_before(step: Callable[..., Any]) -> Callable[..., Any]:
        def one(*args: Any, **options: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == at:
                raise PowerCut
            return step(*args, **options)

        return one

    with monkeypatch.context() as patched:
        for name in ("write", "fsync", "pwrite", "fdatasync"):
            patched.setattr(os, name, cut_before(getattr(os, name)))
        patched.setattr(Path, "replace", cut_before(Path.replace))
        patched.setattr(Path, "unlink", cut_before(Path.unlink))
        try:
            do()
        except PowerCut:
            return True
    return False


def test_a_power_cut_in_the_middle_leaves_every_secret_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older"
    before = clear_directory(older)
    at, went_on = 0, True
    while went_on:
        at += 1
        here = tmp_path / f"cut-{at}"
        shutil.copytree(older, here)
        went_on = interrupted(monkeypatch, at, partial(seal, here))
        assert now_in(here) == before, f"cut before step {at}"
        seal(here)
        assert readable(here, before) == set(), f"cut before step {at}"
        assert now_in(here) == before
    assert at > 15


@pytest.fixture
def locked(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, no_cached_key: None
) -> Iterator[Node]:
    """A laptop that was set up and switched off."""
    settings.POSTA_DATA = tmp_path
    monkeypatch.delenv("POSTA_KEY_FD", raising=False)
    key = create_wrapped_key(tmp_path / "keys", PASSPHRASE)
    monkeypatch.setenv("POSTA_TEST_DATA_KEY", key.hex())
    with acting_as(Node("clinic", tmp_path)) as node:
        node.marks.put_token(TOKEN, NONCE, shown="")
        node.marks.raise_to(head_seq=7)
        secrets_of(node)
        node.marks.close()
    monkeypatch.delenv("POSTA_TEST_DATA_KEY")
    forget()
    node = Node("clinic", tmp_path)
    with acting_as(node):
        yield node
    node.marks.close()


def refused(ask: Callable[[], object]) -> str:
    with pytest.raises(Problem) as problem:
        ask()
    return problem.value.code


def test_a_locked_laptop_and_a_wrong_passphrase_open_nothing(
    locked: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in locked.data_dir.rglob("*") if path.is_file()}
    asks: list[Callable[[], object]] = [node_key, next_key, pepper, lambda: locked.marks.read().token]
    assert [refused(ask) for ask in asks] == ["locked"] * 4
    assert refused(lambda: unwrap(locked.path("keys"), "five words on the wall")) == "wrong-passphrase"
    assert locked.marks.read().head_seq == 7  # a rollback is seen before anybody types
    monkeypatch.setenv("POSTA_TEST_DATA_KEY", bytes(32).hex())
    assert [refused(ask) for ask in asks] == ["wrong-data-key"] * 4
    assert {path: path.read_bytes() for path in locked.data_dir.rglob("*") if path.is_file()} == before


def test_after_a_day_of_work_and_half_a_change_of_key_nothing_speaks(world: World) -> None:
    """Joined by an older program, sealed at a start; then work, runs, a backup and a key that is changed."""
    here = world.clinics[0]
    keys = here.node.path("keys")

    def dark(name: str) -> None:
        if name == "rotate.before-swap":
            raise PowerCut

    with world.at(here):
        wrap_again(keys, data_key(), PASSPHRASE)
        seal_secrets()
        register(world, here)
    assert [run.outcome for run in world.sync(here, rounds=2)] == ["done", "done"]
    sync.crash.install_hook(dark)
    try:
        with world.at(here), pytest.raises(PowerCut):
            rotate()
    finally:
        sync.crash.install_hook(None)
    with world.at(here):
        backup = make_backup()
    found = secrets_of(here.node)
    assert found["token"] and (keys / NEXT_KEY).exists()
    assert readable(here.node.data_dir, found) == set()
    with world.at(here):
        rotate()
        verify_backup(backup)
    assert node_key_of(here.node) == found["next key"]
    assert readable(here.node.data_dir, found) == set()
    assert world.sync(here)[0].outcome == "done"


def node_key_of(node: Node) -> bytes:
    with acting_as(node):
        return node_key().private_bytes_raw()
