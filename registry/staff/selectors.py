"""Who is asking, and what they may do.

Lives here: the author of a request's writes, a person's authority from the synced roles, when somebody's work
ended, who could not have been at a clinic, and names for staff ids. Not here: what a role allows
(`policy.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest

from registry.places.models import Facility
from registry.staff.devices import device_of
from registry.staff.models import Account, StaffMember, StaffRequest, StaffRole, Visitor
from registry.staff.newcomers import (
    newcomers_at,
    newcomers_named,
    newcomers_roles,
    provisional_authority,
    refused_since_ms,
)
from registry.staff.policy import AT_THE_CLINIC, NOBODY, Authority, Role
from sync.core.clock import millis_of
from sync.core.merge import GONE
from sync.ledger.recording import Author
from sync.models import EnrolledNode
from sync.rowstate import state_of_row
from sync.tables import table_of


def account_of(request: HttpRequest) -> Account | None:
    """The logged-in account, if any."""
    return request.user if isinstance(request.user, Account) else None


def author_of(request: HttpRequest) -> Author:
    """Whoever writes in this request, and on which device."""
    account = account_of(request)
    return Author(account.staff_id if account else None, device_of(request))


def authority_of(staff_id: UUID | None) -> Authority:
    """A person's rights, as this node's copy of the lists has them now."""
    return NOBODY if staff_id is None else authorities_of([staff_id])[staff_id]


def authorities_of(ids: Collection[UUID]) -> dict[UUID, Authority]:
    """The rights of many people, in two questions; one more for each whom central's list does not have."""
    listed = StaffMember.objects.filter(pk__in=ids).values_list("pk", "active", "gone")
    works = {pk: active and not gone for pk, active, gone in listed}
    rows = StaffRole.objects.living().filter(staff_id__in=[pk for pk in works if works[pk]])
    known, held = {role.value for role in Role}, dict[UUID, set[tuple[Role, UUID | None]]]()
    for staff_id, role, facility in rows.values_list("staff_id", "role", "facility_id"):
        if role in known:
            held.setdefault(staff_id, set()).add((Role(role), facility))
    working = {pk: Authority(pk, True, frozenset(held.get(pk, ()))) for pk in works if works[pk]}
    unlisted = {pk: provisional_authority(pk) for pk in ids if pk not in works}
    return dict.fromkeys(works, NOBODY) | working | unlisted


def grants_of(ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """What these people may do where, as both sides write it: `role@facility`, sorted."""
    held: dict[UUID, set[str]] = {}
    rows = StaffRole.objects.living().filter(staff_id__in=list(ids))
    for staff_id, role, facility in rows.values_list("staff_id", "role", "facility_id"):
        held.setdefault(staff_id, set()).add(f"{role}@{facility.hex if facility else ''}")
    return {staff_id: sorted(grants) for staff_id, grants in held.items()}


def authority_in(request: HttpRequest) -> Authority:
    """The rights of whoever asks; read once per request and person."""
    account = account_of(request)
    kept: dict[int | None, Authority] = request.__dict__.setdefault("_posta_authority", {})
    who = account.pk if account else None
    if who not in kept:
        kept[who] = authority_of(account.staff_id) if account else NOBODY
    return kept[who]


def ended_ms(member: StaffMember) -> int:
    """When central ended somebody, in ms: the write that says so, by central's clock. The work of somebody
    who was refused never began.
    """
    refused = refused_since_ms(member)
    if refused is not None:
        return refused
    state = state_of_row(table_of(StaffMember), member)
    ends = [head for head in state.get("active", ()) if head.value is False]
    ends += [head for head in state.get(GONE, ()) if head.value is True]
    return min((millis_of(head.write.effective) for head in ends), default=millis_of(member.made_stamp))


def never_let_in(node: EnrolledNode, ids: Collection[UUID]) -> set[UUID]:
    """At central: who of these members of staff never had a way in at a node. Who worked there once is
    believed: what they wrote then may come late. Of whom central knows nothing it says nothing here.
    """
    if not node.facilities:
        return set()
    here = Q(facility_id__in=node.facilities) | Q(facility_id=None)
    known = StaffMember.objects.filter(pk__in=ids)
    for let_in in (
        StaffRole.objects.filter(here).values("staff_id"),
        StaffRequest.objects.filter(facility_id__in=node.facilities).values("staff"),
        Visitor.objects.filter(node_uuid=node.uuid).values("staff_id"),
    ):
        known = known.exclude(pk__in=let_in)
    return set(known.values_list("pk", flat=True))


def staff_names(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What to call people, by staff id; whoever is not in the list is not in the answer."""
    wanted = {staff_id for staff_id in ids if staff_id is not None}
    named = {member.pk: str(member) for member in StaffMember.objects.filter(pk__in=wanted)}
    return newcomers_named(wanted - named.keys()) | named


def colleagues_at(facility_id: UUID) -> list[tuple[UUID, str]]:
    """Who works at a facility, by name."""
    roles = StaffRole.objects.living().filter(Q(facility=facility_id) | Q(facility=None))
    at_the_clinic = roles.filter(role__in=[role.value for role in AT_THE_CLINIC])
    members = StaffMember.objects.living().filter(active=True, pk__in=at_the_clinic.values("staff_id"))
    named = [(member.pk, str(member)) for member in members]
    return sorted([*named, *newcomers_at(facility_id)], key=lambda one: (one[1], one[0]))


def people_on_duty() -> list[dict[str, str]]:
    """Tiles of the log-in page: who may log in here, by name."""
    active = Account.objects.filter(is_active=True).values_list("staff_id", "username")
    usernames = dict(active)
    members = StaffMember.objects.living().filter(active=True, pk__in=usernames)
    roles, names = _role_words(usernames), {member.pk: str(member) for member in members}
    if unknown := usernames.keys() - set(
        StaffMember.objects.filter(pk__in=usernames).values_list("pk", flat=True)
    ):
        roles |= newcomers_roles(unknown)
        names |= {staff_id: name for staff_id, name in newcomers_named(unknown).items() if staff_id in roles}
    return [
        {"id": str(one), "username": usernames[one], "name": name, "role": roles.get(one, "")}
        for one, name in names.items()
    ]


def _role_words(ids: Iterable[UUID]) -> dict[UUID, str]:
    words: dict[UUID, list[str]] = {}
    for row in StaffRole.objects.living().filter(staff_id__in=list(ids)).order_by("role"):
        words.setdefault(row.staff_id, []).append(str(row.get_role_display()))
    return {staff_id: ", ".join(dict.fromkeys(names)) for staff_id, names in words.items()}


def roles_of(staff_id: UUID) -> str:
    """A person's roles in words."""
    return _role_words([staff_id]).get(staff_id) or newcomers_roles([staff_id]).get(staff_id, "")


def facilities_named(authority: Authority) -> list[str]:
    """The names of the facilities a person works at; empty where that is all of them."""
    return [facility.name for facility in Facility.objects.filter(pk__in=authority.facilities)]
