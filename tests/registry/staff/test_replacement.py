"""Somebody new at a clinic: in at once, for daily work, until the office confirms or refuses."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from registry.people.models import Patient
from registry.people.services import register
from registry.staff import newcomer_views
from registry.staff.models import Account, Credential, SignIn, StaffMember, StaffRequest
from registry.staff.newcomers import waiting
from registry.staff.replacement import let_in
from registry.staff.selectors import authority_of, people_on_duty, staff_names
from registry.staff.services import add_staff, roster_is_old
from registry.staff.sessions import issue_token
from sync.ledger.recording import Author
from sync.problems import Problem
from tests.registry.conftest import PASSWORD, THE_NODE
from tests.registry.staff.conftest import LOGIN, Staffed

NEW_ONE: dict[str, Any] = {
    "full_name": "Noa Vega",
    "username": "noa",
    "role": "provider",
    "language": "en",
    "password": PASSWORD,
}


@pytest.fixture(autouse=True)
def no_run_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomer_views, "ask_for_run", lambda _why: None)


def adds(staffed: Staffed, client: Client | None = None, **said: Any) -> Any:
    client = client or staffed.logs_in("carla")
    with staffed.world.at(staffed.laptop):
        bocas = staffed.facility("BOC").pk
        return client.post("/team/add/", NEW_ONE | {"facility": bocas} | said, secure=True)


def noa(staffed: Staffed) -> UUID:
    with staffed.world.at(staffed.laptop):
        found: UUID = StaffRequest.objects.get().staff
        return found


def writes(staffed: Staffed, name: str) -> None:
    with staffed.world.at(staffed.laptop):
        by = Author(noa(staffed), "tablet-1")
        register(by=by, facility=staffed.facility("BOC"), given_name=name, birth_date=date(1990, 5, 17))


def decides(staffed: Staffed, act: str, **said: Any) -> Any:
    office = Client()
    with staffed.world.at(staffed.world.central):
        office.post(LOGIN, {"login": "olga", "password": PASSWORD}, secure=True)
        asked = StaffRequest.objects.get()
        page = office.get("/staff/requests/", secure=True)
        assert "Noa Vega" in page.content.decode()
        assert page.context["requests"][0]["by_coordinator"]
        return office.post(f"/staff/requests/{asked.pk}/{act}/", {"username": "noa"} | said, secure=True)


def test_in_at_once_and_for_daily_work_only(staffed: Staffed) -> None:
    assert adds(staffed).status_code == 302
    assert staffed.is_let_in("noa") == "laptop"  # the link is up, and central has not heard of her
    client = staffed.logs_in("noa")
    with staffed.world.at(staffed.laptop):
        staff_id = noa(staffed)
        assert "Noa Vega" in [one["name"] for one in people_on_duty()]
        who = authority_of(staff_id)
        assert (who.provisional, {role.value for role in who.roles}) == (True, {"provider"})
        assert client.get("/queue/", secure=True).status_code == 200
        closed = client.get("/review/conflicts/1/", secure=True)
        assert (closed.status_code, "not confirmed you yet" in closed.content.decode()) == (403, True)
        assert client.get("/reports/visits.csv", secure=True).status_code == 403
        assert client.get("/api/v1/sync/", secure=True, headers={"Authorization": "x"}).status_code == 401
        assert client.post("/account/password/change/", secure=True).status_code == 403
        with pytest.raises(Problem, match="not-yet"):
            issue_token(Account.objects.get(username="noa"))
        assert "Waits for the programme office" in (
            staffed.logs_in("carla").get("/team/", secure=True).content.decode()
        )


def test_confirmed_she_goes_on_under_the_same_id(staffed: Staffed) -> None:
    adds(staffed)
    client = staffed.logs_in("noa")
    writes(staffed, "José")
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert SignIn.objects.get(staff_id=noa(staffed)).outcome == ""
        assert not roster_is_old([staffed.facility("BOC").pk])
    assert staffed.is_logged_in(client)
    assert decides(staffed, "confirm").status_code == 302
    staffed.run()
    with staffed.world.at(staffed.world.central):
        member = StaffMember.objects.get(username="noa")
        assert (member.pk, Patient.objects.get().made_by) == (noa(staffed), member.pk)
        assert staff_names([member.pk]) == {member.pk: "Noa Vega"}
    with staffed.world.at(staffed.laptop):
        assert not authority_of(member.pk).provisional
        assert SignIn.objects.get(staff_id=member.pk).outcome == "fine"
        assert not waiting().exists()
    assert staffed.is_logged_in(client)
    assert staffed.is_let_in("noa") == "central"  # with the password she chose at the clinic


def test_refused_she_is_out_and_her_work_is_looked_at(staffed: Staffed) -> None:
    adds(staffed)
    client = staffed.logs_in("noa")
    staffed.run()
    with staffed.world.at(staffed.laptop):
        asked_ms = int(StaffRequest.objects.get().made_stamp) >> 16
    staffed.world.advance(60_000)
    writes(staffed, "José")
    decides(staffed, "refuse")
    staffed.run()
    assert not staffed.is_logged_in(client)
    with staffed.world.at(staffed.laptop):
        row = SignIn.objects.get(staff_id=noa(staffed))
        assert row.outcome == "revoked"
        assert row.since is not None and abs(int(row.since.timestamp() * 1000) - asked_ms) < 5
        assert not Credential.objects.filter(staff_id=row.staff_id).exists()
        assert staff_names([row.staff_id]) == {row.staff_id: "Noa Vega"}
    with staffed.world.at(staffed.world.central):
        assert not Patient.objects.exists()  # kept aside, for somebody to look at


def test_a_coordinator_sends_somebody_away_again(staffed: Staffed) -> None:
    adds(staffed)
    client, carla = staffed.logs_in("noa"), staffed.logs_in("carla")
    with staffed.world.at(staffed.laptop):
        carla.post(f"/team/{noa(staffed)}/take-back/", secure=True)
        assert staff_names([noa(staffed)]) == {noa(staffed): "Noa Vega"}
    assert not staffed.is_logged_in(client)
    staffed.run()
    with staffed.world.at(staffed.world.central):
        assert not waiting().exists()


def test_only_coordinators_only_here_only_below_themselves(staffed: Staffed) -> None:
    assert adds(staffed, staffed.logs_in("ana")).status_code == 403
    for said in ({"role": "coordinator"}, {"facility": staffed.facility("DAR").pk}, {"username": "ana"}):
        assert adds(staffed, **said).status_code == 422
    with staffed.world.at(staffed.laptop):
        bocas = staffed.facility("BOC")
        for who, role in (("ana", "provider"), ("carla", "coordinator")):
            with pytest.raises(Problem, match="not-allowed"):
                let_in(by=Author(staffed.staff_id(who)), facility=bocas, **(NEW_ONE | {"role": role}))
        assert not StaffRequest.objects.exists()


def test_a_name_that_is_taken_meanwhile_gets_another(staffed: Staffed) -> None:
    adds(staffed)
    staffed.run()
    with staffed.world.at(staffed.world.central):
        add_staff(by=THE_NODE, username="noa")
    assert decides(staffed, "confirm").status_code == 422
    assert decides(staffed, "confirm", username="noa.vega").status_code == 302
    staffed.run()
    staffed.link.up = False
    assert staffed.is_let_in("noa.vega") == "laptop"
