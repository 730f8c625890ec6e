"""The whole look at a node: every line, in the order in which somebody would put it right.

Lives here: `look` and `is_fit`. A look that fails is a line that says so; where the database does not open,
the looks that need it are left out and that is the line. Not here: the looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError
from django.utils.translation import gettext as _

from deploy.fitness import company, machine, records
from deploy.fitness.finding import Finding, State, bad
from sync.node import current_node
from sync.problems import Problem

log = logging.getLogger(__name__)

Look = Callable[[], Finding]
MACHINE: Final[tuple[Look, ...]] = (
    machine.disk_look,
    machine.clock_look,
    machine.certificates_look,
    machine.keys_look,
    machine.passphrase_look,
)
RECORDS: Final[tuple[Look, ...]] = (machine.configuration_look, records.log_look, records.backups_look)
CLINIC: Final[tuple[Look, ...]] = (
    company.link_look,
    company.backlog_look,
    company.numbers_look,
    company.tablets_look,
    company.recovery_look,
)
CENTRAL: Final[tuple[Look, ...]] = (company.clinics_look,)
PROCESSES: Final[tuple[Look, ...]] = (company.broker_look, company.worker_look)


def look() -> list[Finding]:
    """Everything there is to say about this node now."""
    opens = _try(records.database_look)
    found = [opens, *map(_try, MACHINE)]
    if opens.state is State.BROKEN:
        return found
    role = CENTRAL if current_node().is_central else CLINIC
    return [*found, *map(_try, RECORDS + role + PROCESSES)]


def _try(one: Look) -> Finding:
    try:
        return one()
    except (Problem, DatabaseError, OSError) as error:
        name, todo = one.__name__.removesuffix("_look"), _("Tell whoever set it up.")
        if isinstance(error, Problem):
            return bad(name, error.title, error.detail or todo)
        log.warning("%s could not be looked at: %s", name, type(error).__name__)
        return bad(name, _("It could not be looked at."), todo)


def is_fit(found: list[Finding]) -> bool:
    """Whether the clinic day may begin: nothing is bad."""
    return all(one.state is not State.BROKEN for one in found)
