"""The processes of one node, kept running together: web server, Celery worker, Celery beat, and the broker if
none is given.

Lives here: `Supervisor`: starts children with the data key in an inherited descriptor, prefixes their logs,
restarts one that dies, and leaves nothing running behind. Not here: what must be true before they start
(`deploy/readiness.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings

from sync.vault.broker import Broker, ends_with, start_broker
from sync.vault.datakey import data_key, hold, is_wrapped

RESTART_AFTER_S = 2.0
STOP_WITHIN_S = 8.0


@dataclass
class Child:
    """One process of the node."""

    name: str
    argv: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0


@dataclass
class Supervisor:
    """Runs the node in `settings.POSTA_DATA` until it is told to stop."""

    write: Callable[[str], None] = print
    prefix: str = ""
    children: list[Child] = field(default_factory=list)
    _broker: Broker | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start everything; returns when the processes are up (not necessarily answering yet)."""
        self._broker = start_broker(Path(settings.POSTA_DATA))
        keys = Path(settings.POSTA_DATA) / "keys"
        self.children = [
            Child("web", web_argv(keys)),
            Child("worker", worker_argv()),
            Child("beat", beat_argv()),
        ]
        for child in self.children:
            self._spawn(child)

    def run(self) -> None:
        """Watch the children until `stop`; a child that died is started again after a pause."""
        while not self._stopping.wait(0.5):
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    self._restart(child)

    def stop(self, *_args: object) -> None:
        """Ask everything to end, then see that it did."""
        self._stopping.set()

    def close(self) -> None:
        """End the children and the broker; nothing of this node keeps running."""
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self._broker is not None:
            self._broker.stop()

    def _spawn(self, child: Child) -> None:
        sealed = is_wrapped(
            Path(settings.POSTA_DATA) / "keys"
        )  # even where the database needs no key of ours
        key = hold(data_key()) if sealed or not os.environ.get("DATABASE_URL") else None
        environment = self._environment(key)
        child.process = subprocess.Popen(
            child.argv,
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=() if key is None else (key,),
            start_new_session=True,
            preexec_fn=ends_with(os.getpid()),  # even a supervisor that is killed leaves nothing running
        )
        if key is not None:
            os.close(key)
        child.started = time.monotonic()
        threading.Thread(target=self._copy, args=(child.name, child.process.stdout), daemon=True).start()

    def _environment(self, key: int | None) -> dict[str, str]:
        made = dict(os.environ)
        made |= {
            "DJANGO_SETTINGS_MODULE": "deploy.settings",
            "POSTA_ROLE": settings.POSTA_ROLE,
            "POSTA_DATA": str(settings.POSTA_DATA),
            "POSTA_PORT": str(settings.POSTA_PORT),
            "REDIS_URL": self._broker.url if self._broker else "",
            "POSTA_SUPERVISOR": str(os.getpid()),
        }
        if key is not None:
            made["POSTA_KEY_FD"] = str(key)
        return made

    def _restart(self, child: Child) -> None:
        code = child.process.returncode if child.process else "?"
        child.restarts += 1
        self.write(f"{self.prefix}{child.name} ended with {code}; starting it again")
        if not self._stopping.wait(RESTART_AFTER_S):
            self._spawn(child)

    def _copy(self, name: str, stream: IO[bytes] | None) -> None:
        for line in stream or ():
            self.write(f"{self.prefix}{name:<6} │ {line.decode(errors='replace').rstrip()}")


def web_argv(keys: Path) -> list[str]:
    """granian with the node's certificate: one HTTPS port, HTTP/1.1 and HTTP/2."""
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asginl",
        "--host",
        "0.0.0.0",  # noqa: S104  tablets come from the clinic's own Wi-Fi
        "--port",
        str(settings.POSTA_PORT),
        "--workers",
        "1",
        "--ssl-certificate",
        str(keys / "tls.pem"),
        "--ssl-keyfile",
        str(keys / "tls.key"),
        "--ssl-protocol-min",
        "tls1.2" if settings.POSTA_ROLE == "clinic" else "tls1.3",
        "--workers-kill-timeout",
        "3",
        "--no-ws",
        "--log-level",
        "warning",
        "deploy.asgi:application",
    ]


def worker_argv() -> list[str]:
    celery = [sys.executable, "-m", "celery", "-A", "deploy.celery"]
    return [
        *celery,
        "worker",
        "--pool",
        "solo",
        "--loglevel",
        "WARNING",
        "--without-gossip",
        "--without-mingle",
    ]


def beat_argv() -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "deploy.celery", "beat", "--loglevel", "WARNING"]
