"""The log-in page works with no network, and nothing about it tells a stranger more than the door does."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from registry.staff.devices import COOKIE
from registry.staff.models import Account, Credential, SignIn
from registry.staff.services import install_roster, roster_for
from sync.ledger.models import Change, Replica
from sync.node import Node
from sync.tables import all_tables
from sync.vault.keys import pepper
from tests.registry.conftest import PASSWORD, Cast
from tests.registry.staff.at_the_tablet import become_clinic

LOGIN = "/account/login/"


@pytest.fixture
def clinic(cast: Cast, node: Node) -> Node:
    node.role = "central"
    entries = roster_for([cast.bocas.pk], pepper())
    Credential.objects.all().delete()
    node.role = "clinic"
    install_roster(entries)
    return node


def log_in(client: Client, username: str, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": username, "password": password}, secure=True)


def test_log_in_offline(clinic: Node, cast: Cast) -> None:
    client = Client()
    page = client.get(LOGIN, secure=True)
    assert "Rosa Pineda" in page.content.decode()
    answer = log_in(client, "rosa")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.cookies["django_language"].value == "es"
    noted = SignIn.objects.get()
    assert (noted.staff_id, noted.device) == (cast.rosa.pk, client.cookies[COOKIE].value)
    assert "Rosa Pineda" in client.get("/me/", secure=True).content.decode()


def test_the_answer_is_the_same_for_a_wrong_password_and_an_unknown_name(clinic: Node) -> None:
    answers = [log_in(Client(), *pair) for pair in (("rosa", "wrong password"), ("nobody", "wrong password"))]
    assert [answer.status_code for answer in answers] == [200, 200]
    errors = [answer.context["form"].non_field_errors() for answer in answers]
    assert errors[0] == errors[1]
    assert errors[0]
    assert not SignIn.objects.exists()


def test_switching_person_is_logging_out(clinic: Node) -> None:
    client = Client()
    log_in(client, "rosa")
    answer = client.post("/account/logout/", secure=True)
    assert answer.status_code == 302
    assert client.get("/me/", secure=True).status_code == 302
    log_in(client, "ana")
    assert "Ana Batista" in client.get("/me/", secure=True).content.decode()


def test_a_session_ends_with_the_account(clinic: Node, cast: Cast) -> None:
    client = Client()
    log_in(client, "rosa")
    Account.objects.filter(staff_id=cast.rosa.pk).update(is_active=False)
    assert client.get("/me/", secure=True).status_code == 302


def test_a_session_ends_with_the_password(clinic: Node, cast: Cast) -> None:
    client = Client()
    log_in(client, "rosa")
    Account.objects.filter(staff_id=cast.rosa.pk).update(stamp="another")
    assert client.get("/me/", secure=True).status_code == 302


def test_somebody_else_types_their_name(clinic: Node) -> None:
    page = Client().get(LOGIN, {"other": "1"}, secure=True)
    assert "people" not in page.context
    assert "Rosa Pineda" not in page.content.decode()


def test_central_lists_its_staff_to_nobody(cast: Cast, node: Node) -> None:
    node.role = "central"
    assert "Rosa Pineda" not in Client().get(LOGIN, secure=True).content.decode()
    client = Client()
    assert log_in(client, "olga").status_code == 302
    assert not SignIn.objects.exists()
    page = client.get("/me/", secure=True)
    assert page.context["staff"]["role"] == "Programme office"
    assert page.context["offline_until"] is None


def test_nobody_signs_up(clinic: Node) -> None:
    page = Client().post(
        "/account/signup/", {"username": "eve", "password1": PASSWORD, "password2": PASSWORD}, secure=True
    )
    assert not Account.objects.filter(username="eve").exists()
    assert page.status_code in {200, 403, 404}


def test_my_page_says_how_long_i_may_work_offline(clinic: Node, cast: Cast) -> None:
    client = Client()
    log_in(client, "ana")
    page = client.get("/me/", secure=True)
    assert (page.context["offline_until"] - clinic.now()).days == 30
    assert page.context["staff"]["facilities"] == ["Bocas del Toro"]
    assert [one.this for one in page.context["sessions"]] == [True]


def test_guessing_is_slowed(clinic: Node) -> None:
    answers = [log_in(Client(), "rosa", f"wrong password {n}") for n in range(12)]
    first, *_rest, last = [str(answer.context["form"].non_field_errors()) for answer in answers]
    assert "Too many" not in first
    assert "Too many" in last
    assert log_in(Client(), "rosa").status_code == 200  # now even the right password has to wait


def everything_that_syncs() -> dict[str, list[dict[str, Any]]]:
    tables = {table.name: table.model for table in all_tables()} | {"the log": Change, "copies": Replica}
    return {name: list(model._default_manager.order_by("pk").values()) for name, model in tables.items()}


@pytest.mark.parametrize(
    ("role", "username", "pages"),
    [
        ("clinic", "rosa", ["/board/", "/me/", "/find/", "/queue/", "/sync/", "/staff/rights/"]),
        (
            "central",
            "olga",
            ["/", "/staff/", "/staff/rights/", "/central/nodes/", "/central/rules/"],
        ),
    ],
)
def test_a_log_in_and_a_look_round_leave_nothing_that_syncs(
    cast: Cast, node: Node, role: Any, username: str, pages: list[str]
) -> None:
    """A10: sessions, the last log-in and what else frameworks note stay on this machine."""
    if role == "clinic":
        become_clinic(cast, node)
    node.role = role
    before = everything_that_syncs()
    client = Client()
    assert log_in(client, username).status_code == 302
    assert [client.get(page, secure=True).status_code for page in pages] == [200] * len(pages)
    assert Session.objects.exists()
    client.post("/account/logout/", secure=True)
    assert client.get("/me/", secure=True).status_code == 302
    assert everything_that_syncs() == before
    assert before["the log"]
