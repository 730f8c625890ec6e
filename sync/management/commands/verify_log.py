"""`manage.py verify_log`: is the log what it was when it was written?"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.ledger.verify import Walk, verify_log


class Command(NodeCommand):
    help = "Walk the chains of changes and central's receipts; names the exact place of a break."

    def answer(self, options: dict[str, Any]) -> Result:
        walks = verify_log()
        holds = all(walk.holds for walk in walks)
        return Result({"holds": holds, "chains": [_plain(walk) for walk in walks]}, map(_line, walks), holds)


def _plain(walk: Walk) -> dict[str, Any]:
    broken = walk.broken
    return {
        "replica": walk.replica.uuid,
        "node": walk.replica.node_name,
        "own": walk.replica.is_self,
        "changes": walk.changes,
        "receipts": walk.receipts,
        "pruned": walk.pruned,
        "holds": walk.holds,
        "broken": None
        if broken is None
        else {"seq": broken.seq, "code": broken.code, "sentence": broken.sentence},
    }


def _line(walk: Walk) -> str:
    unnamed = _("unnamed")
    name = f"{walk.replica.node_name or unnamed} {walk.replica.uuid}"
    if walk.broken is None:
        return _("%(name)s: whole, %(changes)d changes, %(receipts)d receipts") % {
            "name": name,
            "changes": walk.changes,
            "receipts": walk.receipts,
        }
    return _("%(name)s: BROKEN at change %(seq)d. %(sentence)s") % {
        "name": name,
        "seq": walk.broken.seq,
        "sentence": walk.broken.sentence,
    }
