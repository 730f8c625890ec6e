"""The office's pages: who works where as what, and the table made from the policies."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from uuid import uuid4

import pytest
from django.test import Client

import clinic
import registry
from deploy.rights import all_rights
from registry.staff.credentials import password_fits
from registry.staff.models import StaffMember, StaffRole
from registry.staff.policy import MAY_REGISTER, Role
from registry.staff.rights import ROLES, table
from registry.staff.services import add_staff
from sync.node import Node
from tests.registry.conftest import PASSWORD, THE_NODE, Cast, browser

NEW = {
    "full_name": "Beto Smith",
    "username": "beto",
    "role": "triage",
    "language": "es",
    "password": "harbour mango 52",
}


@pytest.fixture
def office(node: Node, cast: Cast) -> Client:
    node.role = "central"
    return browser(cast.olga)


def held(member: StaffMember) -> set[tuple[str, object]]:
    return set(StaffRole.objects.living().filter(staff=member).values_list("role", "facility_id"))


def test_the_office_sees_everybody_with_their_roles_and_places(office: Client) -> None:
    html = office.get("/staff/").content.decode()
    for word in ("Rosa Pineda", "Registrar · <bdi>Bocas del Toro", "Olga Ruiz", "All places"):
        assert word in html


def test_somebody_is_added_with_a_role_and_can_log_in(office: Client, cast: Cast) -> None:
    added = office.post("/staff/add/", NEW | {"facility": str(cast.bocas.pk), "save_id": str(uuid4())})
    beto = StaffMember.objects.get(username="beto")
    assert (added.status_code, added.headers["Location"]) == (302, f"/staff/{beto.pk}/")
    assert held(beto) == {("triage", cast.bocas.pk)}
    assert password_fits(beto.pk, NEW["password"])


def test_a_double_tap_adds_somebody_once(office: Client, cast: Cast) -> None:
    posted = NEW | {"facility": "everywhere", "save_id": str(uuid4())}
    answers = [office.post("/staff/add/", posted) for _tap in range(2)]
    beto = StaffMember.objects.get(username="beto")
    assert {answer.headers["Location"] for answer in answers} == {f"/staff/{beto.pk}/"}
    assert held(beto) == {("triage", None)}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"username": "rosa"}, "Somebody has this user name already."),
        ({"username": "b"}, "A user name has 2 to 40 letters"),
        ({"password": "short"}, "12"),
        ({"role": "queen"}, "Select a valid choice"),
        ({"full_name": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_added(
    office: Client, cast: Cast, wrong: dict[str, str], sentence: str
) -> None:
    refused = office.post("/staff/add/", NEW | {"facility": str(cast.bocas.pk)} | wrong)
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    assert not StaffMember.objects.filter(username="beto").exists()
    assert NEW["password"] not in refused.content.decode()


def test_roles_are_given_and_ended(office: Client, cast: Cast) -> None:
    address = f"/staff/{cast.rosa.pk}/"
    given = {"role": "coordinator", "facility": str(cast.darien.pk)}
    assert office.post(f"{address}give/", given).status_code == 302
    assert held(cast.rosa) == {("registrar", cast.bocas.pk), ("coordinator", cast.darien.pk)}
    row = StaffRole.objects.get(staff=cast.rosa, role="registrar")
    assert office.post(f"{address}roles/{row.pk}/end/").status_code == 302
    assert office.post(f"{address}roles/{row.pk}/end/").status_code == 302
    assert held(cast.rosa) == {("coordinator", cast.darien.pk)}


def test_a_role_of_somebody_else_is_not_ended_at_this_address(office: Client, cast: Cast) -> None:
    row = StaffRole.objects.get(staff=cast.ana)
    assert office.post(f"/staff/{cast.rosa.pk}/roles/{row.pk}/end/").status_code == 404
    assert held(cast.ana)


def test_a_password_is_set_and_never_shown(office: Client, cast: Cast) -> None:
    answer = office.post(f"/staff/{cast.rosa.pk}/password/", {"password": "turtle window 19"}, follow=True)
    assert answer.status_code == 200
    assert "turtle" not in answer.content.decode()
    assert password_fits(cast.rosa.pk, "turtle window 19")
    weak = office.post(f"/staff/{cast.rosa.pk}/password/", {"password": "turtle"})
    assert weak.status_code == 422
    assert password_fits(cast.rosa.pk, "turtle window 19")


def test_whoever_leaves_is_out_and_stays_on_the_list(office: Client, cast: Cast) -> None:
    rosa = browser(cast.rosa)
    assert rosa.get("/me/").status_code == 200
    assert office.post(f"/staff/{cast.rosa.pk}/end/").status_code == 302
    assert rosa.get("/me/").status_code == 302
    assert "Has left" in office.get("/staff/").content.decode()


def test_nobody_locks_the_office_out_of_its_own_pages(office: Client, cast: Cast) -> None:
    row = StaffRole.objects.get(staff=cast.olga)
    assert office.post(f"/staff/{cast.olga.pk}/roles/{row.pk}/end/").status_code == 409
    assert office.post(f"/staff/{cast.olga.pk}/end/").status_code == 409
    assert held(cast.olga) == {("central-admin", None)}
    assert StaffMember.objects.get(pk=cast.olga.pk).active


def test_a_coordinator_reads_their_place_and_changes_nothing(node: Node, cast: Cast) -> None:
    node.role = "central"
    cora = add_staff(by=THE_NODE, username="cora", grants=[("coordinator", cast.bocas)], password=PASSWORD)
    for role in ("central", "clinic"):
        node.role = role
        tablet = browser(cora)
        html = tablet.get("/staff/").content.decode()
        assert "Rosa Pineda" in html
        assert "Iris Chami" not in html
        assert '<form method="post" action="/staff/' not in html
        assert tablet.get(f"/staff/{cast.rosa.pk}/").status_code == 200
        assert tablet.get(f"/staff/{cast.iris.pk}/").status_code == 404
        for address in ("add/", f"{cast.rosa.pk}/give/", f"{cast.rosa.pk}/password/", f"{cast.rosa.pk}/end/"):
            assert tablet.post(f"/staff/{address}").status_code == 403


def test_at_a_clinic_even_the_office_changes_nothing(node: Node, cast: Cast) -> None:
    tablet = browser(cast.olga)
    assert tablet.get("/staff/").status_code == 200
    assert tablet.post("/staff/add/", NEW | {"facility": "everywhere"}).status_code == 404
    assert tablet.post(f"/staff/{cast.rosa.pk}/end/").status_code == 404


def test_others_read_no_staff_but_everybody_reads_the_table(cast: Cast) -> None:
    tablet = browser(cast.rosa)
    assert tablet.get("/staff/").status_code == 403
    assert tablet.get(f"/staff/{cast.ana.pk}/").status_code == 403
    html = tablet.get("/staff/rights/").content.decode()
    for word in ("Prescribe", "Hand out medicines", "Registrar", "Programme office"):
        assert word in html


def test_the_table_says_what_the_policies_say() -> None:
    said = {row.word: row.roles for _chapter, rows in table() for row in rows}
    registers = {role for role, may in zip(ROLES, said["Register and change people"], strict=True) if may}
    assert registers == MAY_REGISTER
    assert [role for role, may in zip(ROLES, said["Prescribe"], strict=True) if may] == [Role.PROVIDER]


def test_every_question_about_a_person_in_any_policy_is_in_the_table() -> None:
    asked = set()
    for package in (registry, clinic):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] != "policy":
                continue
            module = importlib.import_module(found.name)
            for name, one in inspect.getmembers(module, inspect.isfunction):
                first = next(iter(inspect.signature(one).parameters.values()), None)
                ours = one.__module__ == found.name and name.startswith("can_")
                if ours and first is not None and first.annotation == "Authority":
                    asked.add(one)
    source = inspect.getsource(inspect.getmodule(all_rights))  # type: ignore[arg-type]
    missing = {f"{one.__module__}.{one.__name__}" for one in asked if f".{one.__name__}" not in source}
    assert missing == set()
