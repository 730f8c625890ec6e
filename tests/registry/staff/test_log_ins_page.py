"""The coordinator sees who logged in without central, and what central said, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from registry.panels import pages_for
from registry.staff.log_ins import MOST, WORDS
from registry.staff.models import Account, SignIn, StaffMember
from registry.staff.selectors import authority_of
from sync.models import EnrolledNode
from sync.node import Node
from tests.registry.conftest import TODAY, Cast, browser

PAGE = "/log-ins/"


@pytest.fixture(autouse=True)
def any_tablet(settings: Settings) -> None:
    settings.POSTA_TABLETS = "open"


def logged_in(staff: StaffMember, outcome: str = "", **said: Any) -> SignIn:
    answered = TODAY if outcome else None
    return SignIn.objects.create(
        **{
            "staff_id": staff.pk,
            "at": TODAY,
            "device": "tablet-9",
            "outcome": outcome,
            "signed_off": answered,
        }
        | said
    )


def get(client: Client, address: str = PAGE) -> Any:
    return client.get(address, secure=True)


def test_who_when_where_and_what_central_said(cast: Cast, carla: StaffMember) -> None:
    logged_in(cast.ana, "fine")
    logged_in(cast.iris, "revoked", since=TODAY - timedelta(days=2))
    logged_in(cast.rosa)
    page = get(browser(carla))
    assert [(row["name"], row["word"]) for row in page.context["attention"]] == [
        ("Iris Chami", "May no longer work")
    ]
    assert [(row["name"], row["word"]) for row in page.context["others"]] == [
        ("Rosa Pineda", "Waits for the link"),
        ("Ana Batista", "Fine"),
    ]
    html = page.content.decode()
    assert "tablet-9" in html and "Since " in html and "Their records are kept." in html


@pytest.mark.parametrize("outcome", SignIn.Outcome.values)
def test_every_answer_has_its_words(cast: Cast, carla: StaffMember, outcome: str) -> None:
    logged_in(cast.ana, outcome)
    page = get(browser(carla))
    rows: list[Any] = page.context["attention"] + page.context["others"]
    (row,) = rows
    assert (row["state"], row["word"]) == WORDS[outcome][:2]


def test_an_answer_of_a_later_central(cast: Cast, carla: StaffMember) -> None:
    logged_in(cast.ana, "on-leave")
    assert "This laptop is older than central." in get(browser(carla)).content.decode()


def test_after_a_month_nobody_needs_to_look(cast: Cast, carla: StaffMember, node: Node) -> None:
    logged_in(cast.ana, "password-changed", signed_off=TODAY - timedelta(days=31))
    page = get(browser(carla))
    assert (page.context["attention"], len(page.context["others"])) == ([], 1)


def test_the_order_is_not_that_of_a_wrong_clock(cast: Cast, carla: StaffMember) -> None:
    logged_in(cast.ana, "fine", at=TODAY + timedelta(days=400))
    logged_in(cast.rosa, "fine", at=TODAY - timedelta(days=400))
    names = [row["name"] for row in get(browser(carla)).context["others"]]
    assert names == ["Rosa Pineda", "Ana Batista"]


def test_the_list_is_short(cast: Cast, carla: StaffMember) -> None:
    SignIn.objects.bulk_create(SignIn(staff_id=cast.ana.pk, at=TODAY) for _n in range(MOST + 5))
    assert len(get(browser(carla)).context["others"]) == MOST


def test_somebody_nobody_knows(carla: StaffMember) -> None:
    SignIn.objects.create(staff_id=uuid4(), at=TODAY, outcome="unknown", signed_off=TODAY)
    assert "Somebody unknown" in get(browser(carla)).content.decode()


def test_only_coordinators_of_this_place_see_it(cast: Cast, carla: StaffMember, node: Node) -> None:
    logged_in(cast.ana)
    assert get(Client()).status_code == 302
    assert get(browser(cast.ana)).status_code == 403
    assert "log-ins" in [page.url_name for page in pages_for(authority_of(carla.pk), "clinic")]
    assert "log-ins" not in [page.url_name for page in pages_for(authority_of(cast.ana.pk), "clinic")]
    assert browser(carla).post(PAGE, secure=True).status_code == 405


def test_the_office_sees_every_clinic_and_one(cast: Cast, carla: StaffMember, node: Node) -> None:
    node.role = "central"
    bocas = EnrolledNode.objects.create(name="Bocas 1")
    yaviza = EnrolledNode.objects.create(name="Yaviza 1")
    logged_in(cast.ana, "fine", node_uuid=bocas.uuid)
    logged_in(cast.iris, "revoked", node_uuid=yaviza.uuid, since=TODAY)
    logged_in(cast.olga, "fine")  # of a database that was a clinic's before
    office = Client()
    office.force_login(Account.objects.get(username="olga"), backend="registry.staff.backends.CentralBackend")
    page = get(office)
    rows = page.context["attention"] + page.context["others"]
    assert [(row["name"], row["clinic"]) for row in rows] == [
        ("Iris Chami", "Yaviza 1"),
        ("Ana Batista", "Bocas 1"),
    ]
    one = get(office, f"{PAGE}?clinic={bocas.uuid}")
    assert [row["clinic"] for row in one.context["others"]] == ["Bocas 1"]
    assert one.context["attention"] == []
    for address in (f"{PAGE}?clinic={uuid4()}", f"{PAGE}?clinic=x"):
        assert get(office, address).status_code == 404
    coordinator = Client()
    coordinator.force_login(
        Account.objects.get(username="carla"), backend="registry.staff.backends.CentralBackend"
    )
    assert get(coordinator).status_code == 403
