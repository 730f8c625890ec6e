"""The processes of a demo: set-up steps and `manage.py serve`, one of each per node.

Lives here: `run_step` (one step in the node's own process, its answer as JSON) and `Serving` (a node that
serves). Children end with this process, however it ends. Not here: where nodes lie (`layout.py`), what the
steps do (`seed_demo`).
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from deploy.demo.layout import DemoNode
from deploy.readiness import check_port
from sync.problems import Problem
from sync.vault.broker import ends_with

ANSWERS_WITHIN_S: Final = 120.0
STOPS_WITHIN_S: Final = 25.0
DOOR: Final = "/account/login/"


def run_step(node: DemoNode, *arguments: str) -> dict[str, Any]:
    """A command of this node, in a process of its own; its JSON answer. A refusal is a `Problem`."""
    process = _start(node, arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, complaints = process.communicate()
    finally:
        _end(process)
    if process.returncode:
        raise Problem(
            "demo-step", _step_failed(node, arguments, complaints.decode(errors="replace")), status=503
        )
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def _step_failed(node: DemoNode, arguments: Sequence[str], complaints: str) -> str:
    lines = [line for line in complaints.splitlines() if line.strip()]
    (node.directory / "setup.log").write_text(complaints)
    return _("%(node)s: %(step)s failed: %(why)s") % {
        "node": node.name,
        "step": arguments[0],
        "why": lines[-1] if lines else _("it said nothing"),
    }


def _start(
    node: DemoNode, arguments: Sequence[str], *, stdout: int | IO[bytes], stderr: int
) -> subprocess.Popen[bytes]:
    node.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments],
        cwd=settings.BASE_DIR,
        env=node.environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=ends_with(os.getpid()),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, wait, and insist."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class Serving:
    """A node's `serve`. Its log lies beside its database."""

    node: DemoNode
    ca: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.node.directory / "serve.log"

    def start(self) -> None:
        """Start it; `await_answer` says when it is there."""
        check_port(self.node.port)
        with self.log.open("ab") as log:
            self._process = _start(self.node, ["serve"], stdout=log, stderr=subprocess.STDOUT)

    def await_answer(self) -> None:
        """Wait until the node answers over HTTPS with the demo's certificate."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while time.monotonic() < deadline:
            if self.has_ended:
                break
            if self.answers():
                return
            time.sleep(0.2)
        raise Problem(
            "demo-silent",
            _("%(node)s does not answer at %(url)s; the last line of %(log)s is: %(line)s")
            % {"node": self.node.name, "url": self.node.url, "log": self.log, "line": self._last_line()},
            status=503,
        )

    def answers(self) -> bool:
        """Whether its log-in page is there now."""
        trust = ssl.create_default_context(cafile=str(self.ca))
        with suppress(httpx.HTTPError):
            return (
                httpx.get(f"{self.node.url}{DOOR}", verify=trust, trust_env=False, timeout=10).status_code
                == 200
            )
        return False

    @property
    def is_on(self) -> bool:
        return self._process is not None

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def ask_to_stop(self) -> None:
        """Let it begin to end; `stop` waits for that."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End all its processes."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "")


def stop_all(servings: Sequence[Serving]) -> None:
    """End several nodes at once: each needs a few seconds."""
    for one in servings:
        one.ask_to_stop()
    for one in servings:
        one.stop()
