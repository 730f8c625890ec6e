"""Staff between central and a clinic: the verifiers that a node needs so that its people can log in without
central.

Lives here: what a node is given when it joins, central's door `signoffs`, and the run's step that fetches the
roster again when the list of staff has changed. Expiry and the sign-off of offline log-ins belong to the same
door. Not here: the verifiers (`verifiers.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from registry.places.models import Facility
from registry.staff.selectors import staff_names
from registry.staff.services import RosterEntry, install_roster, roster_for, roster_is_old
from sync.carriers.server import Caller, endpoint
from sync.enrolment import on_welcome, provide_extra, provide_facilities
from sync.models import EnrolledNode
from sync.review.selectors import name_people
from sync.run import Run, step
from sync.vault.keys import pepper, pinned


def _roster(node: EnrolledNode, node_pepper: bytes) -> list[RosterEntry]:
    return roster_for([UUID(one) for one in node.facilities], node_pepper)


def _install(entries: list[dict[str, Any]]) -> None:
    install_roster([_as_entry(entry) for entry in entries])


def _as_entry(plain: dict[str, Any]) -> RosterEntry:
    return RosterEntry(
        staff_id=plain["staff_id"],
        username=plain["username"],
        salt=plain["salt"],
        cost=plain["cost"],
        verifier=plain["verifier"],
        password_number=plain["password_number"],
        issued_at=plain["issued_at"],
        expires_at=plain["expires_at"],
    )


@endpoint("signoffs")
def send_roster(caller: Caller, body: bytes) -> bytes:
    """Central's door: verifiers for this node's staff, made with the pepper that the node sends and central
    does not keep.
    """
    node_pepper = msgspec.msgpack.decode(body, type=bytes)
    return msgspec.msgpack.encode(_roster(caller.node, node_pepper))


@step("roster", 60)
def fetch_roster(run: Run) -> None:
    """When the staff list that came down names other people or passwords, and once a day: a run with nothing
    to do stays one request, and one cut short before this step makes up for it.
    """
    known = pinned()
    if known and roster_is_old([UUID(one) for one in known.facilities]):
        answer = run.session.post("signoffs", msgspec.msgpack.encode(pepper()))
        _install(msgspec.msgpack.decode(answer, type=list[dict[str, Any]]))


def _facilities() -> list[tuple[str, str, str]]:
    return [(str(row.pk), row.code, row.name) for row in Facility.objects.living().order_by("name")]


provide_extra("roster", _roster)
on_welcome("roster", _install)
provide_facilities(_facilities)
name_people(staff_names)
