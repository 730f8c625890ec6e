"""Moves by their names, as pages post them: what to do, and what to say when it is done.

Lives here: `make_move`. Not here: the steps themselves (`moving.py`).
"""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from clinic.visits.models import Visit
from clinic.visits.moving import (
    leave_visit,
    prioritise_visit,
    release_visit,
    return_visit,
    skip_visit,
)
from clinic.visits.policy import Priority
from sync.ledger.recording import Author
from sync.problems import Problem


def make_move(*, by: Author, visit: Visit, what: str, to: str = "", save_id: UUID | None = None) -> str:
    """Do it; answers what to tell whoever did."""
    if what in set(Priority):
        prioritise_visit(by=by, visit=visit, priority=what, save_id=save_id)
        return _("The priority is changed.")
    if what == "release":
        release_visit(by=by, visit=visit, to=_colleague(to), save_id=save_id)
        return _("Handed over.") if to else _("Set free. Anybody may take this patient.")
    if what == "skip":
        skip_visit(by=by, visit=visit, save_id=save_id)
        return _("Moved to the end of the queue.")
    if what == "left":
        leave_visit(by=by, visit=visit, save_id=save_id)
        return _("Noted: this patient went away.")
    if what == "returned":
        return_visit(by=by, visit=visit, save_id=save_id)
        return _("Back in the queue.")
    raise Problem("unknown-move", _("Nothing was done. Try again."))


def _colleague(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        sentence = _("This person does not work here.")
        raise Problem("unknown-colleague", sentence, fields={"to": sentence}) from None
