"""People whom a coordinator has let in and central has not decided about.

Lives here: who they are, read from the requests (`StaffRequest`) that central's list does not answer yet.
They are named like everybody, have one role at one place, and open daily work only. Once central's list has
their id, nothing here speaks of them. Not here: letting in, confirming and refusing (`replacement.py`).
Read next: `replacement.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from registry.staff.models import StaffMember, StaffRequest, StaffRole
from registry.staff.policy import MAY_BE_PROVISIONAL, NOBODY, Authority, Role
from sync.core.clock import millis_of


def waiting() -> QuerySet[StaffRequest]:
    """Requests that central has not decided and nobody has taken back, the oldest first."""
    decided = StaffMember.objects.filter(pk=OuterRef("staff"))
    rows: QuerySet[StaffRequest] = StaffRequest.objects.living()
    return rows.filter(~Exists(decided)).order_by("made_stamp", "id")


def waiting_ids() -> set[UUID]:
    return set(waiting().values_list("staff", flat=True))


def is_waiting(staff_id: UUID) -> bool:
    return waiting().filter(staff=staff_id).exists()


def provisional_authority(staff_id: UUID) -> Authority:
    """What somebody may do whom central's list does not have: their one role, where a coordinator says so."""
    asked = waiting().filter(staff=staff_id).first()
    if asked is None or asked.role not in {role.value for role in MAY_BE_PROVISIONAL}:
        return NOBODY
    return Authority(staff_id, True, frozenset({(Role(asked.role), asked.facility_id)}), provisional=True)


def newcomers_named(ids: Collection[UUID]) -> dict[UUID, str]:
    """What to call people whom central's list does not have. Whoever was sent away again keeps the name."""
    return {row.staff: str(row) for row in StaffRequest.objects.filter(staff__in=ids)} if ids else {}


def newcomers_roles(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Their roles in words."""
    words = dict(StaffRole.Kind.choices)
    return {row.staff: str(words.get(row.role, "")) for row in waiting().filter(staff__in=list(ids))}


def newcomers_at(facility_id: UUID) -> list[tuple[UUID, str]]:
    return [(row.staff, str(row)) for row in waiting().filter(facility=facility_id)]


def refused_since_ms(member: StaffMember) -> int | None:
    """When somebody was let in whom central then refused: nothing they did was ever allowed. None for
    everybody else: who once had a password was confirmed.
    """
    if member.active or member.passwords_set:
        return None
    asked = StaffRequest.objects.filter(staff=member.pk).first()
    return millis_of(asked.made_stamp) if asked is not None else None
