"""A tablet comes in: with a code and a key, once, in time; and proves itself again and again."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.test import Client
from django.urls import reverse

from registry.staff.models import StaffMember
from registry.tablets.models import Offer, Tablet
from registry.tablets.policy import WRONG_TRIES, shown_code
from registry.tablets.proofs import is_fresh
from registry.tablets.selectors import COOKIE, cookie_digest
from registry.tablets.services import offer
from sync.ledger.recording import Author
from sync.node import Node
from tests.registry.conftest import Cast
from tests.registry.tablets.conftest import Later
from tests.registry.tablets.device import Device, enrolled, on_wifi

pytestmark = pytest.mark.django_db


def test_a_code_lets_one_tablet_in(cast: Cast, carla: StaffMember) -> None:
    code = offer(by=Author(carla.pk)).code
    first, second = Device(), Device()
    answer = first.join(shown_code(code).lower(), "Tablet 3")
    assert (answer.status_code, answer.json()) == (200, {"label": "Tablet 3"})
    tablet = Tablet.objects.get()
    assert (tablet.label, tablet.enrolled_by, bytes(tablet.public)) == ("Tablet 3", carla.pk, first.public)
    refused = second.join(code, "Tablet 4")
    assert (refused.status_code, refused.json()["code"]) == (403, "code-unknown")
    assert Tablet.objects.count() == 1


def test_the_cookie_is_closed_to_scripts_and_other_sites_and_not_kept_here(clinic: Node) -> None:
    device = enrolled()
    said = device.client.cookies[COOKIE]
    assert (said["secure"], said["httponly"], said["samesite"], said["path"]) == (True, True, "Strict", "/")
    assert not said["domain"]
    secret = device.cookie.partition(".")[2]
    assert bytes(device.tablet.cookie) == cookie_digest(secret)
    assert secret not in str(Tablet.objects.values_list())


def test_without_a_name_it_gets_the_next_number(clinic: Node) -> None:
    assert [enrolled("").tablet.label, enrolled("").tablet.label] == ["Tablet 1", "Tablet 2"]
    again = Device().join(offer(by=Author(None)).code, "tablet 2")
    assert (again.status_code, again.json()["code"]) == (400, "label-taken")
    assert "name" in again.json()["errors"]["label"]


def test_when_the_answer_was_lost_the_same_tablet_may_say_it_again(clinic: Node) -> None:
    code, device = offer(by=Author(None)).code, Device()
    assert device.join(code, "Tablet 3").status_code == 200
    assert device.join(code, "Tablet 3").status_code == 200
    assert Tablet.objects.count() == 1
    assert device.page().status_code == 200


def test_a_code_is_over_after_ten_minutes_and_after_too_many_guesses(clinic: Node, later: Later) -> None:
    code = offer(by=Author(None)).code
    later(minutes=11)
    assert Device().join(code).status_code == 403
    code = offer(by=Author(None)).code
    for _ in range(WRONG_TRIES):
        assert Device().join("22222222").status_code == 403
    assert Device().join(code).status_code == 403
    assert not Tablet.objects.exists()


def test_old_codes_are_forgotten(clinic: Node, later: Later) -> None:
    offer(by=Author(None))
    later(days=2)
    offer(by=Author(None))
    assert Offer.objects.count() == 1


def test_a_tablet_shows_the_key_it_brings(clinic: Node) -> None:
    code = offer(by=Author(None)).code
    device, other = Device(), Device()
    foreign = b64encode(other.public).decode()
    assert device.join(code, public=foreign).status_code == 403
    for broken in ("", "AAAA", foreign[:-4], "é"):
        assert device.join(code, public=broken).status_code == 400
    assert Offer.objects.get().wrong_tries == 0
    assert device.join(code).status_code == 200


def test_what_is_no_answer_is_refused(clinic: Node) -> None:
    client, address = on_wifi(), reverse("tablet-join")
    for body in (b"", b"[]", b"{}", b"\xff", b"{" + b" " * 9000 + b"}"):
        assert client.post(address, body, content_type="application/json", secure=True).status_code == 400


def test_a_proof_changes_the_cookie(clinic: Node) -> None:
    device = enrolled()
    before = device.cookie
    assert device.prove() == 204
    assert device.cookie != before
    assert device.page().status_code == 200


def test_a_proof_is_for_this_laptop_this_address_this_moment_and_once(clinic: Node, later: Later) -> None:
    device = enrolled()
    asked = device.challenge()
    said = device.signed(asked)
    assert device._post("tablet-proof", device.signed(asked, "https://evil.example")).status_code == 403
    assert device._post("tablet-proof", said | {"challenge": asked + "x"}).status_code == 403
    assert device._post("tablet-proof", said | {"signature": "AAAA"}).status_code == 403
    assert device._post("tablet-proof", said).status_code == 204
    assert device._post("tablet-proof", said).status_code == 403
    late = device.signed(device.challenge())
    later(minutes=3)
    assert not is_fresh(late["challenge"])
    assert device._post("tablet-proof", late).status_code == 403


def test_an_unknown_key_proves_nothing(clinic: Node) -> None:
    device = enrolled()
    stranger = Device()
    assert stranger.prove() == 403
    assert stranger.prove(key_id=device.tablet.key_id) == 403
    assert COOKIE not in stranger.client.cookies


def test_at_central_there_are_no_tablets(node: Node) -> None:
    assert node.role == "central"
    for url_name in ("tablet-join", "tablet-proof"):
        assert Client().get(reverse(url_name), secure=True).status_code == 404
