"""Staff between central and a clinic: what a node is given when it joins, central's door `signoffs`, and the
first step of every run.

Lives here: before anything is sent or fetched, the lists of staff and roles come down if they have changed,
and central signs off every log-in since the last contact. The same question brings the roster: when somebody
else is on it, when a log-in was not simply fine, and once a day. Not here: what is asked and answered
(`signoffs.py`), the verifiers (`verifiers.py`), a log-in while the link is up (`online.py`).
Read next: `signoffs.py`.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from registry.places.models import Facility
from registry.staff.breakglass import keep_key
from registry.staff.revocations import ended_here, reapply, revocations_told, serial_kept
from registry.staff.selectors import never_let_in, staff_names
from registry.staff.services import RosterEntry, install_roster, roster_for, roster_is_old
from registry.staff.signoffs import answer_signoffs, signoffs_to_ask, take_signoffs, waits_for_sign_off
from sync.carriers.server import Caller, endpoint
from sync.download import Inflow
from sync.elsewhere import tell_elsewhere
from sync.ended import tell_ended
from sync.enrolment import on_welcome, provide_extra, provide_facilities
from sync.ledger.birth import when_restored
from sync.models import EnrolledNode
from sync.node import current_node
from sync.review.selectors import name_people
from sync.run import Run, ask_first, step
from sync.status import provide
from sync.vault.keys import pinned

STAFF_LISTS: Final = ("staff", "staff_roles")
THEIR_PARENTS: Final = ("areas", "facilities")


def _roster(node: EnrolledNode, node_pepper: bytes) -> list[RosterEntry]:
    keep_key(node.uuid, node_pepper)
    return roster_for([UUID(one) for one in node.facilities], node_pepper)


def _install(entries: object) -> None:
    install_roster(msgspec.convert(entries, list[RosterEntry]))
    reapply()


@endpoint("signoffs")
def sign_off_for(caller: Caller, body: bytes) -> bytes:
    """Central's door: its word on log-ins, and verifiers for this node's staff, made with the pepper that the
    node sends and central does not keep.
    """
    return answer_signoffs(caller.node, body)


@step("signoffs", 10)
def ask_about_staff(run: Run) -> None:
    """A run with nothing to ask stays one request. One cut short goes on where it was: what central answered
    is kept, the rest is asked again.
    """
    _fetch_lists(run)
    known = pinned()
    while known is not None:
        roster = roster_is_old([UUID(one) for one in known.facilities])
        if not (roster or waits_for_sign_off() or _list_is_old(run)):
            reapply()
            return
        settled = take_signoffs(run.session.post("signoffs", signoffs_to_ask(roster=roster)))
        if not settled or not waits_for_sign_off():
            return


def _list_is_old(run: Run) -> bool:
    """Whether central's list of revocations may have changed: it has the number of the list of staff."""
    gate = run.heard.gates.get(STAFF_LISTS[0])
    return gate is not None and gate[0] > serial_kept()


def _fetch_lists(run: Run) -> None:
    """Who left and who does what now counts from here on, however much there is to send."""
    gates = run.heard.gates
    lists = Inflow(run.session, {name: gates[name] for name in STAFF_LISTS if name in gates})
    if not lists.wanted():
        return
    lists.gates = {name: gates[name] for name in (*THEIR_PARENTS, *STAFF_LISTS) if name in gates}
    lists.ahead = current_node().kept.get("carrier") is None
    before = run.row.fetched
    for fetched in lists.slices():
        run.note(fetched=before + fetched)
    run.touched |= lists.touched


def _facilities() -> list[tuple[str, str, str]]:
    return [(str(row.pk), row.code, row.name) for row in Facility.objects.living().order_by("name")]


ask_first(waits_for_sign_off)
provide_extra("roster", _roster)
on_welcome("roster", _install)
provide_facilities(_facilities)
name_people(staff_names)
tell_ended(ended_here)
tell_elsewhere(never_let_in)
when_restored(reapply)
provide("revocations", revocations_told)
