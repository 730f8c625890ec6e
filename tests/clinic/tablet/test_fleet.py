"""The coordinator's pages about tablets."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from django.test import Client
from django.urls import reverse

from clinic.tablet.models import AuthorPass, Draft
from clinic.visits.models import StageEvent, Visit
from registry.staff.devices import COOKIE as LABEL
from registry.staff.models import Account, StaffMember
from registry.tablets.models import Offer, Tablet
from registry.tablets.services import IN_SESSION, revoke
from sync.ledger.recording import Author
from sync.node import Node
from tests.clinic.tablet.conftest import Tablet as Hand
from tests.clinic.tablet.conftest import a_save_id
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser, carla
from tests.registry.tablets.device import Device, enrolled, on_wifi

__all__ = ["carla"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def carlas(carla: StaffMember) -> Client:
    return browser(carla)


def html(
    client: Client, url_name: str, *args: object, posted: bool = False, host: str = "localhost:8000"
) -> str:
    ask = client.post if posted else client.get
    answer = ask(reverse(url_name, args=args), secure=True, headers={"host": host})
    assert answer.status_code == 200, answer.status_code
    text: str = answer.content.decode()
    return text


def code_on(page: str) -> str:
    found = re.search(r'class="code"><bdi dir="ltr">([0-9A-Z-]+)<', page)
    assert found
    return found[1]


def test_a_code_on_the_screen_lets_a_tablet_in(carlas: Client, carla: StaffMember) -> None:
    code = code_on(html(carlas, "tablets-add", posted=True))
    offer = Offer.objects.get()
    assert "It lets in one tablet" in html(carlas, "tablets-offer", offer.pk)
    assert Device().join(code, "Tablet <3>").status_code == 200
    assert "Tablet &lt;3&gt;</bdi> is known now" in html(carlas, "tablets-offer", offer.pk)
    page = html(carlas, "tablets")
    assert "Tablet &lt;3&gt;" in page
    assert "Nobody has logged in on it yet." in page
    assert Tablet.objects.get().enrolled_by == carla.pk


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost:8000", "https://clinic.local:8000/tablet/join/"),
        ("127.0.0.1", "https://clinic.local/tablet/join/"),
        ("clinic.local:8443", "https://clinic.local:8443/tablet/join/"),
    ],
)
def test_the_drawing_holds_an_address_that_tablets_can_open(carlas: Client, host: str, shown: str) -> None:
    page = html(carlas, "tablets-add", posted=True, host=host)
    assert f'<bdi class="number">{shown}</bdi>' in page
    drawing = page[page.index('class="qr"') :]
    drawn = re.search(r'<svg [^>]*viewBox="0 0 (\d+) \d+"[^>]*>.*? d="(M[^"]+)"[^>]*/></svg>', drawing)
    assert drawn
    assert read(int(drawn[1]), drawn[2]) == f"{shown}#{code_on(page).replace('-', '')}"


def read(width: int, strokes: str) -> str:
    """What a camera would read, from the strokes of the drawing: `M x y h n m dx dy h n …`."""
    scale, rows = 8, [bytearray(b"\xff" * width) for _ in range(width)]
    x, y = 0.0, 0.0
    for kind, numbers in re.findall(r"([Mmh])([^Mmh]*)", strokes):
        said = [float(one) for one in re.findall(r"-?\d*\.?\d+", numbers)]
        if kind == "h":
            rows[int(y)][int(x) : int(x + said[0])] = bytes(int(said[0]))
            x += said[0]
        else:
            x, y = (said[0], said[1]) if kind == "M" else (x + said[0], y + said[1])
    grey = b"".join(bytes(pixel for pixel in row for _ in range(scale)) * scale for row in rows)
    found = zxingcpp.read_barcodes(memoryview(grey).cast("B", shape=[width * scale, width * scale]))
    return found[0].text


def test_a_used_up_code_says_so(carlas: Client) -> None:
    html(carlas, "tablets-add", posted=True)
    offer = Offer.objects.get()
    Offer.objects.update(wrong_tries=20)
    assert "Somebody guessed" in html(carlas, "tablets-offer", offer.pk)


def test_only_a_coordinator_looks_after_tablets(day: Day, carla: StaffMember) -> None:
    tina = browser(day.tina)
    tablet = enrolled().tablet
    for url_name, args in (("tablets", ()), ("tablets-add", ()), ("tablet-revoke", (tablet.pk,))):
        address = reverse(url_name, args=args)
        assert tina.post(address, secure=True).status_code in {403, 405}
        assert tina.get(address, secure=True).status_code in {403, 405}
        assert Client().get(address, secure=True).status_code in {302, 405}
    assert Tablet.objects.get().revoked_at is None
    assert not Offer.objects.exclude(tablet=tablet).exists()


def test_at_central_there_is_nothing_to_look_after(carlas: Client, node: Node) -> None:
    node.role = "central"
    assert carlas.get(reverse("tablets"), secure=True).status_code == 404


def test_one_tap_and_a_confirmation(carlas: Client, carla: StaffMember) -> None:
    tablet = enrolled("Tablet 3").tablet
    assert "Revoke <bdi>Tablet 3</bdi>?" in html(carlas, "tablet-revoke", tablet.pk)
    assert Tablet.objects.get().revoked_at is None
    answer = carlas.post(reverse("tablet-revoke", args=[tablet.pk]), secure=True)
    assert answer.headers["Location"] == reverse("tablets")
    page = html(carlas, "tablets")
    assert "Revoked by <bdi>Carla Quintero</bdi>" in page
    assert "revoked already" in html(carlas, "tablet-revoke", tablet.pk)


# --- what waits on a tablet that is sent away ---------------------------------------------------------------


def in_hand(day: Day, device: Device) -> Hand:
    """Tina logs in on it, and opens a page."""
    account = Account.objects.get(staff_id=day.tina.pk)
    device.client.force_login(account, backend="registry.staff.backends.CachedBackend")
    session = device.client.session
    session[IN_SESSION] = str(device.tablet.pk)
    session.save()
    assert device.page("/me/").status_code == 200
    name = device.tablet.device
    return Hand(day, device.client, day.tina.pk, name, device.client.session["author_pass"])


def test_what_waits_on_a_revoked_tablet_waits_for_its_author(
    day: Day, visit: Visit, carla: StaffMember
) -> None:
    """H12: nothing is lost with a tablet that is sent away, and nothing more is believed. Whoever holds it
    may say of what they seal now that it was sealed before.
    """
    device = enrolled()
    hand = in_hand(day, device)
    action, posted = hand.triage(visit, weight="61.5")
    fields = posted.copy()
    before, then = hand.seal(hand.typed(action, fields)), int(day.now.timestamp() * 1000)
    revoke(by=Author(carla.pk), tablet=device.tablet)
    assert device.page("/me/").status_code == 403
    assert hand.send(before) == ["kept"]
    day.advance(minutes=10)
    for at in (then, int(day.now.timestamp() * 1000)):
        fields["save_id"] = a_save_id(day)
        assert hand.send(hand.seal(hand.typed(action, fields), at=at)) == ["kept"]
    assert not StageEvent.objects.exists()
    kept = Draft.objects.filter(staff_id=day.tina.pk, kind=Draft.Kind.SENT)
    assert {draft.sentence for draft in kept} == {"Its tablet was sent away."}
    assert AuthorPass.objects.get(device=device.tablet.device).ended_at is not None


def test_an_unknown_device_writes_nothing_by_the_outbox(day: Day, visit: Visit) -> None:
    """H12: the pass and the name of the tablet stand on its pages; its key does not."""
    device = enrolled()
    hand = in_hand(day, device)
    typed = hand.typed(*hand.triage(visit, weight="61.5"))
    save, draft = hand.seal(typed), hand.seal(typed, "draft")
    name = device.tablet.device
    for address in ("192.168.4.66", "127.0.0.1"):
        stranger = on_wifi(address)
        stranger.cookies[LABEL] = name
        stranger.defaults["HTTP_POSTA_DEVICE"] = name
        assert hand.send(save, draft, client=stranger) == ["prove", "prove"]
    assert not StageEvent.objects.exists()
    assert not Draft.objects.exists()
    assert hand.send(save) == ["saved"]


def test_another_tablet_of_the_clinic_does_not_write_in_the_authors_name(day: Day, visit: Visit) -> None:
    hand, other = in_hand(day, enrolled()), enrolled("Tablet 4")
    item = hand.seal(hand.typed(*hand.triage(visit, weight="61.5")))
    assert hand.send(item, client=other.client) == ["kept"]
    assert not StageEvent.objects.exists()
    assert "another tablet" in Draft.objects.get(staff_id=day.tina.pk).sentence


def test_a_tablet_that_slept_shows_its_key_and_its_saves_count(day: Day, visit: Visit) -> None:
    device = enrolled()
    hand = in_hand(day, device)
    item = hand.seal(hand.typed(*hand.triage(visit, weight="61.5")))
    day.advance(hours=2)
    assert hand.send(item) == ["prove"]
    assert device.prove() == 204
    assert hand.send(item) == ["saved"]
    saved = StageEvent.objects.get()
    assert (saved.made_by, saved.made_on) == (day.tina.pk, device.tablet.device)
