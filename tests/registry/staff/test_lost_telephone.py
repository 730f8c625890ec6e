"""Telephone and recovery codes lost: the office takes the second step away, and each laptop does so once."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from registry.staff.models import Account
from registry.staff.services import forget_second_step, set_password
from sync.models import SecurityEvent
from sync.node import Node
from tests.registry.conftest import PASSWORD, Cast
from tests.registry.staff.conftest import LOGIN, Staffed

pytestmark = pytest.mark.once  # no query here differs between the engines


def set_up(username: str) -> None:
    account = Account.objects.get(username=username)
    Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={"secret": "x"})
    Authenticator.objects.create(user=account, type=Authenticator.Type.RECOVERY_CODES, data={})


def test_the_only_coordinator_comes_back(staffed: Staffed) -> None:
    client = staffed.logs_in("carla")
    with staffed.world.at(staffed.laptop):
        set_up("carla")
    staffed.office(forget_second_step, "carla")
    assert staffed.is_logged_in(client)
    staffed.run()
    assert not staffed.is_logged_in(client)
    with staffed.world.at(staffed.laptop):
        assert not Authenticator.objects.exists()
        assert SecurityEvent.objects.filter(code="second-step-forgotten").count() == 1
        set_up("carla")
    staffed.office(set_password, "carla", password="another lantern 8")
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert Authenticator.objects.count() == 2  # what she has set up since stays


def test_with_the_link_up_the_next_log_in_brings_it(staffed: Staffed) -> None:
    with staffed.world.at(staffed.laptop):
        set_up("carla")
    staffed.office(forget_second_step, "carla")
    assert staffed.is_let_in("carla") == "central"
    with staffed.world.at(staffed.laptop):
        assert not Authenticator.objects.exists()


def test_the_office_does_it_and_nobody_for_themselves(staffed: Staffed) -> None:
    with staffed.world.at(staffed.world.central):
        set_up("carla")
        office, other = Client(), Client()
        office.post(LOGIN, {"login": "olga", "password": PASSWORD}, secure=True)
        other.post(LOGIN, {"login": "ana", "password": PASSWORD}, secure=True)
        address = f"/staff/{staffed.staff_id('carla')}/second-step/"
        assert other.post(address, secure=True).status_code == 403
        assert Authenticator.objects.exists()
        assert office.post(address, secure=True).status_code == 302
        assert not Authenticator.objects.exists()
        mine = f"/staff/{staffed.staff_id('olga')}/second-step/"
        assert office.post(mine, secure=True).status_code == 409


def test_the_last_of_the_office_is_helped_on_the_server(cast: Cast, node: Node) -> None:
    node.role = "central"
    set_up("olga")
    call_command("forget_second_step", "olga")
    assert not Authenticator.objects.exists()
