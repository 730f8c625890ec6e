"""`manage.py verify_access`: is the access log what was written down?"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from registry.access.unwritten import waiting
from registry.access.verify import Fault, verify_openings
from sync.commanding import NodeCommand, Result
from sync.ledger.verify import verify_log


class Command(NodeCommand):
    help = "Hold every line of the access log against the chained log of changes; names each that differs."

    def answer(self, options: dict[str, Any]) -> Result:
        chains = all(walk.holds for walk in verify_log())
        number, faults = verify_openings()
        kept = waiting()
        plain = {
            "openings": number,
            "unwritten": kept,
            "chains_hold": chains,
            "faults": [{"id": one.opening_id, "code": one.code, "sentence": one.sentence} for one in faults],
        }
        said = [
            _("%(number)d openings, %(wrong)d not as written.") % {"number": number, "wrong": len(faults)}
        ]
        said += [_line(one) for one in faults]
        if not chains:
            said.append(_("The log of changes is broken: see `manage.py verify_log`."))
        if kept:
            said.append(_("%(number)d are kept beside the database.") % {"number": kept})
        return Result(plain, said, chains and not faults)


def _line(fault: Fault) -> str:
    return f"{fault.opening_id}: {fault.sentence}"
