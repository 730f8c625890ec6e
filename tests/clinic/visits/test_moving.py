"""Steps of a visit through services, pages and the API: who may, what is refused, what is said."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.visits import moving
from clinic.visits.models import Visit, VisitStep
from clinic.visits.policy import VisitState
from clinic.visits.selectors import open_visit_of, queue, standing
from clinic.visits.services import open_visit
from sync.problems import Problem
from tests.clinic.visits.day import Day

API = "/api/v1/visits"


def names(day: Day) -> list[str]:
    return [entry.person.name for entry in queue(day.cast.bocas, "triage")]


def three(day: Day) -> list[Visit]:
    made = []
    for _ in range(3):
        made.append(day.visit())
        day.advance(minutes=1)
    return made


def test_a_claim_that_comes_too_late_says_who_was_first(day: Day, visit: Visit) -> None:
    moving.claim_visit(by=day.nurse, visit=visit)
    with pytest.raises(Problem) as refused:
        moving.claim_visit(by=day.ana, visit=visit)
    assert (refused.value.code, refused.value.status) == ("already-claimed", 409)
    assert refused.value.title == "Tina Abrego is with this patient."
    assert refused.value.extra == {"claimed_by": str(day.tina.pk)}


def test_a_patient_is_handed_over_to_a_colleague_by_name(day: Day, visit: Visit) -> None:
    moving.claim_visit(by=day.nurse, visit=visit)
    now = moving.release_visit(by=day.nurse, visit=visit, to=day.cast.ana.pk)
    assert (now.state, now.waits_for) == (VisitState.WAITING, day.cast.ana.pk)
    assert moving.claim_visit(by=day.ana, visit=visit).claimed_by == day.cast.ana.pk


def test_only_whoever_is_with_a_patient_hands_them_over(day: Day, visit: Visit) -> None:
    moving.claim_visit(by=day.nurse, visit=visit)
    with pytest.raises(Problem) as refused:
        moving.release_visit(by=day.ana, visit=visit)
    assert refused.value.code == "not-yours"
    for stranger in (day.cast.iris.pk, uuid4()):
        with pytest.raises(Problem) as refused:
            moving.release_visit(by=day.nurse, visit=visit, to=stranger)
        assert (refused.value.code, list(refused.value.fields)) == ("unknown-colleague", ["to"])


def test_the_queue_keeps_urgency_and_turns(day: Day) -> None:
    jose, luz, beto = three(day)
    assert names(day) == ["José Pérez", "Luz Ábrego", "Beto Smith"]
    moving.prioritise_visit(by=day.nurse, visit=beto, priority="emergency")
    assert names(day) == ["Beto Smith", "José Pérez", "Luz Ábrego"]
    moving.skip_visit(by=day.nurse, visit=jose)
    assert names(day) == ["Beto Smith", "Luz Ábrego", "José Pérez"]
    moving.leave_visit(by=day.nurse, visit=luz)
    assert names(day) == ["Beto Smith", "José Pérez"]
    assert [entry.visit for entry in queue(day.cast.bocas, away=True)][-1] == luz
    moving.return_visit(by=day.nurse, visit=luz)
    assert names(day) == ["Beto Smith", "José Pérez", "Luz Ábrego"]


def test_what_is_so_already_adds_no_step(day: Day, visit: Visit) -> None:
    for _ in range(2):
        moving.prioritise_visit(by=day.nurse, visit=visit, priority="priority")
        moving.leave_visit(by=day.nurse, visit=visit)
    for _ in range(2):
        moving.return_visit(by=day.nurse, visit=visit)
    assert VisitStep.objects.filter(visit=visit).count() == 4


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (moving.skip_visit, "not-waiting"),
        (moving.leave_visit, "already-claimed"),
        (moving.release_visit, "not-yours"),
    ],
)
def test_nobody_moves_a_patient_who_is_with_a_colleague(
    day: Day, visit: Visit, what: object, code: str
) -> None:
    moving.claim_visit(by=day.nurse, visit=visit)
    with pytest.raises(Problem) as refused:
        what(by=day.ana, visit=visit)  # type: ignore[operator]
    assert refused.value.code == code
    assert standing(visit).claimed_by == day.tina.pk


@pytest.mark.parametrize("what", [moving.skip_visit, moving.leave_visit, moving.return_visit])
def test_nothing_moves_after_the_close(day: Day, visit: Visit, what: object) -> None:
    moving.close_visit(by=day.nurse, visit=visit)
    with pytest.raises(Problem, match="visit-closed"):
        what(by=day.nurse, visit=visit)  # type: ignore[operator]


def test_whoever_went_away_and_registers_again_goes_on_with_their_visit(day: Day, visit: Visit) -> None:
    moving.leave_visit(by=day.nurse, visit=visit)
    save_id = uuid4()
    for _ in range(2):
        again = open_visit(by=day.rosa, patient=visit.patient, facility=day.cast.bocas, save_id=save_id)
        assert (again.visit, again.created) == (visit, False)
    assert standing(visit).state is VisitState.WAITING
    assert open_visit_of(visit.patient) == visit


# --- pages --------------------------------------------------------------------------------------------------


def test_a_move_on_a_page_is_said_and_leads_back(day: Day, visit: Visit) -> None:
    client = day.browser()
    told = {}
    for what in ("emergency", "skip", "left", "returned"):
        answer = client.post(
            reverse("visit-move", args=[visit.pk]), {"do": what, "back": "queue"}, follow=True, secure=True
        )
        assert answer.redirect_chain[0][0] == reverse("queue")
        told[what] = [str(message) for message in answer.context["messages"]]
    assert told["skip"] == ["Moved to the end of the queue."]
    assert [one.kind for one in VisitStep.objects.filter(visit=visit)] == [
        "sent", "priority", "skipped", "left", "returned"
    ]  # fmt: skip


def test_a_move_that_a_colleague_made_impossible_is_said_on_the_next_page(day: Day, visit: Visit) -> None:
    moving.claim_visit(by=day.ana, visit=visit)
    answer = day.browser().post(
        reverse("visit-move", args=[visit.pk]), {"do": "skip"}, follow=True, secure=True
    )
    assert [str(one) for one in answer.context["messages"]] == ["This patient does not wait here."]


@pytest.mark.parametrize("said", [{"do": "dance"}, {"do": "release", "to": "somebody"}])
def test_a_move_that_there_is_not_is_refused(day: Day, visit: Visit, said: dict[str, str]) -> None:
    answer = day.browser().post(reverse("visit-move", args=[visit.pk]), said, secure=True)
    assert answer.status_code == 400
    assert VisitStep.objects.filter(visit=visit).count() == 1


def test_the_visits_page_tells_the_way_so_far_and_who_may_take_over(day: Day, visit: Visit) -> None:
    moving.claim_visit(by=day.nurse, visit=visit)
    page = day.browser().get(reverse("visit", args=[visit.pk]), secure=True).content.decode()
    for said in ("Hand over or set free", "Ana Batista", "The way so far", "taken"):
        assert said in page
    others = day.browser(day.cast.ana).get(reverse("visit", args=[visit.pk]), secure=True).content.decode()
    assert "Hand over or set free" not in others


# --- for programs -------------------------------------------------------------------------------------------


def test_every_step_is_a_call(day: Day, visit: Visit) -> None:
    client = day.api(day.tina)

    def post(what: str, **body: str) -> dict[str, object]:
        answer = client.post(
            f"{API}/{visit.pk}/{what}/", body, format="json", headers={"Idempotency-Key": str(uuid4())}
        )
        assert answer.status_code == 200, answer.json()
        found: dict[str, object] = answer.json()
        return found

    assert post("priority", priority="emergency")["priority"] == "emergency"
    assert post("skip")["skips"] == 1
    assert post("leave")["state"] == "left"
    assert post("return")["state"] == "waiting"
    assert post("claim")["claimed_by"] == {"id": str(day.tina.pk), "name": "Tina Abrego"}
    assert post("release", to=str(day.cast.ana.pk))["waits_for"] == {
        "id": str(day.cast.ana.pk),
        "name": "Ana Batista",
    }
    assert post("send", station="provider")["station"] == "provider"
    assert post("send", station="triage")["station"] == "triage"
    assert VisitStep.objects.filter(visit=visit, kind="sent-back").count() == 1
    assert post("close")["state"] == "closed"
