"""Who comes in at a clinic, and what everybody else sees."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from registry.staff.devices import device_of
from registry.staff.models import SignIn, StaffMember
from registry.tablets.models import Tablet
from registry.tablets.selectors import COOKIE, tablet_of
from registry.tablets.services import revoke
from sync.ledger.recording import Author
from sync.node import Node
from tests.registry.conftest import PASSWORD, Cast, browser, token_client
from tests.registry.tablets.conftest import Later
from tests.registry.tablets.device import HOST, Device, enrolled, on_wifi

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("passwords")]
UNKNOWN = "This tablet is not known here"
PAGES = ("/", "/find/", "/account/login/", "/no-such-page/", "/tablets/", "/guide/", "/review/")


def log_in(device: Device, member: StaffMember) -> None:
    device.page()
    answer = device.client.post(
        "/account/login/", {"login": member.username, "password": PASSWORD}, secure=True
    )
    assert answer.status_code == 302, answer.content


def seems_copied(device: Device) -> bool:
    return device.tablet.copied_at is not None


def asking_with(cookie: str) -> HttpRequest:
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = cookie
    return request


@pytest.mark.parametrize("address", PAGES)
def test_an_unknown_device_sees_one_page(cast: Cast, address: str) -> None:
    """H12: the nurse's phone, or anybody's, on the clinic's Wi-Fi."""
    answer = on_wifi().get(address, secure=True)
    assert answer.status_code == 403
    assert UNKNOWN in answer.content.decode()
    assert "Rosa" not in answer.content.decode()


def test_the_page_speaks_the_readers_language(cast: Cast) -> None:
    answer = on_wifi().get("/", secure=True, headers={"accept-language": "ar"})
    assert 'dir="rtl"' in answer.content.decode()
    client = on_wifi()
    assert client.post("/i18n/setlang/", {"language": "es"}, secure=True).status_code == 302
    assert 'lang="es"' in client.get("/", secure=True).content.decode()


@pytest.mark.parametrize(
    "address", ["/api/v1/patients/", "/api/v1/schema/", "/sync/v1/hello", "/board/live/"]
)
def test_programs_and_scripts_hear_a_problem(cast: Cast, address: str) -> None:
    headers = {"host": HOST, "accept": "*/*", "sec-fetch-dest": "empty", "sec-fetch-site": "same-origin"}
    answer = on_wifi().get(address, secure=True, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown-device")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_token_does_not_make_a_device_known(cast: Cast) -> None:
    known = token_client(cast.rosa)
    assert known.get("/api/v1/patients/", secure=True).status_code != 403
    answer = known.get("/api/v1/patients/", secure=True, REMOTE_ADDR="192.168.4.20")
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown-device")


@pytest.mark.parametrize("url_name", ["tablet-ping", "tablet-worker", "tablet-join", "tablet-proof"])
def test_few_addresses_are_open_to_strangers(cast: Cast, url_name: str) -> None:
    assert on_wifi().get(reverse(url_name), secure=True).status_code in {200, 204}


def test_a_log_in_that_was_carried_off_counts_nowhere_else(cast: Cast) -> None:
    device = enrolled()
    log_in(device, cast.rosa)
    assert device.page("/me/").status_code == 200
    thief, other = on_wifi("192.168.4.66"), enrolled("Tablet 4")
    for client in (thief, other.client):
        for name, morsel in device.client.cookies.items():
            if "session" in name:
                client.cookies[name] = morsel.value
    assert UNKNOWN in thief.get("/me/", secure=True).content.decode()
    assert other.page("/me/").status_code == 302  # to the log-in page
    assert device.page("/me/").status_code == 200


def test_a_log_in_is_noted_with_its_tablet(cast: Cast) -> None:
    device = enrolled()
    log_in(device, cast.rosa)
    assert (device.tablet.last_staff_id, device.tablet.last_log_in) == (cast.rosa.pk, device.tablet.proved_at)
    assert tablet_of(asking_with(device.cookie)) == device.tablet
    assert device_of(asking_with(device.cookie)) == device.tablet.device


def test_the_laptops_own_screen_needs_no_key(cast: Cast) -> None:
    assert browser(cast.rosa).get("/me/", secure=True).status_code == 200
    assert tablet_of(RequestFactory().get("/")) is None


def test_a_trial_takes_everybody_but_whom_it_sent_away(
    cast: Cast, carla: StaffMember, settings: Settings
) -> None:
    device = enrolled()
    revoke(by=Author(carla.pk), tablet=device.tablet)
    settings.POSTA_TABLETS = "open"
    assert on_wifi().get("/account/login/", secure=True).status_code == 200
    assert device.page().status_code == 403


def test_central_takes_everybody(node: Node) -> None:
    node.role = "central"
    assert on_wifi().get("/account/login/", secure=True).status_code == 200


def test_revoked_it_sees_one_page_and_its_log_ins_have_ended(
    cast: Cast, carla: StaffMember, at_the_laptop: Client
) -> None:
    """H12: a tablet that is sent away is unknown from its next request."""
    device, other = enrolled(), enrolled("Tablet 4")
    log_in(device, cast.rosa)
    log_in(other, cast.ana)
    at_the_laptop.post(reverse("tablet-revoke", args=[device.tablet.pk]), secure=True)
    assert UNKNOWN in device.page("/me/").content.decode()
    assert device.prove() == 403
    assert tablet_of(asking_with(device.cookie)) is None
    left = {Session.objects.get(pk=row.pk).get_decoded().get("tablet") for row in Session.objects.all()}
    assert left == {None, str(other.tablet.pk)}
    assert other.page("/me/").status_code == 200
    tablet = Tablet.objects.get(pk=device.tablet.pk)
    assert (tablet.revoked_by, tablet.revoked_at is not None) == (carla.pk, True)


# --- time ---------------------------------------------------------------------------------------------------


def test_a_tablet_that_slept_shows_its_key_and_goes_on(cast: Cast, later: Later) -> None:
    device = enrolled()
    log_in(device, cast.rosa)
    later(minutes=61)
    page = device.page("/me/")
    assert page.status_code == 200
    assert "One moment" in page.content.decode()
    assert "Rosa" not in page.content.decode()
    assert device.prove() == 204
    assert "Rosa" in device.page("/me/").content.decode()  # the log-in went on


def test_a_save_of_a_tablet_that_slept_is_sent_again_by_itself(cast: Cast, later: Later) -> None:
    device = enrolled()
    log_in(device, cast.rosa)
    later(minutes=61)
    said = {"given_name": 'Eva "<b>', "save_id": "1", "csrfmiddlewaretoken": "x", "tag": ["a", "b"]}
    html = device.client.post("/register/?from=find", said, secure=True).content.decode()
    assert '<form method="post" action="/register/?from=find" id="again" hidden>' in html
    for field in ("Eva &quot;&lt;b&gt;", 'name="tag" value="a"', 'name="tag" value="b"'):
        assert field in html
    assert 'value="x"' not in html


def test_scripts_of_a_tablet_that_slept_are_told_to_prove(cast: Cast, later: Later) -> None:
    device = enrolled()
    later(minutes=61)
    part = device.page("/board/live/", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["HX-Trigger"]) == (204, "posta:prove")
    call = device.page("/api/v1/patients/", headers={"accept": "*/*"})
    assert (call.status_code, call.json()["code"]) == (403, "proof-needed")


def test_a_copied_cookie_is_worth_nothing_after_the_next_proof_and_is_noticed(
    cast: Cast, later: Later, at_the_laptop: Client
) -> None:
    """H12: a copied cookie stops working, and the coordinator hears of it."""
    device = enrolled()
    device.page()
    thief = on_wifi("192.168.4.66")
    thief.cookies[COOKIE] = device.cookie
    assert thief.get("/account/login/", secure=True).status_code == 200
    later(minutes=11)
    assert device.prove() == 204
    assert device.page().status_code == 200
    later(minutes=2)
    assert "One moment" in thief.get("/account/login/", secure=True).content.decode()
    assert seems_copied(device)
    assert "two places" in at_the_laptop.get(reverse("tablets"), secure=True).content.decode()
    assert device.page().status_code == 200
    at_the_laptop.post(reverse("tablet-looked-into", args=[device.tablet.pk]), secure=True)
    thief.get("/account/login/", secure=True)
    assert not seems_copied(device)


def test_without_the_tablet_a_copied_cookie_lasts_an_hour_at_most(cast: Cast, later: Later) -> None:
    device = enrolled()
    thief = on_wifi("192.168.4.66")
    thief.cookies[COOKIE] = device.cookie
    later(minutes=61)
    assert "One moment" in thief.get("/account/login/", secure=True).content.decode()


def test_a_tablet_that_lost_power_is_no_thief(cast: Cast, later: Later) -> None:
    """Its browser had not yet written the new cookie down."""
    device = enrolled()
    device.page()
    before = device.cookie
    later(minutes=11)
    device.prove()
    device.page()
    later(minutes=5)
    device.client.cookies[COOKIE] = before
    device.page()
    assert seems_copied(device)
    assert device.prove() == 204
    assert not seems_copied(device)
    assert device.page().status_code == 200


def test_a_proof_whose_answer_was_lost_locks_nobody_out(cast: Cast, later: Later) -> None:
    device = enrolled()
    device.page()
    before = device.cookie
    for _ in range(2):
        device.prove()
        device.client.cookies[COOKIE] = before  # the answer never came
        assert device.page().status_code == 200
    later(minutes=2)
    assert "One moment" in device.page().content.decode()
    assert not seems_copied(device)


def test_requests_on_their_way_during_a_proof_arrive(cast: Cast, later: Later) -> None:
    device = enrolled()
    device.page()
    before = device.cookie
    device.prove()
    late = on_wifi()
    late.cookies[COOKIE] = before
    later(seconds=30)
    assert late.get("/account/login/", secure=True).status_code == 200


def test_looking_is_not_written_down_every_time(cast: Cast, later: Later) -> None:
    device = enrolled()
    device.page()
    seen = device.tablet.last_seen
    later(seconds=30)
    device.page()
    assert device.tablet.last_seen == seen
    later(seconds=60)
    device.page()
    assert device.tablet.last_seen > seen


def test_a_made_up_cookie_is_none(cast: Cast) -> None:
    device = enrolled()
    key_id = device.tablet.key_id
    for cookie in ("x", ".", f"{key_id}.", f"{key_id}.x", f".{device.cookie}", f"{key_id}.\udce9"):
        assert tablet_of(asking_with(cookie)) is None


def test_leaving_is_open_to_a_tablet_that_must_prove_itself(cast: Cast, later: Later) -> None:
    device = enrolled()
    log_in(device, cast.rosa)
    later(minutes=61)
    assert device.client.post(reverse("tablet-leave"), secure=True).status_code == 204
    assert not [row for row in Session.objects.all() if "_auth_user_id" in row.get_decoded()]


def test_accounts_are_not_asked_about_before_the_gate(cast: Cast) -> None:
    """A stranger with a right password learns nothing: the log-in page is not there."""
    answer = on_wifi().post("/account/login/", {"login": "rosa", "password": PASSWORD}, secure=True)
    assert answer.status_code == 403
    assert UNKNOWN in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert not SignIn.objects.exists()
