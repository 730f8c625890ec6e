"""`manage.py sync_status`: what is safe, what waits, what needs a person."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.status import Status, read_status


class Command(NodeCommand):
    help = "What is at central, what is unsent, what needs a person: true at the instant of the answer."

    def answer(self, options: dict[str, Any]) -> Result:
        found = read_status()
        return Result(found.plain(), _lines(found))


def _lines(found: Status) -> list[str]:
    lines = [
        _("%(node)s (%(role)s), replica %(replica)s")
        % {"node": found.node or _("not joined"), "role": found.role, "replica": found.replica},
        _("Link: %(state)s %(reason)s") % {"state": found.link.state, "reason": found.link.reason},
        _("Unsent: %(n)d of %(all)d changes") % {"n": found.unsent, "all": found.head_seq},
    ]
    lines += [f"  {group}: {number}" for group, number in found.unsent_by_group.items() if number]
    lines += [
        _("Set aside: %(n)d, held: %(held)d, to decide: %(conflicts)d")
        % {"n": found.quarantined, "held": found.held, "conflicts": found.conflicts},
        _("Last good sync: %(at)s") % {"at": found.last_good_sync or _("never")},
    ]
    if found.last_attempt is not None:
        attempt = found.last_attempt
        lines.append(
            _("Last attempt: %(at)s, %(outcome)s %(reason)s")
            % {"at": attempt.at, "outcome": attempt.outcome, "reason": attempt.reason}
        )
    if found.revocations.get("standing") == "damaged":
        lines.append(_("The list of people who may no longer work cannot be read. Sync now."))
    lines.append(_("Up to date.") if found.up_to_date else _("Not up to date."))
    return [line.rstrip() for line in lines]
