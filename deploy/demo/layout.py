"""Where a demo lives: its directory, its nodes, their ports, and what it remembers between two runs.

Lives here: `Ground` (one demo's directory), `DemoNode` (one node of it) and the lock that keeps two demos out
of one directory. Not here: processes (`nodes.py`), what is in the nodes (`programme.py`, `seeding.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from deploy.certificates import make_ca
from deploy.readiness import check_disk
from sync.problems import Problem

PASSPHRASE: Final = "posta demo, not for patients"  # noqa: S105  it lies beside what it opens, and says so
NOTES: Final = "demo.json"
LOCK: Final = "demo.lock"
HOLDS: Final = "everything"  # the second clinic goes on with patients of the first
FOREIGN: Final = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
KEPT: Final = ("POSTA_HOSTS", "POSTA_TIME_ZONE")


@dataclass(frozen=True, slots=True)
class DemoNode:
    """One node of a demo."""

    name: str
    role: Literal["central", "clinic"]
    facility: str
    directory: Path
    port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def has_joined(self) -> bool:
        return (self.directory / "keys" / "central.json").exists()

    def environment(self) -> dict[str, str]:
        """The environment of this node's processes: nothing of another node's gets in."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if name in KEPT or not (name.startswith("POSTA_") or name in FOREIGN)
        }
        return ours | {
            "POSTA_ROLE": self.role,
            "POSTA_DATA": str(self.directory),
            "POSTA_PORT": str(self.port),
            "POSTA_SECOND_FACTOR": "offered",  # everybody's password is printed anyway
            "PYTHONUNBUFFERED": "1",
        }


@dataclass(frozen=True, slots=True)
class Ground:
    """One demo's directory. `began` is the moment from which its history is counted back."""

    directory: Path
    central: DemoNode
    clinics: tuple[DemoNode, ...]
    began: int

    @property
    def ca(self) -> Path:
        """The certificate that browsers and programs may trust for this demo."""
        return self.directory / "ca" / "ca.pem"

    @property
    def nodes(self) -> tuple[DemoNode, ...]:
        return (self.central, *self.clinics)

    @property
    def is_filled(self) -> bool:
        return bool(read_notes(self.directory).get("filled"))

    def note_filled(self) -> None:
        write_notes(self.directory, read_notes(self.directory) | {"filled": True})


def ground_at(directory: Path, *, central_port: int | None, clinic_ports: Sequence[int | None]) -> Ground:
    """The demo in this directory, begun now if there is none. Without ports it has those of the last time."""
    notes = read_notes(directory)
    asked = [central_port, *clinic_ports]
    usual = notes.get("ports") or [9000, *range(8000, 8000 + len(clinic_ports))]
    ports = [port or otherwise for port, otherwise in zip(asked, usual, strict=True)]
    ground = Ground(
        directory,
        DemoNode("central", "central", "", directory / "central", ports[0]),
        tuple(_clinic(directory, number, port) for number, port in enumerate(ports[1:])),
        notes.get("began") or time.time_ns() // 1_000_000,
    )
    if ports[0] != usual[0] and any(clinic.has_joined for clinic in ground.clinics):
        raise Problem(
            "other-port",
            _("This demo's clinic knows central at port %(port)d; keep it, or start over with --fresh.")
            % {"port": usual[0]},
        )
    write_notes(directory, notes | {"demo": 1, "began": ground.began, "ports": ports})
    make_ca(directory / "ca", "Posta demo CA")
    return ground


def _clinic(directory: Path, number: int, port: int) -> DemoNode:
    from deploy.demo.programme import FACILITIES, LAPTOPS

    return DemoNode(
        LAPTOPS[number], "clinic", FACILITIES[number][0], directory / f"clinic-{number + 1}", port
    )


def read_notes(directory: Path) -> dict[str, Any]:
    """What the demo in this directory remembers; empty where there is none."""
    try:
        notes: dict[str, Any] = json.loads((directory / NOTES).read_text())
    except FileNotFoundError:
        return {}
    return notes


def write_notes(directory: Path, notes: dict[str, Any]) -> None:
    part = directory / f".{NOTES}"
    part.write_text(json.dumps(notes))
    part.replace(directory / NOTES)


def check_ours(directory: Path) -> None:
    """Refuse a directory that holds anything but a demo: starting over would delete it."""
    strangers = [one.name for one in directory.iterdir() if not _is_ours(one)] if directory.is_dir() else []
    if strangers:
        raise Problem(
            "not-a-demo",
            _("%(directory)s holds something that is not the demo's (%(name)s); nothing was changed.")
            % {"directory": directory, "name": strangers[0]},
        )


def start_over(directory: Path) -> None:
    """Delete the demo in this directory, and nothing else."""
    check_ours(directory)
    for one in directory.iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name != LOCK:
            one.unlink()


def _is_ours(path: Path) -> bool:
    files = {NOTES, f".{NOTES}", LOCK}
    return path.name in ({"ca", "central"} if path.is_dir() else files) or path.name.startswith("clinic-")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory while a demo runs in it; the lock names its holder."""
    try:
        check_disk(next(one for one in (directory, *directory.parents) if one.exists()))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Problem(
            "bad-directory",
            _("The directory %(directory)s cannot be used: %(reason)s.")
            % {"directory": directory, "reason": error.strerror},
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Problem(
                "demo-runs", _("A demo runs in %(it)s already.") % {"it": directory}, status=409
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder_of(directory: Path) -> int | None:
    """The process of the demo that runs in this directory."""
    try:
        with (directory / LOCK).open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0) or None
    except (FileNotFoundError, ValueError):
        pass
    return None
