"""A node as real processes: whoever dies is started again; told to end, it leaves one whole database file.

Not here: two nodes side by side (`test_demo.py`), killing in the middle of a save (`test_crash.py`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from sqlcipher3 import dbapi2

from deploy.demo.check import free_ports
from tests.conftest import TEST_DATA_KEY

pytestmark = [pytest.mark.system, pytest.mark.once]
PATIENCE_S = 120


def environment(home: Path, port: int) -> dict[str, str]:
    named = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    kept = {
        name: word for name, word in os.environ.items() if not name.startswith("POSTA_") and name not in named
    }
    return kept | {
        "POSTA_DATA": str(home),
        "POSTA_PORT": str(port),
        "POSTA_TEST_DATA_KEY": TEST_DATA_KEY,
        "PYTHONUNBUFFERED": "1",
    }


def argv(*words: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]


@contextmanager
def serving(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        started = subprocess.Popen(argv("serve"), env=env, stdout=out, stderr=out)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()


def looked_at(env: dict[str, str]) -> dict[str, str]:
    done = subprocess.run(argv("check_node", "--json"), env=env, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return {one["name"]: one["state"] for one in json.loads(done.stdout)["checks"]}


def beats_of(node: subprocess.Popen[bytes]) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-P", str(node.pid), "-f", "celery.*beat"], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def test_a_killed_child_is_replaced_and_sigterm_leaves_the_database_closed_and_whole(tmp_path: Path) -> None:
    """And while it runs, `check_node` finds its broker and its worker."""
    env = environment(tmp_path / "node", free_ports(1)[0])
    database = tmp_path / "node" / "posta.db"
    with serving(env, tmp_path / "log") as node:
        deadline = time.monotonic() + PATIENCE_S
        found: dict[str, str] = {}
        while time.monotonic() < deadline and found.get("worker") != "ok":
            assert node.poll() is None, (tmp_path / "log").read_text()
            time.sleep(1)
            if (tmp_path / "node" / "serving.lock").exists():
                found = looked_at(env)
        assert (found["broker"], found["worker"], found["database"]) == ("ok", "ok", "ok")
        (killed,) = beats_of(node)
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while not set(beats_of(node)) - {killed}:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.5)
        assert f"beat ended with {-signal.SIGKILL}; starting it again" in (tmp_path / "log").read_text()
        node.send_signal(signal.SIGTERM)
        assert node.wait(60) == 0, (tmp_path / "log").read_text()
    assert [one.name for one in database.parent.glob("posta.db-*") if one.stat().st_size] == []
    opened = dbapi2.connect(str(database))
    opened.execute(f"PRAGMA key = \"x'{TEST_DATA_KEY}'\"")
    assert opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    opened.close()
