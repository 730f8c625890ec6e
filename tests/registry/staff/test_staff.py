"""Staff are central's list; a clinic lets in whom central's roster names, offline, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from pytest_django import Settings

from registry.staff import services
from registry.staff.credentials import days_left
from registry.staff.models import Account, Credential, StaffMember, StaffRole
from registry.staff.policy import NOBODY, Role
from registry.staff.selectors import authority_of, people_on_duty, roles_of, staff_names
from registry.staff.services import (
    add_staff,
    end_role,
    end_staff,
    give_role,
    install_roster,
    roster_for,
    roster_is_old,
    set_password,
)
from sync.ledger.models import Change
from sync.node import Node
from sync.problems import Problem
from sync.vault.keys import pepper
from tests.registry.conftest import PASSWORD, THE_NODE, TODAY, Cast


def log_in(username: str, password: str = PASSWORD) -> AbstractBaseUser | None:
    return authenticate(None, username=username, password=password)


@pytest.fixture
def central(cast: Cast, node: Node) -> Node:
    node.role = "central"
    return node


def roster(cast: Cast, node: Node, secret: bytes | None = None) -> list[services.RosterEntry]:
    """Bocas' roster as it arrives: encoded and decoded, as the wire does."""
    before, node.role = node.role, "central"
    entries = roster_for([cast.bocas.pk], secret or pepper())
    node.role = before
    return msgspec.msgpack.decode(msgspec.msgpack.encode(entries), type=list[services.RosterEntry])


@pytest.fixture
def clinic(cast: Cast, node: Node) -> Node:
    """A clinic that has its roster and none of central's own hashes."""
    entries = roster(cast, node)
    Credential.objects.all().delete()
    Account.objects.all().delete()
    install_roster(entries)
    return node


def test_central_checks_its_own_hash(central: Node) -> None:
    assert log_in("rosa") is not None
    assert log_in("ROSA ") is not None
    assert log_in("rosa", "wrong password 1") is None
    assert log_in("nobody") is None


def test_a_clinic_lets_in_its_roster_offline(clinic: Node, cast: Cast) -> None:
    assert {account.username for account in Account.objects.all()} == {"rosa", "ana"}
    found = log_in("ana")
    assert isinstance(found, Account)
    assert found.staff_id == cast.ana.pk
    assert log_in("ana", "wrong password 1") is None
    assert log_in("iris") is None


def test_no_hash_of_centrals_is_in_a_roster(cast: Cast, central: Node) -> None:
    own = {bytes(row.verifier) for row in Credential.objects.filter(kind="central")}
    sent = msgspec.msgpack.encode(roster(cast, central))
    assert len(own) == 4
    assert not any(digest in sent for digest in own)


def test_a_roster_for_another_node_is_useless_here(cast: Cast, node: Node) -> None:
    entries = roster(cast, node, secret=bytes(32))
    Credential.objects.all().delete()
    install_roster(entries)
    assert log_in("rosa") is None


def test_programme_staff_are_on_no_laptop(cast: Cast, node: Node) -> None:
    assert {entry["username"] for entry in roster(cast, node)} == {"rosa", "ana"}


def test_staff_with_a_role_everywhere_are_on_every_laptop(cast: Cast, central: Node) -> None:
    add_staff(by=THE_NODE, username="coco", grants=[("coordinator", None)], password=PASSWORD)
    assert "coco" in {entry["username"] for entry in roster(cast, central)}


def test_a_later_roster_takes_people_off(clinic: Node, cast: Cast) -> None:
    rosa = Account.objects.get(username="rosa")
    only_ana = [entry for entry in _again(clinic, cast) if entry["username"] == "ana"]
    install_roster(only_ana)
    assert log_in("rosa") is None
    assert not Credential.objects.filter(staff_id=rosa.staff_id).exists()
    assert not Account.objects.get(username="rosa").is_active


def _again(clinic: Node, cast: Cast) -> list[services.RosterEntry]:
    """A second roster, from hashes that central makes anew (the fixture dropped them)."""
    clinic.role = "central"
    for member in (cast.rosa, cast.ana):
        set_password(by=THE_NODE, staff=member, password=PASSWORD)
    entries = roster(cast, clinic)
    clinic.role = "clinic"
    Credential.objects.filter(kind="central").delete()
    return entries


def test_the_same_roster_twice_ends_no_session(clinic: Node, cast: Cast) -> None:
    entries = _again(clinic, cast)
    install_roster(entries)
    before = {account.username: account.get_session_auth_hash() for account in Account.objects.all()}
    install_roster(entries)
    assert {a.username: a.get_session_auth_hash() for a in Account.objects.all()} == before


def test_a_changed_password_ends_sessions_with_the_next_roster(clinic: Node, cast: Cast) -> None:
    before = Account.objects.get(username="ana").get_session_auth_hash()
    install_roster(_again(clinic, cast))
    assert Account.objects.get(username="ana").get_session_auth_hash() != before


def test_a_clinic_sees_that_its_roster_is_old(clinic: Node, cast: Cast) -> None:
    here = [cast.bocas.pk]
    assert not roster_is_old(here)

    def after(change: Callable[[], object]) -> list[bool]:
        """Before and after the roster is fetched again."""
        clinic.role = "central"
        change()
        clinic.role = "clinic"
        seen = [roster_is_old(here)]
        install_roster(_again(clinic, cast))
        return [*seen, roster_is_old(here)]

    assert after(lambda: set_password(by=THE_NODE, staff=cast.ana, password=PASSWORD)) == [True, False]
    assert after(lambda: give_role(by=THE_NODE, staff=cast.ana, role="lab", facility=cast.bocas)) == [
        False,
        False,
    ]
    assert after(lambda: end_role(by=THE_NODE, staff=cast.iris, role="registrar", facility=cast.darien)) == [
        False,
        False,
    ]
    clinic.role = "central"
    end_staff(by=THE_NODE, staff=cast.rosa)
    clinic.role = "clinic"
    assert roster_is_old(here)


def test_a_roster_is_renewed_daily(clinic: Node, cast: Cast) -> None:
    for hours, old in ((23, False), (25, True)):
        later = int((TODAY + timedelta(hours=hours)).timestamp() * 1000)
        clinic.wall = lambda later=later: later  # type: ignore[misc]
        assert roster_is_old([cast.bocas.pk]) is old


def test_a_user_name_may_pass_to_somebody_else(clinic: Node, cast: Cast) -> None:
    entries = _again(clinic, cast)
    successor = dict(entries[0], staff_id=uuid4().bytes)
    install_roster([successor])  # type: ignore[list-item]
    found = log_in(entries[0]["username"])
    assert isinstance(found, Account)
    assert found.staff_id.bytes == successor["staff_id"]


def test_an_offline_credential_ends_after_thirty_days(clinic: Node, cast: Cast) -> None:
    assert days_left(cast.ana.pk) == 30
    for days, left, opens in ((23, 7, True), (29, 1, True), (30, 0, False), (31, 0, False)):
        later = int((TODAY + timedelta(days=days)).timestamp() * 1000)
        clinic.wall = lambda later=later: later  # type: ignore[misc]
        assert (days_left(cast.ana.pk), log_in("ana") is not None) == (left, opens)


def test_setting_the_clock_back_lengthens_no_credential(clinic: Node, cast: Cast) -> None:
    now = int(TODAY.timestamp() * 1000)
    clinic.wall = lambda: now + 31 * 86_400_000
    clinic.clock.reset((now + 31 * 86_400_000) << 16)
    clinic.wall = lambda: now
    assert log_in("ana") is None
    assert days_left(cast.ana.pk) == 0


def test_whoever_left_is_out_at_the_next_request(central: Node, cast: Cast) -> None:
    from registry.staff.backends import CentralBackend

    account = Account.objects.get(staff_id=cast.rosa.pk)
    assert CentralBackend().get_user(account.pk) == account
    end_staff(by=THE_NODE, staff=cast.rosa)
    assert CentralBackend().get_user(account.pk) is None
    assert log_in("rosa") is None
    assert authority_of(cast.rosa.pk) == NOBODY
    assert "rosa" not in {entry["username"] for entry in roster(cast, central)}


def test_the_backend_of_the_other_role_says_nothing(cast: Cast, node: Node) -> None:
    node.role = "clinic"
    assert log_in("rosa") is None  # central's hash is here, but a clinic must not ask it


def test_unknown_names_cost_as_much_as_wrong_passwords(clinic: Node, settings: Settings) -> None:
    settings.POSTA_ARGON2 = (4, 16384, 1)
    Credential.objects.update(time_cost=4, memory_cost=16384)

    def median(username: str) -> float:
        times = []
        for _turn in range(5):
            started = time.perf_counter()
            log_in(username, "not the password")
            times.append(time.perf_counter() - started)
        return sorted(times)[2]

    known, unknown = median("ana"), median("nobody at all")
    assert 0.5 < known / unknown < 2


def test_adding_staff_writes_the_list_and_no_secret_into_the_log(central: Node, cast: Cast) -> None:
    member = add_staff(
        by=THE_NODE,
        username="Teo.Núñez",
        full_name=" Teo Núñez ",
        language="es",
        grants=[("triage", cast.bocas)],
        password=PASSWORD,
    )
    assert (member.username, str(member)) == ("teo.núñez", "Teo Núñez")
    assert StaffRole.objects.get(staff=member).role == "triage"
    kept = Credential.objects.get(staff_id=member.pk)
    bodies = [bytes(row.body) for row in Change.objects.all()]
    assert not any(bytes(kept.verifier) in body or PASSWORD.encode() in body for body in bodies)


def test_log_in_writes_no_change(central: Node, cast: Cast) -> None:
    before = Change.objects.count()
    account = log_in("rosa")
    assert isinstance(account, Account)
    account.last_login = TODAY
    account.save()
    assert Change.objects.count() == before


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"username": "rosa"}, "username-taken"),
        ({"username": "x"}, "bad-username"),
        ({"username": "two words"}, "bad-username"),
        ({"username": "nina", "grants": [("queen", None)]}, "unknown-role"),
        ({"username": "nina", "password": "short"}, "weak-password"),
        ({"username": "nina", "password": "é" * 600}, "weak-password"),
    ],
)
def test_what_is_refused(central: Node, said: dict[str, object], code: str) -> None:
    before = StaffMember.objects.count()
    with pytest.raises(Problem) as refused:
        add_staff(by=THE_NODE, **said)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert StaffMember.objects.count() == before


def test_a_clinic_adds_no_staff(cast: Cast, node: Node) -> None:
    for attempt in (
        lambda: add_staff(by=THE_NODE, username="nina"),
        lambda: set_password(by=THE_NODE, staff=cast.ana, password=PASSWORD),
        lambda: give_role(by=THE_NODE, staff=cast.ana, role="lab"),
    ):
        with pytest.raises(Problem) as refused:
            attempt()
        assert refused.value.code == "owned-by-central"


def test_a_repeated_save_adds_one_person(central: Node) -> None:
    save_id = uuid4()
    first = add_staff(by=THE_NODE, username="nina", save_id=save_id)
    assert add_staff(by=THE_NODE, username="nina", save_id=save_id).pk == first.pk
    assert Account.objects.filter(username="nina").count() == 1


def test_roles_come_and_go(central: Node, cast: Cast) -> None:
    give_role(by=THE_NODE, staff=cast.rosa, role="lab", facility=cast.darien)
    give_role(by=THE_NODE, staff=cast.rosa, role="lab", facility=cast.darien)
    assert authority_of(cast.rosa.pk).roles_at(cast.darien.pk) == {Role.LAB}
    assert StaffRole.objects.filter(staff=cast.rosa).count() == 2
    assert roles_of(cast.rosa.pk) == "Laboratory, Registrar"
    end_role(by=THE_NODE, staff=cast.rosa, role="lab", facility=cast.darien)
    assert authority_of(cast.rosa.pk).roles == {Role.REGISTRAR}


def test_names_and_tiles(clinic: Node, cast: Cast) -> None:
    assert staff_names([cast.ana.pk, None, uuid4()]) == {cast.ana.pk: "Ana Batista"}
    assert people_on_duty() == [
        {"id": str(cast.ana.pk), "username": "ana", "name": "Ana Batista", "role": "Provider"},
        {"id": str(cast.rosa.pk), "username": "rosa", "name": "Rosa Pineda", "role": "Registrar"},
    ]


def test_an_account_keeps_no_password(cast: Cast) -> None:
    assert "password" not in {field.name for field in Account._meta.get_fields()}
    with pytest.raises(NotImplementedError):
        Account.objects.get(username="ana").set_password("x")
