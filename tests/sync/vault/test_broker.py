"""The embedded broker: answers on a private socket, keeps nothing, and never outlives its owner."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery

from deploy.environment import celery_url
from sync.problems import Problem
from sync.vault.broker import LONGEST_SOCKET_PATH, Broker, socket_path, start_broker

ROOT = Path(__file__).parents[3]
OWNER = """
import sys, time
from pathlib import Path
from sync.vault.broker import start_broker
print(start_broker(Path(sys.argv[1])).process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = start_broker(tmp_path)
    yield started
    started.stop()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_answers_as_soon_as_it_is_started(broker: Broker) -> None:
    with redis.Redis.from_url(broker.url) as client:
        assert client.set("task", "1")
        assert client.get("task") == b"1"


def test_celery_reaches_it(broker: Broker) -> None:
    app = Celery(broker=celery_url(broker.url))
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("probe")
        queue.put({"id": 7})
        received = queue.get(timeout=5)
        received.ack()
        assert received.payload == {"id": 7}
        queue.close()
    app.close()


def test_only_this_user_can_reach_it(broker: Broker) -> None:
    assert broker.socket is not None
    assert stat.S_IMODE(broker.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
    with redis.Redis.from_url(broker.url) as client:
        assert client.config_get("port") == {"port": "0"}


def test_it_writes_nothing_to_the_disk(broker: Broker, tmp_path: Path) -> None:
    with redis.Redis.from_url(broker.url) as client:
        client.set("name", "CANARY-Achieng")
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
    broker.stop()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_stopped_broker_leaves_no_socket_and_the_next_one_starts(tmp_path: Path) -> None:
    for _ in range(2):
        started = start_broker(tmp_path)
        socket = started.socket
        assert socket is not None
        assert socket.is_socket()
        started.stop()
        started.stop()
        assert not socket.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's death signal is Linux's")
def test_it_dies_with_an_owner_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    owner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert is_alive(pid)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
    start_broker(tmp_path).stop()  # its stale socket is no obstacle


def test_a_deep_directory_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
    assert path != socket_path(tmp_path / ("f" * 60) / ("e" * 60))
    started = start_broker(deep)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with redis.Redis.from_url(started.url) as client:
        assert client.ping()
    started.stop()


def test_somebody_elses_directory_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Problem) as refused:
        start_broker(tmp_path)
    assert refused.value.code == "broker-directory"


def test_an_address_in_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    started = start_broker(tmp_path)
    assert (started.url, started.process) == ("redis://elsewhere:6379/0", None)
    assert list(tmp_path.iterdir()) == []


def test_a_server_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "bin" / "valkey-server"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\nexit 3\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(own.parent))
    with pytest.raises(Problem) as refused:
        start_broker(tmp_path)
    assert refused.value.code == "broker-silent"
    assert str(own) in refused.value.title


def test_a_machine_without_any_broker_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Problem) as refused:
        start_broker(tmp_path)
    assert refused.value.code == "no-broker"
