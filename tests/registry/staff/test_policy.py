"""Who may do what: a table, because that is what it is."""

from __future__ import annotations

from uuid import UUID

import pytest

from registry.refusals import Refused
from registry.staff import policy
from registry.staff.policy import NOBODY, Authority, Role

HERE, THERE = UUID(int=1), UUID(int=2)


def holding(*grants: tuple[Role, UUID | None], active: bool = True) -> Authority:
    return Authority(UUID(int=9), active, frozenset(grants))


@pytest.mark.parametrize(
    ("role", "registers", "resolves", "syncs", "central"),
    [
        (Role.REGISTRAR, True, False, False, False),
        (Role.TRIAGE, True, False, False, False),
        (Role.PROVIDER, True, True, False, False),
        (Role.PHARMACIST, False, False, False, False),
        (Role.LAB, False, False, False, False),
        (Role.COORDINATOR, True, True, True, False),
        (Role.CENTRAL_ADMIN, False, True, True, True),
    ],
)
def test_what_each_role_may(role: Role, registers: bool, resolves: bool, syncs: bool, central: bool) -> None:
    who = holding((role, HERE))
    assert policy.can_register(who, [HERE]) is registers
    assert policy.can_resolve(who, [HERE]) is resolves
    assert policy.can_sync(who, [HERE]) is syncs
    assert policy.can_see_central(who) is central
    assert policy.can_manage_staff(who) is central
    assert policy.can_see_patients(who, [HERE])


@pytest.mark.parametrize(
    ("station", "roles"),
    [
        ("registration", {Role.REGISTRAR, Role.TRIAGE, Role.PROVIDER, Role.COORDINATOR}),
        ("triage", {Role.TRIAGE, Role.PROVIDER}),
        ("provider", {Role.PROVIDER}),
        ("pharmacy", {Role.PHARMACIST, Role.PROVIDER}),
        ("lab", {Role.LAB, Role.PROVIDER}),
        ("a station of a later version", {Role.PROVIDER}),
    ],
)
def test_what_each_station_takes(station: str, roles: set[Role]) -> None:
    assert {role for role in Role if policy.can_record(holding((role, HERE)), station, [HERE])} == roles


def test_a_role_holds_where_it_was_given() -> None:
    who = holding((Role.REGISTRAR, HERE))
    assert policy.can_register(who, [THERE, HERE])
    assert not policy.can_register(who, [THERE])
    assert policy.can_register(who)
    assert who.facilities == {HERE}
    assert not who.everywhere


def test_a_role_without_a_facility_holds_everywhere() -> None:
    who = holding((Role.COORDINATOR, None))
    assert policy.can_sync(who, [THERE])
    assert who.everywhere
    assert who.roles_at(HERE) == {Role.COORDINATOR}


@pytest.mark.parametrize("who", [NOBODY, holding((Role.PROVIDER, None), active=False), holding()])
def test_whoever_left_may_nothing(who: Authority) -> None:
    checks = (
        policy.check_see_patients,
        policy.check_register,
        policy.check_resolve,
        policy.check_sync,
        policy.check_see_central,
        policy.check_manage_staff,
    )
    for check in checks:
        with pytest.raises(Refused) as refused:
            check(who)
        assert (refused.value.code, refused.value.status) == ("not-allowed", 403)
    with pytest.raises(Refused):
        policy.check_record(who, "triage")


def test_checks_pass_where_the_answer_is_yes() -> None:
    everything = holding((Role.COORDINATOR, None), (Role.PROVIDER, None), (Role.CENTRAL_ADMIN, None))
    policy.check_see_patients(everything, [HERE])
    policy.check_register(everything, [HERE])
    policy.check_record(everything, "lab", [HERE])
    policy.check_resolve(everything, [HERE])
    policy.check_sync(everything, [HERE])
    policy.check_see_central(everything)
    policy.check_manage_staff(everything)
