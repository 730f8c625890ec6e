"""The pages and the API of sync, as a browser and a program see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from registry.people.models import Patient
from sync import api, asking, enrolment, views
from sync.asking import save_id_of
from sync.enrolment import join
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.models import EnrolledNode, LinkState, SecurityEvent, SyncRun
from sync.nodes import nodes_shown
from sync.problems import PROBLEM_JSON, Problem
from sync.progress import badge
from tests.sync.desk import Desk, browser, program, staffed
from tests.world import Link, Site, World

pytestmark = pytest.mark.urls("tests.sync.addresses")
BOCAS, DARIEN = str(uuid4()), str(uuid4())
FACILITIES = [(BOCAS, "BOC", "Bocas del Toro"), (DARIEN, "DAR", "Darién")]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with staffed() as desk:
        yield desk


@pytest.fixture
def here(world: World, desk: Desk) -> Iterator[Site]:
    """At the first clinic, with somebody at the desk."""
    with world.at(world.clinics[0]) as site:
        yield site


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why runs were asked for."""
    asked: list[str] = []
    monkeypatch.setattr(views, "ask_for_run", asked.append)
    monkeypatch.setattr(api, "ask_for_run", asked.append)
    return asked


def register(world: World, site: Site) -> Patient:
    with recording(by=world.author(site)) as save:
        return save.add(Patient, given_name="Ana", registered_on=site.node.now())


def running(site: Site) -> SyncRun:
    now = site.node.wall()
    return SyncRun.objects.create(
        trigger="x", started_at=now - 30_000, lease_until=now + 60_000, step="exchange", to_send=40, sent=10
    )


# --- who may ---------------------------------------------------------------------------------------------


def test_strangers_log_in_and_polls_of_strangers_are_told_so(here: Site) -> None:
    answer = Client().get("/sync/?x=1")
    assert (answer.status_code, answer["location"]) == (302, "/account/login/?next=%2Fsync%2F%3Fx%3D1")
    assert Client().get("/sync/badge/", headers={"HX-Request": "true"}).status_code == 401


def test_without_a_room_that_knows_staff_nobody_may_do_anything(world: World) -> None:
    with world.at(world.clinics[0]):
        before = asking.install(None)
        try:
            page = browser().get("/sync/")
            call = program().get("/api/v1/sync/")
            assert asking.door().subjects(page.wsgi_request, [uuid4()]) == {}
            with pytest.raises(Problem):
                asking.door().author(page.wsgi_request)
        finally:
            asking.install(before)
    assert (page.status_code, call.status_code, call["content-type"]) == (403, 403, PROBLEM_JSON)


@pytest.mark.parametrize(
    ("act", "method", "path"),
    [
        ("see", "get", "/sync/"),
        ("see", "get", "/sync/progress/"),
        ("see", "get", "/sync/badge/"),
        ("sync", "post", "/sync/now/"),
        ("enrol", "get", "/central/nodes/"),
        ("enrol", "post", "/central/nodes/enroll/"),
    ],
)
def test_each_page_asks_whether_the_person_may(
    here: Site, desk: Desk, runs: list[str], act: str, method: str, path: str
) -> None:
    desk.acts.remove(act)
    answer = getattr(browser(), method)(path)
    assert answer.status_code == 403
    assert "Your role does not allow this." in answer.content.decode()
    assert runs == []


@pytest.mark.parametrize(
    ("act", "method", "path"),
    [("see", "get", "sync/"), ("sync", "post", "sync/now/"), ("see", "get", "sync/live/")],
)
def test_each_call_asks_whether_the_program_may(
    here: Site, desk: Desk, runs: list[str], act: str, method: str, path: str
) -> None:
    desk.acts.remove(act)
    answer = getattr(program(), method)(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert runs == []


# --- the status ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/sync/", "/sync/progress/"])
def test_whoever_may_not_start_a_run_gets_no_button_for_it(world: World, here: Site, address: str) -> None:
    """And where a form is sent all the same, it is refused."""
    with staffed(Desk(acts={"see"})):
        text = browser().get(address).content.decode()
        assert 'id="sync-now"' not in text
        assert "This laptop syncs by itself. A coordinator can start a sync." in text
        assert browser().post("/sync/now/").status_code == 403


def test_the_page_says_what_is_safe_and_what_waits(world: World, here: Site) -> None:
    register(world, here)
    text = browser().get("/sync/").content.decode()
    assert "<strong>0 of 1</strong> records are at central" in text
    assert "The rest is safe on this laptop and waits." in text
    assert "Registration" in text
    assert "A coordinator can start a sync." not in text
    assert "Photos and files" not in text  # what nobody has written yet is not in the way
    assert 'id="sync-now"' in text
    world.sync(here)
    with world.at(here):
        text = browser().get("/sync/").content.decode()
    assert "All safe. Nothing to do." in text
    assert "complete" in text
    assert "1 kept" in text


def test_the_page_shows_the_run_as_it_goes(world: World, here: Site) -> None:
    register(world, here)
    running(here)
    text = browser().get("/sync/progress/").content.decode()
    assert "Sending and fetching" in text
    assert "10 of 40" in text
    assert "about 2 minutes left" in text
    assert 'hx-trigger="every 1500ms"' in text
    assert "<html" not in text


def test_a_run_that_only_fetches_counts_what_came(here: Site) -> None:
    run = running(here)
    SyncRun.objects.filter(pk=run.pk).update(to_send=0, sent=0, fetched=7)
    assert "7 of 7" in browser().get("/sync/progress/").content.decode()
    SyncRun.objects.filter(pk=run.pk).update(to_send=5, fetched=0)
    assert "minutes left" not in browser().get("/sync/progress/").content.decode()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("up", "link up"),
        ("no-real-internet", "no real internet"),
        ("refused", "link refused"),
        ("down", "no link"),
    ],
)
def test_the_badge_names_the_link_and_the_numbers(world: World, here: Site, state: str, words: str) -> None:
    register(world, here)
    LinkState.objects.update_or_create(id=1, defaults={"state": state, "since": 1})
    text = browser().get("/sync/badge/").content.decode()
    assert words in text
    assert '<span class="fact__number">1</span> <span>unsent</span>' in text


def test_the_badge_of_central_counts_silent_clinics(world: World, here: Site) -> None:
    world.sync(here)
    with world.at(world.central):
        assert badge()["silent"] == 1
        assert "silent clinic" in browser().get("/sync/badge/").content.decode()
        world.advance(25 * 3_600_000)
        assert badge()["silent"] == 2


def test_programs_read_the_same_as_the_command(world: World, here: Site) -> None:
    register(world, here)
    told = program().get("/api/v1/sync/").json()
    assert (told["unsent"], told["unsent_by_group"]["registration"], told["role"]) == (1, 1, "clinic")


# --- sync now --------------------------------------------------------------------------------------------


def test_sync_now_asks_for_one_run(here: Site, runs: list[str]) -> None:
    answer = browser().post("/sync/now/")
    assert (answer.status_code, answer["location"]) == (302, "/sync/")
    told = program().post("/api/v1/sync/now/")
    assert (told.status_code, told.json()["started"]) == (202, True)
    assert runs == ["asked", "api"]
    running(here)
    browser().post("/sync/now/")
    assert program().post("/api/v1/sync/now/").json()["started"] is False
    assert runs == ["asked", "api"]


def test_sync_now_is_a_post_and_not_for_central(world: World, here: Site, runs: list[str]) -> None:
    assert browser().get("/sync/now/").status_code == 405
    with world.at(world.central):
        page = browser().post("/sync/now/")
        assert page.status_code == 409
        assert "has not joined" in page.content.decode()
        assert program().post("/api/v1/sync/now/").json()["code"] == "not-joined"
    assert runs == []


# --- live ------------------------------------------------------------------------------------------------


def test_progress_comes_as_events_when_it_changed(world: World, here: Site) -> None:
    register(world, here)

    async def listen() -> list[bytes]:
        return [part async for part in api.events(beats=3, every=0)]

    first, second, third = async_to_sync(listen)()
    name, data = first.decode().strip().split("\n")
    assert name == "event: sync"
    told = json.loads(data.removeprefix("data: "))
    assert (told["status"]["unsent"], told["run"]) == (1, None)
    assert second == third == b": \n\n"


def test_the_live_address_is_an_event_stream(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "EVERY_S", 0)
    client = AsyncClient()
    client.cookies = browser().cookies

    async def first() -> tuple[Any, bytes]:
        answer: Any = await client.get("/api/v1/sync/live/")
        return answer, await anext(aiter(answer))

    answer, part = async_to_sync(first)()
    assert (answer.status_code, answer["content-type"]) == (200, "text/event-stream")
    assert part.startswith(b"event: sync\ndata: {")


# --- central's clinics -----------------------------------------------------------------------------------


def new_laptop(**said: Any) -> dict[str, Any]:
    return {"name": "Colón", "mode": "subscribed"} | said


def test_a_code_is_made_and_shown_once(world: World, here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment, "_facilities", [lambda: FACILITIES])
    with world.at(world.central):
        form = browser().get("/central/nodes/").content.decode()
        assert "A stolen laptop then holds all." in form
        assert "checked" not in form, "whoever invites a laptop says what it may hold"
        answer = browser().post("/central/nodes/enroll/", new_laptop(facilities=[DARIEN]))
        text = answer.content.decode()
        code = text.split('<p class="code"><bdi>')[1].split("</bdi>")[0]
        node = EnrolledNode.objects.get(name="Colón")
        assert (node.facilities, node.mode, len(code)) == ([DARIEN], "subscribed", 19)
        assert "Those of its own area" in browser().get(f"/central/nodes/{node.pk}/").content.decode()
        again = browser().get("/central/nodes/").content.decode()
    assert code not in again
    assert "Not joined yet" in again
    assert "Darién" in again
    laptop = world._site("new", "clinic")
    laptop.node.kept["carrier"] = Link(world, laptop)
    with world.at(laptop):
        assert join("https://central.example", code).facilities == [DARIEN]
    laptop.connection.close()


def test_the_form_says_what_is_missing_or_taken(
    world: World, here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "_facilities", [lambda: FACILITIES])
    with world.at(world.central):
        missing = browser().post("/central/nodes/enroll/", {"name": "Colón"})
        taken = browser().post("/central/nodes/enroll/", new_laptop(name="clinic 1", facilities=[BOCAS]))
        unknown = browser().post("/central/nodes/enroll/", new_laptop(facilities=[str(uuid4())]))
        assert EnrolledNode.objects.count() == 2
    assert [one.status_code for one in (missing, taken, unknown)] == [400, 400, 400]
    assert "Choose where it works." in missing.content.decode()
    assert "Choose which patients it may hold." in missing.content.decode()
    assert "A clinic with this name has joined already." in taken.content.decode()


def test_a_clinic_has_no_such_page(here: Site) -> None:
    assert browser().get("/central/nodes/").status_code == 404


def test_what_a_clinic_has_just_sent_no_longer_waits(world: World, here: Site) -> None:
    register(world, here)
    world.sync(here)
    with world.at(world.central):
        node = EnrolledNode.objects.order_by("name")[0]
        assert nodes_shown([node])[0].backlog == 0


def test_each_clinic_is_told_in_a_word(world: World, here: Site) -> None:
    world.sync()
    with world.at(world.central):
        (one, _other) = EnrolledNode.objects.order_by("name")

        def word() -> tuple[str, str, bool]:
            shown = nodes_shown([EnrolledNode.objects.get(pk=one.pk)])[0]
            return shown.state, shown.state_word, shown.fenced

        shown = nodes_shown([one])[0]
        assert (shown.name, shown.replica, shown.backlog) == (
            "clinic 1",
            Replica.objects.get(node_uuid=one.pk).uuid.hex[:6],
            0,
        )
        assert word() == ("done", "All here", False)
        EnrolledNode.objects.filter(pk=one.pk).update(backlog=3)
        assert word() == ("waiting", "Sending", False)
        world.advance(25 * 3_600_000)
        assert word() == ("needs-you", "Silent", False)
        EnrolledNode.objects.filter(pk=one.pk).update(joined_at=None, code_expires=world.now_ms + 1)
        assert word() == ("waiting", "Not joined yet", False)
        world.advance(2)
        assert word() == ("needs-you", "Code expired", False)
        EnrolledNode.objects.filter(pk=one.pk).update(revoked_at=1)
        assert word() == ("danger", "Fenced", True)


def test_a_fence_is_shown_until_the_clinic_is_welcome_again(world: World, here: Site) -> None:
    with world.at(world.central):
        Replica.objects.filter(node_name="clinic 1").update(standing=Replica.Standing.FENCED)
    world.sync(here)
    with world.at(world.central):
        shown = nodes_shown(EnrolledNode.objects.filter(name="clinic 1"))[0]
        assert shown.fenced
        assert "no longer the live one" in shown.fenced_reason
        assert SecurityEvent.objects.filter(code="fenced").exists()
        assert "no longer the live one" in browser().get("/central/nodes/").content.decode()
        Replica.objects.filter(node_name="clinic 1").update(standing=Replica.Standing.LIVE)
    world.advance(60_000)
    world.sync(here)
    with world.at(world.central):
        assert not nodes_shown(EnrolledNode.objects.filter(name="clinic 1"))[0].fenced


# --- small parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["{}", '"{}"', " {} "])
def test_a_save_id_comes_in_a_header_or_a_form(rf: Any, sent: str) -> None:
    key = uuid4()
    assert save_id_of(rf.post("/", headers={"Idempotency-Key": sent.format(key)})) == key
    assert save_id_of(rf.post("/", {"save_id": sent.format(key)})) == key
    assert save_id_of(rf.post("/")) is None
    with pytest.raises(Problem):
        save_id_of(rf.post("/", {"save_id": "7"}))


def test_a_fault_of_ours_is_not_dressed_up_as_a_refusal(rf: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        asking.refused(rf.get("/"), ZeroDivisionError())
