"""`manage.py seed_demo central|clinic|proof`: the inner steps of `demo`, each in the node's own process.

Not for people: `demo` calls it. `central` loads the programme and offers one code; `clinic` joins with the
code, fetches the programme, writes the demo's people and sends most of them; `proof` says what this node
holds. Not here: starting servers (`deploy/demo/nodes.py`).
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from deploy.demo.filling import fill
from deploy.demo.layout import HOLDS, PASSPHRASE
from deploy.demo.people import plan
from deploy.demo.programme import VILLAGES, load
from deploy.demo.seeding import seeding_here
from deploy.readiness import make_unsafe_demo_key, prepare
from registry.commands import Answer, AnsweringCommand
from sync.models import EnrolledNode, SyncRun
from sync.node import Node, acting_as, current_node
from sync.problems import Problem
from sync.run import make_run
from sync.vault.keys import pinned


class Command(AnsweringCommand):
    help = "A step of the demo's set-up; `demo` calls it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        steps = parser.add_subparsers(dest="step", required=True, parser_class=ArgumentParser)
        central = steps.add_parser("central")
        central.add_argument("--programs", type=Path, nargs="*", default=[])
        clinic = steps.add_parser("clinic")
        clinic.add_argument("--central", required=True)
        clinic.add_argument("--code", default="")
        clinic.add_argument("--people", type=int, default=0)
        steps.add_parser("proof")
        for one in (central, clinic):
            one.add_argument("--ca", type=Path, required=True)
            one.add_argument("--began", type=int, required=True)
            one.add_argument("--name", required=True)
            one.add_argument("--facility", required=True)

    def answer(self, options: dict[str, Any]) -> Answer:
        if options["step"] == "proof":
            return proof()
        make_unsafe_demo_key(Path(settings.POSTA_DATA), PASSPHRASE)
        prepare(options["ca"])
        return set_up_central(options) if options["step"] == "central" else set_up_clinic(options)


def set_up_central(options: dict[str, Any]) -> Answer:
    """The programme, as of the day before the first visit, and a code for the clinic that is to join."""
    here, began = current_node(), options["began"]
    with acting_as(Node(here.role, here.data_dir, here.name, wall=lambda: began - 400 * 86_400_000)):
        load(options["programs"])
    joined = EnrolledNode.objects.filter(name=options["name"], joined_at__isnull=False).exists()
    return {"code": "" if joined else offer_code(options["name"], options["facility"])}


def offer_code(name: str, facility: str) -> str:
    code: str = said_by("enroll_node", name, "--facility", facility, "--mode", HOLDS)["code"]
    return code


def set_up_clinic(options: dict[str, Any]) -> Answer:
    """Join, fetch the programme, write the people; the newest stay unsent."""
    if pinned() is None:
        said_by("join", options["central"], options["code"])
    _sync()
    now = datetime.fromtimestamp(options["began"] / 1000, tz=UTC)
    wanted = plan(options["people"], now, len(VILLAGES))
    if wanted.people:
        fill(seeding_here(options["facility"], now), wanted, now, send=_sync)
    return {"people": len(wanted.people), "visits": len(wanted.comings)}


def _sync() -> None:
    run = make_run("demo")
    if run.outcome != SyncRun.Outcome.DONE or run.digests == "differ":
        raise Problem("demo-sync", _("The clinic could not sync."), detail=run.reason or run.digests)


def proof() -> Answer:
    """Digests of everything synced, the chains walked and the receipts verified, and what is unsent."""
    return {
        "digests": said_by("sync_digest"),
        "log": said_by("verify_log"),
        "status": said_by("sync_status"),
    }


def said_by(command: str, *arguments: str) -> dict[str, Any]:
    """What another command answers."""
    out, complaints = StringIO(), StringIO()
    with suppress(SystemExit):  # a log that does not hold is an answer as well
        call_command(command, *arguments, "--json", stdout=out, stderr=complaints)
    if complaints.getvalue():
        raise Problem("demo-step", complaints.getvalue().strip())
    said: dict[str, Any] = json.loads(out.getvalue())
    return said
