"""`manage.py sync`: one run now, or one after another."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.models import SyncRun
from sync.node import current_node
from sync.problems import Problem
from sync.run import Busy, make_run
from sync.tasks import link_is_due


class Command(NodeCommand):
    help = "Sync with central: one run now. With --watch, go on until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--upload-only", action="store_true", help="send, do not fetch")
        parser.add_argument("--watch", action="store_true", help="go on, run after run")
        parser.add_argument(
            "--every", type=float, default=15.0, metavar="SECONDS", help="pause while watching"
        )
        parser.add_argument("--runs", type=int, default=0, metavar="N", help="stop watching after N runs")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        try:
            while options["watch"] and options["runs"] != 1:
                time.sleep(options["every"])
                if link_is_due():
                    options["runs"] -= 1
                    self._again(options)
        except KeyboardInterrupt:
            self.stdout.write(_("Stopped. Everything is safe."))

    def _again(self, options: dict[str, Any]) -> None:
        try:
            self.say(self.answer(options), as_json=options["json"])
        except Problem as problem:
            self.stderr.write(problem.title)

    def answer(self, options: dict[str, Any]) -> Result:
        if current_node().is_central:
            raise Problem(
                "not-a-clinic", _("Central does not sync by itself; clinics sync with it."), status=409
            )
        try:
            row = make_run("command", upload_only=options["upload_only"])
        except Busy:
            raise Problem("busy", _("Another run is on its way; it does the same."), status=409) from None
        went_well = row.outcome == SyncRun.Outcome.DONE and row.digests != "differ"
        return Result(_plain(row), _lines(row), holds=went_well or options["watch"])


def _plain(row: SyncRun) -> dict[str, Any]:
    names = ("sent", "to_send", "fetched", "bytes_up", "bytes_down", "digests", "reason")
    took = (row.finished_at or row.started_at) - row.started_at
    return {
        "run": row.pk,
        "outcome": str(row.outcome),
        "seconds": round(took / 1000, 3),
        **{name: getattr(row, name) for name in names},
    }


def _lines(row: SyncRun) -> list[str]:
    if row.outcome != SyncRun.Outcome.DONE:
        return [_("Broken off: %(reason)s") % {"reason": row.reason}]
    lines = [
        _("Sent %(sent)d changes, fetched %(fetched)d records.") % {"sent": row.sent, "fetched": row.fetched}
    ]
    if row.digests == "equal":
        lines.append(_("Compared with central: equal."))
    elif row.digests:
        lines.append(_("Compared with central: %(what)s.") % {"what": row.digests})
    return lines
