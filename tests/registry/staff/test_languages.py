"""Everybody reads their own language, on whatever tablet they take up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from registry.staff.languages import choose_language, language_of
from registry.staff.models import Account, StaffMember
from sync.ledger.recording import Author
from sync.node import Node
from sync.problems import Problem
from tests.registry.conftest import Cast
from tests.registry.staff.test_log_in import clinic, log_in

__all__ = ["clinic"]
PAGES = ("/find/", "/register/", "/queue/", "/board/", "/station/", "/me/", "/sync/", "/review/", "/guide/")


def frame_of(page: Any) -> tuple[str, str]:
    html = page.content.decode()
    found = re.search(r'<html lang="(\w+)" dir="(\w+)"', html)
    assert found, html[:200]
    return found[1], found[2]


def choose(client: Client, language: str) -> Any:
    return client.post("/i18n/setlang/", {"language": language, "next": "/me/"}, secure=True)


def test_every_page_after_the_log_in_speaks_the_persons_language(clinic: Node, cast: Cast) -> None:
    client = Client(headers={"accept-language": "fr"})
    assert frame_of(client.get("/account/login/", secure=True)) == ("fr", "ltr")
    log_in(client, "rosa")
    assert {frame_of(client.get(page, secure=True)) for page in PAGES} == {("es", "ltr")}


def test_the_choice_on_ones_own_page_holds_on_the_next_tablet(clinic: Node, cast: Cast) -> None:
    first, second = Client(), Client()
    log_in(first, "rosa")
    assert 'value="ar"' in first.get("/me/", secure=True).content.decode()
    assert choose(first, "ar")["Location"] == "/me/"
    assert frame_of(first.get("/me/", secure=True)) == ("ar", "rtl")
    log_in(second, "rosa")
    assert {frame_of(second.get(page, secure=True)) for page in PAGES} == {("ar", "rtl")}
    assert StaffMember.objects.get(pk=cast.rosa.pk).language == "es"  # the list is central's
    second.post("/account/logout/", secure=True)
    log_in(second, "ana")
    assert frame_of(second.get("/me/", secure=True)) == ("en", "ltr")


def test_what_nobody_speaks_is_not_chosen(clinic: Node, cast: Cast) -> None:
    client = Client()
    log_in(client, "rosa")
    choose(client, "tlh")
    account = Account.objects.get(username="rosa")
    assert language_of(account) == "es"
    with pytest.raises(Problem, match="unknown-language"):
        choose_language(by=Author(cast.rosa.pk), account=account, language="tlh")


def test_a_stranger_may_read_the_log_in_page_in_their_language(clinic: Node) -> None:
    client = Client()
    choose(client, "hi")
    assert frame_of(client.get("/account/login/", secure=True)) == ("hi", "ltr")


def test_chosen_at_central_it_is_what_clinics_start_from(cast: Cast, node: Node) -> None:
    node.role = "central"
    account = Account.objects.get(username="ana")
    choose_language(by=cast.author(cast.ana), account=account, language="fr")
    assert StaffMember.objects.get(pk=cast.ana.pk).language == "fr"
