"""Work after its author's end on the review pages and in the API: one tap at central, none at the clinic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from registry.people.models import Patient
from sync.ledger.recording import Author, recording
from sync.review.models import Aside, Decision
from tests.sync.desk import ROSA, browser, program, staffed
from tests.world import World

pytestmark = pytest.mark.urls("tests.sync.addresses")
EVE = Author(UUID(int=7), "tablet-1")


@pytest.fixture
def world(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Eve's work had ended before she registered three people; somebody is at the desk."""
    world = make_world(clinics=1)
    ends = {EVE.staff_id: world.now_ms}
    monkeypatch.setattr("sync.ended._tell", [lambda ids: {k: ends[k] for k in ends if k in ids}])
    for name in ("Ana", "Berta", "Celia"):
        world.advance(60_000)
        with world.at(world.clinics[0]), recording(by=EVE) as save:
            save.add(Patient, given_name=name, registered_on=world.clinics[0].node.now())
    world.sync()
    with staffed():
        yield world


def first() -> int:
    return Aside.objects.order_by("seq_from")[0].pk


def test_one_tap_uses_it_another_does_not(world: World) -> None:
    with world.at(world.central):
        client, pk = browser(), first()
        page = client.get(f"/review/quarantine/{pk}/").content.decode()
        assert "Their work ended" in page
        assert "The same for all 3 saves" in page
        assert "Use it" in page
        assert client.post(f"/review/quarantine/{pk}/release/").status_code == 302
        assert client.post(f"/review/quarantine/{first()}/reject/", {"note": ""}).status_code == 302
        assert set(Patient.objects.living().values_list("given_name", flat=True)) == {"Ana"}
        decided = Decision.objects.order_by("made_stamp").values_list("field", "made_by", "note")
        assert list(decided) == [("_accepted", ROSA, ""), ("_rejected", ROSA, "")]


def test_one_tap_for_all_of_a_person(world: World) -> None:
    with world.at(world.central):
        answer = browser().post(
            f"/review/quarantine/{first()}/release/", {"all": "1", "note": "By phone."}, follow=True
        )
        assert "3 saves are used now." in answer.content.decode()
        assert Patient.objects.living().count() == 3
        assert list(Decision.objects.values_list("note", flat=True)) == ["By phone."] * 3


def test_at_the_clinic_it_waits_at_central(world: World) -> None:
    with world.at(world.clinics[0]):
        page = browser().get(f"/review/quarantine/{first()}/").content.decode()
        assert "It waits at central." in page
        assert "<form method" not in page.split("<main", 1)[1].split("</main>", 1)[0]


def test_a_program_decides_with_or_without_a_note(world: World) -> None:
    with world.at(world.central):
        told = program().get("/api/v1/quarantine/").json()
        assert {one["code"] for one in told} == {"author-ended"}
        assert all(one["ended"] for one in told)
        one, two = (f"/api/v1/quarantine/{item['id']}" for item in told[:2])
        answer = program().post(f"{one}/release/", {"note": "By phone."}, format="json")
        assert answer.json() == {"released": True, "code": "", "sentence": ""}
        assert program().post(f"{two}/reject/", {}, format="json").status_code == 204
        assert set(Decision.objects.values_list("note", flat=True)) == {"By phone.", ""}
