"""The day board: order of the queue, my station, the next patient, and the same for programs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from clinic.visits.models import Visit
from clinic.visits.moving import claim_visit, release_visit, send_visit
from sync.models import EnrolledNode
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

NOBODY = "01a1f84a-95c0-8ec9-9686-187d576a1fa1"
_NAME = re.compile(r'<span class="person__name"><bdi>([^<]+)</bdi>')


def shown(response: Any) -> list[str]:
    assert response.status_code == 200
    return _NAME.findall(response.content.decode())


def queue(day: Day, member: Any = None, **query: str) -> Any:
    return day.browser(member).get(reverse("queue"), query, secure=True)


def three_visits(day: Day) -> list[Visit]:
    """José, Luz and Beto came, a minute apart."""
    visits = []
    for _ in range(3):
        visits.append(day.visit())
        day.advance(minutes=1)
    return visits


def test_home_leads_to_the_queue(day: Day) -> None:
    response = day.browser().get("/", secure=True)
    assert (response.status_code, response["Location"]) == (302, reverse("queue"))


def test_home_at_central_shows_what_the_office_looks_after(day: Day) -> None:
    EnrolledNode.objects.create(name="Bocas", joined_at=1, last_contact=day.node.wall())
    EnrolledNode.objects.create(name="Darién", joined_at=1, last_contact=1)
    EnrolledNode.objects.create(name="Lost", joined_at=1, revoked_at=2)
    day.node.role = "central"
    context = browser(day.cast.olga).get("/", secure=True).context
    assert (context["nodes_total"], context["nodes_silent"], context["reviews"]) == (2, 1, 0)


def test_my_stations_queue_has_the_longest_wait_first(day: Day) -> None:
    jose, _luz, _beto = three_visits(day)
    assert shown(queue(day)) == ["José Pérez", "Luz Ábrego", "Beto Smith"]
    send_visit(by=day.nurse, visit=jose, station="provider")
    assert shown(queue(day)) == ["Luz Ábrego", "Beto Smith"]
    assert shown(queue(day, day.cast.ana)) == ["José Pérez"]
    assert shown(queue(day, station="provider")) == ["José Pérez"]


def test_whom_i_am_with_comes_first_and_then_whom_a_colleague_is_with(day: Day) -> None:
    jose, luz, _beto = three_visits(day)
    claim_visit(by=day.ana, visit=jose)
    assert shown(queue(day)) == ["José Pérez", "Luz Ábrego", "Beto Smith"]
    claim_visit(by=day.nurse, visit=luz)
    assert shown(queue(day)) == ["Luz Ábrego", "José Pérez", "Beto Smith"]
    busy = queue(day).context["busy"]
    assert [(entry["mine"], entry["claimed_by"]) for entry in busy] == [
        (True, "Tina Abrego"),
        (False, "Ana Batista"),
    ]


def test_the_next_patient_is_offered_to_whoever_is_free(day: Day) -> None:
    jose, luz, _beto = three_visits(day)
    assert queue(day).context["next_entry"]["visit"]["id"] == jose.pk
    claim_visit(by=day.ana, visit=jose)
    assert queue(day).context["next_entry"]["visit"]["id"] == luz.pk
    assert "data-next>" in queue(day).content.decode()
    claim_visit(by=day.nurse, visit=luz)
    assert "data-next hidden>" in queue(day).content.decode()
    assert queue(day, day.pia).context["next_entry"] is None


def test_whoever_was_handed_to_me_is_my_next_and_nobody_elses(day: Day) -> None:
    jose, luz, _beto = three_visits(day)
    claim_visit(by=day.nurse, visit=luz)
    release_visit(by=day.nurse, visit=luz, to=day.cast.ana.pk)
    assert queue(day, day.cast.ana, station="triage").context["next_entry"]["visit"]["id"] == luz.pk
    assert queue(day).context["next_entry"]["visit"]["id"] == jose.pk
    assert "for Ana Batista" in queue(day).content.decode().replace("<bdi>", "").replace("</bdi>", "")


def test_the_board_shows_every_station_and_who_is_with_whom(day: Day) -> None:
    jose, luz, _beto = three_visits(day)
    claim_visit(by=day.nurse, visit=jose)
    send_visit(by=day.nurse, visit=luz, station="provider")
    page = day.browser().get(reverse("board"), secure=True)
    columns = {one["station"]["id"]: one for one in page.context["columns"]}
    assert {code: one["waiting"] for code, one in columns.items()} == {
        "registration": 0, "triage": 1, "provider": 1, "lab": 0, "pharmacy": 0
    }  # fmt: skip
    assert [entry["claimed_by"] for entry in columns["triage"]["busy"]] == ["Tina Abrego"]
    assert columns["lab"]["longest_since"] is None
    assert 'data-live-part="station:lab"' in page.content.decode()


def test_the_page_fetches_only_its_list_again(day: Day) -> None:
    day.visit()
    response = day.browser().get(reverse("queue"), headers={"HX-Request": "true"}, secure=True)
    assert shown(response) == ["José Pérez"]
    assert "<html" not in response.content.decode()


def test_a_tablet_remembers_its_station(day: Day) -> None:
    jose = day.visit()
    send_visit(by=day.nurse, visit=jose, station="lab")
    client = day.browser()
    assert shown(client.get(reverse("queue"), secure=True)) == []
    page = client.get(reverse("station"), secure=True)
    waiting = {one["id"]: (one["waiting"], one["mine"]) for one in page.context["stations"]}
    assert waiting["lab"] == (1, False)
    assert waiting["triage"] == (0, True)
    response = client.post(reverse("station"), {"station": "lab"}, secure=True)
    assert response["Location"] == reverse("queue")
    assert shown(client.get(reverse("queue"), secure=True)) == ["José Pérez"]


def test_an_unknown_station_is_nobodys(day: Day) -> None:
    day.visit()
    response = day.browser().post(reverse("station"), {"station": "roof"}, secure=True)
    assert response.status_code == 400
    assert queue(day, station="roof")["Location"] == reverse("board")


def test_a_queue_needs_a_facility(day: Day) -> None:
    assert queue(day, day.cast.olga).status_code == 409


# --- for programs -------------------------------------------------------------------------------------------


def test_the_board_tells_every_station(day: Day) -> None:
    jose, luz, _beto = three_visits(day)
    claim_visit(by=day.nurse, visit=jose)
    send_visit(by=day.nurse, visit=luz, station="provider")
    body = day.api().get("/api/v1/board/").json()
    assert (body["facility"], body["at"]) == (str(day.cast.bocas.pk), "2026-11-20T09:33:00Z")
    stations = {one["id"]: one for one in body["stations"]}
    assert list(stations) == ["registration", "triage", "provider", "lab", "pharmacy"]
    assert {code: one["waiting"] for code, one in stations.items() if one["queue"]} == {
        "triage": 1,
        "provider": 1,
    }
    beto, with_tina = stations["triage"]["queue"]
    assert (beto["patient"]["name"], beto["state"], beto["waiting_seconds"]) == ("Beto Smith", "waiting", 60)
    assert (with_tina["visit"], with_tina["claimed_by"]) == (
        str(jose.pk),
        {"id": str(day.tina.pk), "name": "Tina Abrego"},
    )


@pytest.mark.parametrize(
    ("facility", "status", "code"),
    [
        ("NOWHERE", 404, "unknown-facility"),
        ("BOC\0", 400, "invalid"),
        ("DAR", 403, "not-allowed"),
        (NOBODY, 404, "unknown-facility"),
    ],
)
def test_the_board_of_another_place(day: Day, facility: str, status: int, code: str) -> None:
    response = day.api().get("/api/v1/board/", {"facility": facility})
    assert (response.status_code, response.json()["code"]) == (status, code)
