"""Commands as a shell sees them, for tests."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

from registry.people.models import Patient
from sync.ledger.recording import recording
from tests.world import Site, World


def run(*args: str, **options: Any) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command(*args, stdout=out, stderr=err, **options)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def answer(*args: str) -> Any:
    """The JSON that a command answers."""
    code, out, err = run(*args, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def register(world: World, site: Site, count: int = 1) -> list[Patient]:
    made = []
    for _ in range(count):
        with recording(by=world.author(site)) as save:
            made.append(save.add(Patient, given_name="Ana", sex="female", registered_on=site.node.now()))
    return made
