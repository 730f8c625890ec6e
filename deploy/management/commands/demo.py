"""`manage.py demo`: a central and a clinic on this machine, filled with plausible people, until Ctrl-C.

`--check` plays one whole day without anybody and holds only if every node ends up with the same data;
`--central off|on` tells the demo that runs to stop or start its central. Not here: how any of it is done
(`deploy/demo/`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from deploy.demo.check import Check
from deploy.demo.guide import guide
from deploy.demo.layout import Ground, check_ours, ground_at, locked, read_notes, start_over, write_notes
from deploy.demo.nodes import Serving
from deploy.demo.programme import STAFF
from deploy.demo.running import Running, Stopped, ignore_the_switch, stoppable, switch_central
from deploy.demo.tablet import Spoiled
from deploy.readiness import check_disk
from sync.problems import Problem

PEOPLE: Final = 300
PEOPLE_OF_A_DAY: Final = 12


class Command(BaseCommand):
    help = "A central and a clinic side by side, filled with plausible people. Ctrl-C stops all."

    def add_arguments(self, parser: CommandParser) -> None:
        own_port = settings.POSTA_PORT if settings.POSTA_ROLE == "clinic" else None
        parser.add_argument("--fresh", action="store_true", help="start over: delete this demo's directory")
        parser.add_argument("--check", action="store_true", help="play one whole day unattended, then stop")
        parser.add_argument("--people", type=int, default=None, help="how many people (300; of a day 12)")
        parser.add_argument(
            "--programs", type=Path, nargs="+", action="extend", default=[], metavar="FILE",
            help="with --check: import these DHIS2 packages and record every stage",
        )  # fmt: skip
        parser.add_argument("--directory", type=Path, default=Path(settings.POSTA_DATA) / "demo")
        parser.add_argument("--clinic-port", type=int, default=own_port if own_port != 8000 else None)
        parser.add_argument("--central-port", type=int, default=None)
        parser.add_argument(
            "--central", choices=["off", "on"], help="stop or start the running demo's central"
        )
        parser.add_argument("--json", action="store_true", help="the last line is JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with stoppable():
                self._do(options)
        except (Problem, Spoiled) as error:
            sentence = f"{error.title} {error.detail}".strip() if isinstance(error, Problem) else str(error)
            self.stderr.write(sentence)
            raise SystemExit(1) from None
        except Stopped:
            self.stdout.write(_("Stopped; nothing of the demo is running."))
            if options["check"]:
                raise SystemExit(1) from None

    def _do(self, options: dict[str, Any]) -> None:
        ignore_the_switch()
        if options["check"]:
            self._check(options)
        elif options["central"]:
            self._switch(options)
        else:
            directory = options["directory"].absolute()
            check_ours(directory)
            with locked(directory):
                self._run(options)

    # --- until somebody stops it ---------------------------------------------------------------------------

    def _run(self, options: dict[str, Any]) -> None:
        ground = self._ground(options)
        people = self._people(ground, options["people"])
        running = Running(ground, self._say)
        running.hear_the_switch()
        try:
            running.start(people)
            for line in guide(ground, people):
                self.stdout.write(line)
            if options["json"]:
                self.stdout.write(json.dumps(_addresses(ground)))
            self.stdout.flush()
            running.watch()
        finally:
            ignore_the_switch()
            running.stop()

    def _ground(self, options: dict[str, Any]) -> Ground:
        directory = options["directory"].absolute()
        if options["fresh"]:
            start_over(directory)
        return ground_at(
            directory, central_port=options["central_port"], clinic_ports=(options["clinic_port"],)
        )

    def _people(self, ground: Ground, wanted: int | None) -> int:
        """How many people this demo has: what it began with."""
        notes = read_notes(ground.directory)
        people = int(notes.get("people") or (PEOPLE if wanted is None else max(1, wanted)))
        write_notes(ground.directory, notes | {"people": people})
        return people

    def _switch(self, options: dict[str, Any]) -> None:
        directory, way = options["directory"].absolute(), options["central"]
        if not read_notes(directory):
            raise Problem("no-demo", _("No demo runs in %(it)s.") % {"it": directory}, status=409)
        ground = ground_at(directory, central_port=None, clinic_ports=(None,))
        switch_central(directory, Serving(ground.central, ground.ca), way)
        self._say(_("Central is on.") if way == "on" else _("Central is off. The clinic works on."))

    # --- unattended ----------------------------------------------------------------------------------------

    def _check(self, options: dict[str, Any]) -> None:
        with _own_directory() as directory:
            check_disk(directory)
            people = PEOPLE_OF_A_DAY if options["people"] is None else max(1, options["people"])
            account = Check(directory, people, options["programs"], self._say).play()
        if options["json"]:
            self.stdout.write(json.dumps(account.plain()))
        if not account.holds:
            raise SystemExit(1)

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


@contextmanager
def _own_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="posta-check-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _addresses(ground: Ground) -> dict[str, Any]:
    return {
        "clinic": ground.clinics[0].url,
        "central": ground.central.url,
        "ca": str(ground.ca),
        "staff": [
            {"username": one.username, "password": one.password, "role": one.role.value} for one in STAFF
        ],
    }
