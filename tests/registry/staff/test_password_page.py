"""A person changes their own password, where passwords are kept: at central.

Not here: what central keeps of it and how clinics get their copies (`test_verifiers.py`, `test_services.py`).
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from registry.staff import verifiers
from registry.staff.services import add_staff, set_password
from sync.node import Node
from tests.registry.conftest import PASSWORD, THE_NODE, Cast, browser, cast, cheap_argon2, node

__all__ = ["cast", "cheap_argon2", "node"]
NEW = "a-river-and-a-canoe-7"


def change(client: Client, old: str, new: str = NEW) -> str:
    said = {"oldpassword": old, "password1": new, "password2": new}
    answer = client.post(reverse("account_change_password"), said, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def member(node: Node, cast: Cast) -> str:
    """Somebody of the programme office, with a password."""
    node.role = "central"
    add_staff(
        by=THE_NODE,
        username="otilia",
        full_name="Otilia Ruiz",
        grants=[("central-admin", None)],
        password=PASSWORD,
    )
    return "otilia"


def log_in(name: str, password: str) -> bool:
    client = Client()
    client.post(reverse("account_login"), {"login": name, "password": password})
    return "_auth_user_id" in client.session


def test_at_central_a_new_password_holds_and_other_sessions_end(member: str) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post(reverse("account_login"), {"login": member, "password": PASSWORD})
    change(here, PASSWORD)
    assert here.get(reverse("me")).status_code == 200
    assert elsewhere.get(reverse("me")).status_code == 302
    assert log_in(member, NEW)
    assert not log_in(member, PASSWORD)


def test_a_wrong_old_password_changes_nothing_and_is_a_guess(member: str) -> None:
    """On a screen that somebody left open: counted like every other guess at this name."""
    client = Client()
    client.post(reverse("account_login"), {"login": member, "password": PASSWORD})
    said = [change(client, f"wrong {n}") for n in range(7)]
    assert "Too many wrong guesses" not in said[0]
    assert "Too many wrong guesses" in said[-1]
    assert "Too many wrong guesses" in change(client, PASSWORD)
    assert log_in(member, PASSWORD)  # the guesses in this browser do not shut her out of another
    assert not log_in(member, NEW)


def test_a_clinic_says_where_to_go_and_looks_at_no_password(
    node: Node, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.role = "central"
    set_password(by=THE_NODE, staff=cast.rosa, password=PASSWORD)
    node.role = "clinic"
    client = browser(cast.rosa)
    assert reverse("account_change_password") not in client.get(reverse("me")).content.decode()
    monkeypatch.setattr(verifiers, "_argon2", None)  # whatever would look at one
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    for answer in (
        client.get(reverse("account_change_password")),
        client.post(reverse("account_change_password"), said),
    ):
        assert answer.status_code == 404
        assert "Passwords are changed at central." in answer.content.decode()
