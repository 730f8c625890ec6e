"""Who may do what, where.

Lives here, pure: roles, a person's authority, and the pairs `check_x` / `can_x`. Rights are a role at a
facility (or at all of them); clinic and central ask the same questions of the same rows. Not here: reading
those rows (`selectors.py`), what a record's state allows (the policy of the room that owns the record).
Read next: `selectors.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.refusals import Refused, _


class Role(StrEnum):
    """What a person is there to do."""

    REGISTRAR = "registrar"
    TRIAGE = "triage"
    PROVIDER = "provider"
    PHARMACIST = "pharmacist"
    LAB = "lab"
    COORDINATOR = "coordinator"
    CENTRAL_ADMIN = "central-admin"


# Nobody's id: what is asked about somebody unknown is asked about no one.
NO_ONE: Final = UUID(int=0)
EVERYONE: Final = frozenset(Role)
AT_THE_CLINIC: Final = EVERYONE - {Role.CENTRAL_ADMIN}
MAY_REGISTER: Final = frozenset({Role.REGISTRAR, Role.TRIAGE, Role.PROVIDER, Role.COORDINATOR})
MAY_RESOLVE: Final = frozenset({Role.PROVIDER, Role.COORDINATOR, Role.CENTRAL_ADMIN})
MAY_SYNC: Final = frozenset({Role.COORDINATOR, Role.CENTRAL_ADMIN})
MAY_MANAGE_STAFF: Final = frozenset({Role.CENTRAL_ADMIN})
# What a coordinator may give somebody whom central has not confirmed: never a coordinator's own role.
MAY_BE_PROVISIONAL: Final = AT_THE_CLINIC - {Role.COORDINATOR}
MAY_RECORD: Final[dict[str, frozenset[Role]]] = {
    "registration": MAY_REGISTER,
    "triage": frozenset({Role.TRIAGE, Role.PROVIDER}),
    "provider": frozenset({Role.PROVIDER}),
    "pharmacy": frozenset({Role.PHARMACIST, Role.PROVIDER}),
    "lab": frozenset({Role.LAB, Role.PROVIDER}),
}


@dataclass(frozen=True, slots=True)
class Authority:
    """One person's rights. A grant at facility None holds at every facility. `provisional` is somebody whom a
    coordinator has let in and central has not confirmed.
    """

    staff_id: UUID | None
    active: bool = True
    grants: frozenset[tuple[Role, UUID | None]] = field(default_factory=frozenset)
    provisional: bool = False

    @property
    def everywhere(self) -> bool:
        return self.active and any(facility is None for _role, facility in self.grants)

    @property
    def facilities(self) -> frozenset[UUID]:
        """The facilities named in the grants; see `everywhere` for a grant at all of them."""
        return (
            frozenset(facility for _role, facility in self.grants if facility) if self.active else frozenset()
        )

    @property
    def roles(self) -> frozenset[Role]:
        """Every role held anywhere."""
        return frozenset(role for role, _facility in self.grants) if self.active else frozenset()

    def roles_at(self, facility: UUID | None) -> frozenset[Role]:
        """The roles that hold at a facility; with None those that hold at all facilities."""
        if not self.active:
            return frozenset()
        return frozenset(role for role, at in self.grants if at is None or at == facility)

    def holds(self, wanted: Collection[Role], facilities: Collection[UUID] | None = None) -> bool:
        """Whether one of the roles holds at one of the facilities (None: anywhere)."""
        if facilities is None:
            return bool(self.roles & set(wanted))
        return any(self.roles_at(facility) & set(wanted) for facility in facilities)


NOBODY: Final = Authority(staff_id=None, active=False)


def _not_allowed(sentence: str) -> Refused:
    return Refused("not-allowed", sentence, status=403)


def can_see_patients(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(EVERYONE, facilities)


def check_see_patients(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_see_patients(who, facilities):
        raise _not_allowed(_("You have no role at this place."))


def can_register(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_REGISTER, facilities)


def check_register(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_register(who, facilities):
        raise _not_allowed(_("Your role does not register people here."))


def can_record(who: Authority, station: str, facilities: Collection[UUID] | None = None) -> bool:
    """Whether the person records what belongs to a station. A station this version does not know is for
    providers.
    """
    return who.holds(MAY_RECORD.get(station, MAY_RECORD["provider"]), facilities)


def check_record(who: Authority, station: str, facilities: Collection[UUID] | None = None) -> None:
    if not can_record(who, station, facilities):
        raise _not_allowed(_("Your role does not record this form."))


def can_resolve(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return not who.provisional and who.holds(MAY_RESOLVE, facilities)


def check_resolve(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_resolve(who, facilities):
        raise _not_allowed(_("Your role does not decide between two values."))


def can_sync(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds(MAY_SYNC, facilities)


def check_sync(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_sync(who, facilities):
        raise _not_allowed(_("Only a coordinator starts a sync by hand."))


def can_visit(who: Authority) -> bool:
    """Whether a person may work at a clinic where they have no role, once central has said yes: those who
    work at some clinic may. The programme office may not: what it can do must not hang on a laptop.
    """
    return bool(who.roles & AT_THE_CLINIC)


def can_see_log_ins(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds({Role.COORDINATOR}, facilities)


def check_see_log_ins(who: Authority, facilities: Collection[UUID] | None = None) -> None:
    if not can_see_log_ins(who, facilities):
        raise _not_allowed(_("This list is for the coordinator of this place."))


def can_let_in(who: Authority, facilities: Collection[UUID] | None = None) -> bool:
    return who.holds({Role.COORDINATOR}, facilities)


def check_let_in(
    who: Authority, role: Role, facility: UUID, *, served: Collection[UUID] | None = None
) -> None:
    """A coordinator lets somebody in at their own place, below their own role, until central decides."""
    if not can_let_in(who, [facility]) or (served is not None and facility not in served):
        raise _not_allowed(_("Only the coordinator of this place lets new people in."))
    if role not in MAY_BE_PROVISIONAL:
        raise _not_allowed(_("Only the programme office gives this role."))


def can_see_central(who: Authority) -> bool:
    return Role.CENTRAL_ADMIN in who.roles


def check_see_central(who: Authority) -> None:
    if not can_see_central(who):
        raise _not_allowed(_("These pages are for the programme office."))


def can_manage_staff(who: Authority) -> bool:
    return bool(who.roles & MAY_MANAGE_STAFF)


def check_manage_staff(who: Authority) -> None:
    if not can_manage_staff(who):
        raise _not_allowed(_("Only the programme office changes staff."))
