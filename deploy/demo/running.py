"""A demo that runs until somebody stops it.

Lives here: `Running` (set up or go on, serve both nodes, watch them, let central be switched off and on) and
`stoppable`, which turns Ctrl-C and SIGTERM into an orderly end. Not here: the unattended day (`check.py`).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from deploy.demo.layout import DemoNode, Ground, holder_of
from deploy.demo.nodes import Serving, stop_all
from deploy.demo.setting_up import serve, set_up_central, set_up_clinic
from deploy.readiness import check_port
from sync.problems import Problem

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CENTRAL_OFF, CENTRAL_ON = signal.SIGUSR1, signal.SIGUSR2
SWITCHED_WITHIN_S: Final = 60.0


class Stopped(BaseException):
    """Somebody wants the demo to end."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM raise `Stopped`, once: an impatient second one breaks no tidying up."""

    def stop(*_args: object) -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Running:
    """The demo on its ground."""

    ground: Ground
    say: Callable[[str], None]
    central: Serving = field(init=False)
    clinic: Serving = field(init=False)
    _central_wanted: bool = True

    def __post_init__(self) -> None:
        self.central, self.clinic = (Serving(node, self.ground.ca) for node in self.ground.nodes)

    def start(self, people: int) -> None:
        """Both nodes, filled and answering; what was there already is not made again."""
        for node in self.ground.nodes:
            _check_port(node)
        if self.ground.is_filled:
            self.say(_("Going on with the demo in %(directory)s …") % {"directory": self.ground.directory})
            serve(self.central, self.clinic)
            return
        self.say(_("Setting up central: places, staff, programs …"))
        code = set_up_central(self.ground)
        serve(self.central)
        self.say(
            _("Setting up the clinic: it joins, and %(n)d people come with their histories …") % {"n": people}
        )
        set_up_clinic(self.ground, self.clinic.node, code, people)
        self.ground.note_filled()
        serve(self.clinic)

    def watch(self) -> None:
        """Until `Stopped`: do as the switch says, and notice a node that ended by itself."""
        while True:
            time.sleep(0.3)
            if self._central_wanted != self.central.is_on:
                self._switch()
            for one in (self.central, self.clinic):
                if one.has_ended:
                    raise Problem(
                        "node-ended",
                        _("%(node)s ended; its log is %(log)s.") % {"node": one.node.name, "log": one.log},
                        status=503,
                    )

    def _switch(self) -> None:
        if self._central_wanted:
            serve(self.central)
            self.say(_("Central is on again."))
        else:
            self.central.stop()
            self.say(_("Central is off. The clinic works on."))

    def stop(self) -> None:
        """End every process of both nodes."""
        stop_all([self.clinic, self.central])

    def hear_the_switch(self) -> None:
        """From now on `switch_central` reaches this demo."""
        signal.signal(CENTRAL_OFF, lambda *_args: self._want_central(False))
        signal.signal(CENTRAL_ON, lambda *_args: self._want_central(True))

    def _want_central(self, wanted: bool) -> None:
        self._central_wanted = wanted


def _check_port(node: DemoNode) -> None:
    try:
        check_port(node.port)
    except Problem:
        raise Problem(
            "port-in-use",
            _(
                "Port %(port)d, which the demo's %(role)s needs, is in use by another program; "
                "stop that, or choose another with --%(role)s-port."
            )
            % {"port": node.port, "role": node.role},
            status=503,
        ) from None


def ignore_the_switch() -> None:
    """Before a demo runs, and after: a late switch does no harm."""
    for number in (CENTRAL_OFF, CENTRAL_ON):
        signal.signal(number, signal.SIG_IGN)


def switch_central(directory: Path, central: Serving, way: str) -> None:
    """Have the demo that runs in this directory stop or start its central; returns when that is done."""
    pid = holder_of(directory)
    if pid is None:
        raise Problem("no-demo", _("No demo runs in %(it)s.") % {"it": directory}, status=409)
    os.kill(pid, CENTRAL_ON if way == "on" else CENTRAL_OFF)
    deadline = time.monotonic() + SWITCHED_WITHIN_S
    while central.answers() != (way == "on"):
        if time.monotonic() > deadline:
            wanted_on, wanted_off = _("Central could not be started."), _("Central could not be stopped.")
            raise Problem("no-switch", wanted_on if way == "on" else wanted_off, status=503)
        time.sleep(0.2)
