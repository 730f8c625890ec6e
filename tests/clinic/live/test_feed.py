"""Who may listen to what; what a part says; how many questions a look costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.board.shown import picture_of, visit_digest
from clinic.live import admission
from clinic.live.hub import Hub
from clinic.visits import moving
from clinic.visits.models import Visit
from clinic.visits.selectors import standing
from registry.staff.models import Account
from registry.staff.services import end_role
from registry.staff.sessions import revoke_tokens
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE

LIVE = "/board/live/"


def first_frames(response: Any, number: int) -> bytes:
    """What a stream says first; its hub looks in a thread of its own, which a test's transaction keeps
    empty, so only what needs no look is asked here.
    """

    async def read() -> bytes:
        found = []
        async for frame in response.streaming_content:
            found.append(frame)
            if len(found) == number:
                break
        return b"".join(found)

    return asyncio.run(read())


def test_nobody_listens_without_a_log_in(day: Day) -> None:
    assert Client().get(LIVE, {"parts": "status"}, secure=True).status_code == 401
    assert Client().get("/api/v1/board/live/", secure=True).status_code == 401


@pytest.mark.parametrize("parts", ["", "roof", "queue:roof", "visit:1", "../../etc"])
def test_a_part_that_there_is_not_is_no_stream(day: Day, parts: str) -> None:
    assert day.browser().get(LIVE, {"parts": parts}, secure=True).status_code == 400


def test_a_stream_is_one_and_asks_for_no_caching(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Hub(version=lambda: 0, look=lambda topic, asks: None, living=lambda keys: keys)
    monkeypatch.setattr("clinic.live.views.hub", lambda: feed)
    answer = day.browser().get(LIVE, {"parts": "queue:triage,status"}, secure=True)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    assert answer["Cache-Control"] == "no-store"
    assert first_frames(answer, 1).startswith(b"retry: ")


def test_a_stranger_hears_nothing_of_this_clinic(day: Day) -> None:
    client = day.api(day.cast.iris)
    refused = client.get("/api/v1/board/live/", {"facility": str(day.cast.bocas.pk)})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")


def stood_on(client: Any, address: str, monkeypatch: pytest.MonkeyPatch, **said: Any) -> tuple[Any, Any]:
    """What the stream that this client opens stands on: its log-in or token, and its place."""
    made: list[tuple[Any, Any]] = []

    def streams(topic: Any, key: Any, wish: Any) -> HttpResponse:
        made.append((key, topic))
        return HttpResponse()

    monkeypatch.setattr("clinic.live.views.streamed", streams)
    monkeypatch.setattr("clinic.live.api.streamed", streams)
    assert client.get(address, secure=True, **said).status_code == 200
    return made[0]


def test_a_stream_ends_with_its_log_in_or_its_token(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else its request said: a log-in beside a word that is no token is a log-in."""
    parts = {"parts": "queue:triage"}
    plain, wordy = day.browser(), day.browser()
    pages = [
        stood_on(plain, LIVE, monkeypatch, data=parts),
        stood_on(wordy, LIVE, monkeypatch, data=parts, headers={"Authorization": "x"}),
    ]
    kept, revoked = (
        stood_on(day.api(who), "/api/v1/board/live/", monkeypatch) for who in (day.tina, day.cast.ana)
    )
    assert admission.living([*pages, kept, revoked]) == {*pages, kept, revoked}
    revoke_tokens(day.cast.ana.pk)
    assert admission.living([*pages, kept, revoked]) == {*pages, kept}
    plain.post(reverse("account_logout"), secure=True)
    assert admission.living([*pages, kept]) == {pages[1], kept}
    Session.objects.all().delete()
    assert admission.living([*pages, kept]) == {kept}
    Account.objects.filter(staff_id=day.tina.pk).update(is_active=False)
    assert admission.living([*pages, kept]) == set()


def test_a_stream_ends_with_the_role_and_with_the_password(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    tinas, anas = (
        stood_on(day.browser(who), LIVE, monkeypatch, data={"parts": "queue:triage"})
        for who in (day.tina, day.cast.ana)
    )
    day.node.role = "central"
    end_role(by=THE_NODE, staff=day.tina, role="triage", facility=day.cast.bocas)
    day.node.role = "clinic"
    assert admission.living([tinas, anas]) == {anas}
    Account.objects.filter(staff_id=day.cast.ana.pk).update(stamp="another password")
    assert admission.living([tinas, anas]) == set()


def test_the_log_ins_of_a_hundred_tablets_cost_no_more_than_one(day: Day) -> None:
    def questions(tablets: int) -> int:
        streams = [(("session", f"s{n}", str(day.tina.pk)), day.cast.bocas.pk) for n in range(tablets)]
        with CaptureQueriesContext(connection) as asked:
            admission.living(streams)
        return len(asked)

    assert questions(100) == questions(1) <= 5


def test_a_look_costs_the_same_for_one_patient_and_for_many(day: Day) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            picture_of(day.cast.bocas)
        return len(asked)

    day.triage(day.visit())
    questions()  # whatever is read once per process has been read
    one = questions()
    for _ in range(3):
        day.triage(day.visit())
    assert questions() == one


def test_drawing_asks_nothing(day: Day) -> None:
    visit = day.visit()
    moving.claim_visit(by=day.nurse, visit=visit)
    picture = picture_of(day.cast.bocas)
    with CaptureQueriesContext(connection) as asked:
        drawn = [
            picture.html(part, language)
            for part in ("queue:triage", "station:triage", "counts", "day", "status")
            for language in ("en", "ar")
        ]
    assert list(asked) == []
    assert all(drawn)


def test_what_is_drawn_for_everybody_carries_nobodys_token_and_no_save_id(day: Day) -> None:
    day.visit()
    drawn = picture_of(day.cast.bocas).html("queue:triage", "en")
    assert "José" in drawn
    assert "csrfmiddlewaretoken" not in drawn
    assert "save_id" not in drawn


def test_only_what_looks_different_has_another_digest(day: Day, visit: Visit) -> None:
    parts = ["queue:triage", "queue:provider", "queue:lab", "counts", "day"]

    def digests() -> dict[str, str]:
        picture = picture_of(day.cast.bocas)
        return {part: picture.digest(part) for part in parts}

    before = digests()
    assert digests() == before
    day.advance(minutes=5)  # a longer wait is counted by the tablet itself
    assert digests() == before
    moving.send_visit(by=day.nurse, visit=visit, station="provider")
    after = digests()
    assert {part for part in parts if after[part] != before[part]} == {
        "queue:triage",
        "queue:provider",
        "counts",
    }


def test_a_visits_page_is_told_of_claims_and_of_records(day: Day, visit: Visit) -> None:
    part = f"visit:{visit.pk}"

    def digest() -> str:
        return picture_of(day.cast.bocas, [part]).digest(part)

    seen = [digest()]
    assert visit_digest(visit, standing(visit)) == seen[0]
    moving.claim_visit(by=day.ana, visit=visit)
    seen.append(digest())
    day.triage(visit)
    seen.append(digest())
    assert len(set(seen)) == 3
    assert "Ana Batista is with this patient" in picture_of(day.cast.bocas).html(part, "en").replace(
        "<bdi>", ""
    ).replace("</bdi>", "")


def test_a_save_rings_and_a_look_does_not(day: Day, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []

    class Bell:
        def ring(self, *, log_ins: bool = False) -> None:
            rung.append(log_ins)

    monkeypatch.setattr("clinic.live.doorbell.hub", Bell)
    client = day.browser()
    client.get(reverse("queue"), secure=True)
    assert rung == []
    client.post(reverse("visit-claim", args=[visit.pk]), secure=True)
    assert rung == [False]
    client.post(reverse("account_logout"), secure=True)
    assert rung == [False, True]
