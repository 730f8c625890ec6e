"""Programs come with a token, tablets with a device id; both end up as the author of what is written."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from registry.staff.devices import COOKIE, Devices, device_of
from registry.staff.models import Account, ApiToken, SignIn, StaffMember
from registry.staff.policy import NOBODY
from registry.staff.selectors import account_of, author_of, authority_in
from registry.staff.sessions import (
    account_of_token,
    forget_old_sign_ins,
    issue_token,
    revoke_tokens,
)
from sync.node import Node
from tests.registry.conftest import PASSWORD, TODAY, Cast


@pytest.fixture
def ana(cast: Cast) -> Account:
    return Account.objects.get(staff_id=cast.ana.pk)


def test_a_token_speaks_for_its_person_and_only_its_hash_is_kept(ana: Account) -> None:
    token = issue_token(ana)
    assert token.startswith("posta_")
    assert account_of_token(token) == ana
    assert account_of_token(token + "x") is None
    kept = ApiToken.objects.get()
    assert token.encode() not in bytes(kept.digest)
    assert len(bytes(kept.digest)) == 32


def test_tokens_end(ana: Account) -> None:
    token, other = issue_token(ana), issue_token(ana)
    Account.objects.update(is_active=False)
    assert account_of_token(token) is None
    Account.objects.update(is_active=True)
    assert revoke_tokens(ana.staff_id) == 2
    assert account_of_token(other) is None


def test_the_use_of_a_token_is_noted_once_an_hour(ana: Account, node: Node) -> None:
    token = issue_token(ana)
    moments = []
    for minutes in (0, 59, 61):
        at = int((TODAY + timedelta(minutes=minutes)).timestamp() * 1000)
        node.wall = lambda at=at: at  # type: ignore[misc]
        account_of_token(token)
        moments.append(ApiToken.objects.get().used_at)
    assert moments == [TODAY, TODAY, TODAY + timedelta(minutes=61)]


@pytest.mark.parametrize(
    ("header", "cookie", "device"),
    [
        ("", "tablet-3f", "tablet-3f"),
        ("loader-1", "tablet-3f", "loader-1"),
        ("two words", "tablet-3f", "tablet-3f"),
        ("", "<script>", ""),
        ("x" * 41, "", ""),
        ("", "", ""),
    ],
)
def test_which_device(header: str, cookie: str, device: str) -> None:
    request = RequestFactory().get("/", headers={"Posta-Device": header} if header else {})
    if cookie:
        request.COOKIES[COOKIE] = cookie
    assert device_of(request) == device


def test_a_browser_gets_a_device_of_its_own_and_keeps_it() -> None:
    seen: list[str] = []

    def page(request: HttpRequest) -> HttpResponse:
        seen.append(device_of(request))
        return HttpResponse()

    first = Devices(page)(RequestFactory().get("/"))
    cookie = first.cookies[COOKIE]
    assert seen == [cookie.value]
    assert cookie.value.startswith("tablet-")
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
    known = RequestFactory().get("/")
    known.COOKIES[COOKIE] = cookie.value
    assert not Devices(page)(known).cookies
    assert not Devices(page)(RequestFactory().get("/", headers={"Authorization": "Bearer x"})).cookies


def test_the_author_of_a_request(cast: Cast, ana: Account) -> None:
    request = RequestFactory().get("/", headers={"Posta-Device": "tablet-9"})
    request.user = ana
    assert (author_of(request).staff_id, author_of(request).device) == (cast.ana.pk, "tablet-9")
    assert authority_in(request).staff_id == cast.ana.pk
    assert authority_in(request) is authority_in(request)


def test_a_stranger_is_nobody(db: None) -> None:
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert account_of(request) is None
    assert author_of(request).staff_id is None
    assert authority_in(request) is NOBODY


def test_the_command_adds_staff(cast: Cast, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.role = "central"
    monkeypatch.setattr("sys.stdin", StringIO(PASSWORD + "\n"))
    out = StringIO()
    command = [
        "add_staff",
        "teo",
        "--name",
        "Teo Ruiz",
        "--role",
        "lab",
        "--role",
        "triage",
        "--facility",
        "BOC",
    ]
    call_command(*command, "--password-stdin", "--json", stdout=out)
    said = json.loads(out.getvalue())
    member = StaffMember.objects.get(pk=said["staff_id"])
    assert (member.full_name, said["roles"]) == ("Teo Ruiz", ["lab", "triage"])
    assert set(member.staff_roles.values_list("role", "facility_id")) == {
        ("lab", cast.bocas.pk),
        ("triage", cast.bocas.pk),
    }
    assert Account.objects.get(username="teo").check_password(PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["add_staff", "rosa"], "username-taken"),
        (["add_staff", "teo", "--role", "lab", "--facility", "Nowhere"], "unknown-facility"),
        (["issue_token", "teo"], "unknown-user"),
    ],
)
def test_commands_say_what_is_wrong(cast: Cast, node: Node, arguments: list[str], code: str) -> None:
    node.role = "central"
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(*arguments, "--json", stdout=out)
    assert json.loads(out.getvalue())["code"] == code


def test_the_command_issues_a_token(ana: Account) -> None:
    out, words = StringIO(), StringIO()
    call_command("issue_token", "Ana", "--json", stdout=out)
    assert account_of_token(json.loads(out.getvalue())["token"]) == ana
    call_command("issue_token", "ana", stdout=words)
    assert account_of_token(words.getvalue().strip()) == ana


def test_a_token_of_nobody_is_nobody(cast: Cast) -> None:
    ApiToken.objects.create(digest=bytes(32), staff_id=uuid4(), created_at=TODAY)
    assert account_of_token("") is None


def test_notes_of_log_ins_are_kept_for_half_a_year_and_the_others_for_two(cast: Cast, node: Node) -> None:
    """What was fine goes first; a code by telephone, an old password and whoever left may be asked about."""
    for days in (179, 181, 731):
        for outcome, lent_on in (("fine", ""), ("fine", "12345678"), ("revoked", ""), ("", "")):
            SignIn.objects.create(
                staff_id=cast.ana.pk,
                at=node.now(),
                outcome=outcome,
                lent_on=lent_on,
                signed_off=node.now() - timedelta(days=days) if outcome else None,
            )
    assert forget_old_sign_ins() == 4
    assert SignIn.objects.filter(outcome="fine", lent_on="").count() == 1
    assert SignIn.objects.filter(outcome="").count() == 3
