"""Nodes for measuring: prepared once, copied for every measurement, central behind a real HTTPS server.

Lives here: `Bench` – directories, environments, the central process with its memory, and the relay that
counts bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.postgres import Databases

ROOT = Path(__file__).resolve().parents[2]
KEY = bytes(range(32)).hex()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Bench:
    """A working directory with prepared nodes."""

    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="posta-bench-")))
    shared: str = "{}"
    copies: int = 0
    databases: Databases | None = None

    def environment(self, directory: Path, role: str, port: int = 0) -> dict[str, str]:
        made = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("POSTA_", "REDIS", "DATABASE"))
        }
        made |= {
            "POSTA_ROLE": role,
            "POSTA_SECOND_FACTOR": "offered",
            "POSTA_DATA": str(directory),
            "POSTA_TEST_DATA_KEY": KEY,
            "POSTA_PORT": str(port or 8000),
            "DJANGO_SETTINGS_MODULE": "deploy.settings",
        }
        if role == "central" and self.databases is not None:
            made["DATABASE_URL"] = self.databases.url(directory)
        return made

    def act(self, directory: Path, role: str, action: str, *options: str) -> dict[str, Any]:
        """One action in a process of its own."""
        argv = [sys.executable, "-m", "tests.bench.client", action, "--shared", self.shared, *options]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment(directory, role), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{action} failed:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return answer

    def start(self, directory: Path, action: str, *options: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "tests.bench.client", action, "--shared", self.shared, *options]
        return subprocess.Popen(
            argv, cwd=ROOT, env=self.environment(directory, "clinic"), stdout=subprocess.PIPE, text=True
        )

    def copy(self, *names: str) -> list[Path]:
        """Fresh copies of prepared nodes."""
        self.copies += 1
        made = []
        for name in names:
            target = self.home / f"{name}-{self.copies}"
            shutil.copytree(self.home / name, target)
            if name == "central" and self.databases is not None:
                self.databases.copy(self.home / name, target)
            made.append(target)
        return made

    @contextmanager
    def central(self, directory: Path) -> Iterator[Central]:
        """Central's web server on a free port."""
        port = free_port()
        keys = directory / "keys"
        argv = [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "asginl",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        argv += ["--ssl-certificate", str(keys / "tls.pem"), "--ssl-keyfile", str(keys / "tls.key")]
        argv += [
            "--log-level",
            "warning",
            "--no-ws",
            "--workers-kill-timeout",
            "3",
            "deploy.asgi:application",
        ]
        process = subprocess.Popen(
            argv, cwd=ROOT, env=self.environment(directory, "central", port), stdout=subprocess.DEVNULL
        )
        try:
            _await_port(port)
            yield Central(port, process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def prepare(self, records: int, few: int) -> None:
        """A central with its lists; clinics that have joined: one with many rows to send, one with few, one
        with long notes, one with none.
        """
        from deploy.certificates import issue, make_ca

        central = self.home / "central"
        make_ca(self.home / "ca")
        issue(self.home / "ca", central / "keys")
        if self.databases is not None:
            self.databases.make(central)
        given = self.act(central, "central", "central")
        self.shared = json.dumps(given)
        with self.central(central) as server:
            joins = [["--url", server.url, "--code", code] for code in given["codes"]]
            everyday = ["--shape", "everyday", "--records"]
            self.act(self.home / "sender", "clinic", "clinic", *joins[0], *everyday, str(records))
            self.act(self.home / "thin", "clinic", "clinic", *joins[1], *everyday, str(few))
            self.act(self.home / "notes", "clinic", "clinic", *joins[2], "--shape", "notes")
            self.act(self.home / "fresh", "clinic", "clinic", *joins[3])

    def close(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        if self.databases is not None:
            self.databases.close()


@dataclass
class Central:
    """A running central."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def peak_rss_mb(self) -> float:
        """The largest worker's peak resident memory."""
        return max(_peak_kb(pid) for pid in _family(self.process.pid)) / 1024


def _family(pid: int) -> list[int]:
    """A process and all it started, as Linux lists them."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in listed for one in _family(int(child)))]


def _peak_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def _await_port(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(0.5)
            return
    raise SystemExit("central did not start")
