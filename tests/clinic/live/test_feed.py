"""Who may listen to what; what a part says; how many questions a look costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
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
from tests.clinic.visits.day import Day

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
    feed = Hub(version=lambda: 0, look=lambda topic: None, living=lambda keys: keys)
    monkeypatch.setattr("clinic.live.views.hub", lambda: feed)
    answer = day.browser().get(LIVE, {"parts": "queue:triage,status"}, secure=True)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    assert answer["Cache-Control"] == "no-store"
    assert first_frames(answer, 1).startswith(b"retry: ")


def test_a_stranger_hears_nothing_of_this_clinic(day: Day) -> None:
    client = day.api(day.cast.iris)
    refused = client.get("/api/v1/board/live/", {"facility": str(day.cast.bocas.pk)})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")


def test_a_log_in_holds_until_it_ends(day: Day) -> None:
    client = day.browser()
    client.get(reverse("queue"), secure=True)
    key = ("session", client.session.session_key or "", str(day.tina.pk))
    token = ("token", "", str(day.tina.pk))
    assert admission.living([key, token]) == {key, token}
    Session.objects.all().delete()
    assert admission.living([key, token]) == {token}
    Account.objects.filter(staff_id=day.tina.pk).update(is_active=False)
    assert admission.living([key, token]) == set()


def test_the_log_ins_of_a_hundred_tablets_are_two_questions(day: Day) -> None:
    keys = [("session", f"s{number}", str(day.tina.pk)) for number in range(100)]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        admission.living(keys)
    assert len(asked) == 2


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
            for part in ("queue:triage", "station:triage", "counts", "day", "status", f"visit:{visit.pk}")
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
        return picture_of(day.cast.bocas).digest(part)

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
