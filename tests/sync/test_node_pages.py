"""One clinic's page at central: what was noted, and the form by which the office revokes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from sync.models import EnrolledNode, SecurityEvent
from sync.node_pages import NOTED, noted_of
from tests.sync.desk import ROSA, Desk, browser, staffed
from tests.sync.forge import Talk, stranger
from tests.world import World

pytestmark = pytest.mark.urls("tests.sync.addresses")
MEANT = {"reason": "stolen on the boat", "sure": "on"}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Somebody with a role, as far as the rooms above ask."""
    monkeypatch.setattr("registry.access.middleware.can_see_patients", lambda who: True)
    with staffed() as desk:
        yield desk


@pytest.fixture
def first(world: World, desk: Desk) -> EnrolledNode:
    with world.at(world.central):
        return EnrolledNode.objects.get(name="clinic 1")


def ask(world: World, node_id: Any, posted: dict[str, str] | None = None) -> Any:
    with world.at(world.central):
        address = f"/central/nodes/{node_id}/"
        return browser().get(address) if posted is None else browser().post(f"{address}revoke/", posted)


def revoked(world: World, node: EnrolledNode) -> bool:
    with world.at(world.central):
        return EnrolledNode.objects.get(pk=node.pk).revoked_at is not None


def test_a_laptop_is_revoked_with_a_reason_and_a_tick(world: World, first: EnrolledNode) -> None:
    """H8: one page, two answers, and the laptop is refused from its next request on."""
    here, other = world.clinics
    answer = ask(world, first.pk, MEANT)
    assert (answer.status_code, answer["location"]) == (302, f"/central/nodes/{first.pk}/")
    page = ask(world, first.pk).content.decode()
    assert "stolen on the boat" in page
    assert "Its key was revoked." in page
    assert "Revoke it now" not in page
    run = world.sync(here)[0]
    assert (run.outcome, "no longer sync" in run.reason) == ("failed", True)
    assert world.sync(other)[0].outcome == "done"
    with world.at(world.central):
        event = SecurityEvent.objects.get(code="node-revoked")
        assert str(ROSA) in event.sentence
        assert "stolen" not in event.sentence
    assert "It asked again after it was revoked." in ask(world, first.pk).content.decode()


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({}, "Say why, for colleagues."),
        ({"reason": "stolen"}, "Tick this if you mean it."),
        ({"sure": "on"}, "Say why, for colleagues."),
        ({"reason": "  ", "sure": "on"}, "Say why, for colleagues."),
        ({"reason": "x", "sure": "on"}, "at least 3 characters"),
        ({"reason": "x" * 201, "sure": "on"}, "at most 200 characters"),
    ],
)
def test_a_slip_revokes_nobody(world: World, first: EnrolledNode, posted: dict[str, str], said: str) -> None:
    answer = ask(world, first.pk, posted)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not revoked(world, first)
    assert world.sync(world.clinics[0])[0].outcome == "done"


def test_looking_at_the_address_of_the_act_does_nothing(world: World, first: EnrolledNode) -> None:
    with world.at(world.central):
        assert browser().get(f"/central/nodes/{first.pk}/revoke/").status_code == 405
    assert not revoked(world, first)


def test_the_first_reason_stays(world: World, first: EnrolledNode) -> None:
    ask(world, first.pk, MEANT)
    ask(world, first.pk, {**MEANT, "reason": "another"})
    with world.at(world.central):
        assert EnrolledNode.objects.get(pk=first.pk).revoked_why == "stolen on the boat"


def test_whoever_may_not_enrol_sees_and_revokes_nothing(
    world: World, desk: Desk, first: EnrolledNode
) -> None:
    desk.acts.remove("enrol")
    assert [ask(world, first.pk).status_code, ask(world, first.pk, MEANT).status_code] == [403, 403]
    assert not revoked(world, first)


def test_an_unknown_clinic_and_a_clinic_itself_have_no_such_page(world: World, first: EnrolledNode) -> None:
    assert ask(world, uuid4()).status_code == 404
    with world.at(world.clinics[0]):
        assert browser().get(f"/central/nodes/{first.pk}/").status_code == 404


def test_the_list_leads_to_the_page_and_the_page_says_what_was_noted(
    world: World, first: EnrolledNode
) -> None:
    talk = Talk(world, world.clinics[0])
    talk.send(talk.wire("gates", b"", key=stranger()))
    with world.at(world.central):
        SecurityEvent.objects.create(at=1, code="new-kind", node_uuid=first.pk, sentence="Something new.")
        assert f'href="/central/nodes/{first.pk}/"' in browser().get("/central/nodes/").content.decode()
        told = [one.word for one in noted_of(first)]
    assert told == ["Something new.", str(NOTED["bad-signature"])]
    assert str(NOTED["bad-signature"]) in ask(world, first.pk).content.decode().replace("&#x27;", "'")
