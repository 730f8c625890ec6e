"""Who waits where, what is to do, and what was recorded, in words."""

from __future__ import annotations

from pytest_django import DjangoAssertNumQueries

from clinic.programs.services import publish
from clinic.visits.models import StageEvent, Visit
from clinic.visits.moving import claim_visit, close_visit, send_visit
from clinic.visits.policy import VisitState
from clinic.visits.selectors import (
    open_visit_of,
    present_at,
    programs_to_enrol,
    queue,
    seen_today,
    tasks_of,
    waiting_by_station,
)
from clinic.visits.services import edit_event, record_event
from clinic.visits.timeline import tell, timeline, told_in
from registry.people.links import open_visits_of
from tests.clinic.programs.samples import CHILD, with_element
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


def names_in(day: Day, station: str | None = None) -> list[str]:
    return [entry.person.name for entry in queue(day.cast.bocas, station)]


def test_the_longest_wait_comes_first_and_who_is_with_somebody_last(day: Day) -> None:
    jose = day.visit()
    day.advance(minutes=1)
    luz = day.visit()
    day.advance(minutes=1)
    beto = day.visit()
    assert names_in(day) == ["José Pérez", "Luz Ábrego", "Beto Smith"]
    claim_visit(by=day.nurse, visit=jose)
    send_visit(by=day.nurse, visit=luz, station="provider")
    day.advance(minutes=1)
    send_visit(by=day.nurse, visit=beto, station="provider")
    assert names_in(day, "provider") == ["Luz Ábrego", "Beto Smith"]
    assert names_in(day) == ["Luz Ábrego", "Beto Smith", "José Pérez"]
    last = queue(day.cast.bocas, "triage")[0]
    assert (last.standing.state, last.claimed_by) == (VisitState.WITH_SOMEONE, "Tina Abrego")
    assert waiting_by_station(present_at(day.cast.bocas).values()) == {
        "registration": 0,
        "triage": 0,
        "provider": 2,
        "lab": 0,
        "pharmacy": 0,
    }


def test_who_went_home_and_who_is_elsewhere_is_in_no_queue(day: Day) -> None:
    home, here = day.visit(), day.visit()
    close_visit(by=day.ana, visit=home)
    assert names_in(day) == ["Luz Ábrego"]
    assert queue(day.cast.darien) == []
    assert seen_today(day.cast.bocas) == 1
    assert open_visit_of(home.patient) is None
    assert open_visit_of(here.patient, day.cast.bocas) == here
    assert open_visit_of(here.patient, day.cast.darien) is None


def test_a_queue_of_any_length_is_read_at_once(
    day: Day, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        claim_visit(by=day.nurse, visit=day.visit())
    with django_assert_max_num_queries(10):
        assert len(queue(day.cast.bocas)) == 4


def test_lists_of_people_know_who_is_on_a_visit(day: Day, visit: Visit) -> None:
    other = day.patient()
    assert open_visits_of([visit.patient_id, other.pk]) == {visit.patient_id: visit.pk}


def test_the_outpatient_day_has_three_things_to_do(day: Day, visit: Visit) -> None:
    assert [(task.stage.code, task.event) for task in tasks_of(visit)] == [
        ("triage", None),
        ("consultation", None),
        ("pharmacy", None),
    ]
    event = day.triage(visit)
    assert [task.event for task in tasks_of(visit)] == [event, None, None]
    assert [task.event for task in tasks_of(day.visit())] == [None, None, None]


def test_a_followed_program_adds_its_stages(day: Day, visit: Visit) -> None:
    enrollment = day.enrolled(visit.patient)
    tasks = tasks_of(visit)[3:]
    assert [(task.stage.uid, task.enrollment) for task in tasks] == [
        ("growth0", enrollment),
        ("follow0", enrollment),
    ]


def growth(day: Day, visit: Visit, stage: str) -> StageEvent:
    return record_event(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        program_version=day.child,
        stage=stage,
        values={"WEIGHT": 3.2},
        visit=visit,
    )


def test_a_stage_asked_once_is_done_for_later_visits_and_a_repeatable_one_is_not(
    day: Day, visit: Visit
) -> None:
    day.enrolled(visit.patient)
    once, often = growth(day, visit, "growth"), growth(day, visit, "follow0")
    tasks = tasks_of(visit)[3:]
    assert [(task.event, task.again) for task in tasks] == [(once, False), (often, False), (None, True)]
    close_visit(by=day.ana, visit=visit)
    later = tasks_of(day.visit(visit.patient))[3:]
    assert [task.event for task in later] == [once, None]


def test_programs_to_add_are_those_not_followed_yet(day: Day) -> None:
    patient = day.patient()
    assert programs_to_enrol(patient) == [day.child]
    day.enrolled(patient)
    assert programs_to_enrol(patient) == []


def test_answers_are_told_in_the_order_and_words_of_their_form(day: Day, visit: Visit) -> None:
    day.triage(visit, {"weight": 12.4, "complaint": "cough", "pregnant": "NO"})
    told = told_in(visit)[0]
    assert (told.program, told.stage, told.by, told.place) == (
        "Outpatient visit",
        "Triage",
        "Tina Abrego",
        "Bocas del Toro",
    )
    assert told.values == [("Main complaint", "cough"), ("Weight", "12.4 kg"), ("Pregnancy", "Not pregnant")]


def test_a_contested_answer_is_told_with_every_value(day: Day, visit: Visit) -> None:
    event = day.triage(visit, {"weight": 12.4, "pulse": 80})
    seen = event.version
    edit_event(by=day.nurse, event=event, changes={"weight": 12.6}, seen=seen)
    edit_event(by=day.ana, event=event, changes={"weight": 14.2}, seen=seen)
    told = tell([StageEvent.objects.get(pk=event.pk)])[0]
    weight = next(answer for answer in told.answers if answer.key == "weight")
    assert weight.contested
    assert set(weight.text.split(" or ")) == {"12.6 kg", "14.2 kg"}
    assert not any(answer.contested for answer in told.answers if answer.key != "weight")


def test_an_answer_taken_back_and_given_anew_elsewhere_is_told_as_both(day: Day, visit: Visit) -> None:
    event = day.triage(visit, {"weight": 12.4})
    seen = event.version
    edit_event(by=day.nurse, event=event, changes={"weight": None}, seen=seen)
    edit_event(by=day.ana, event=event, changes={"weight": 14.2}, seen=seen)
    told = tell([StageEvent.objects.get(pk=event.pk)])[0]
    assert set(told.answers[0].text.split(" or ")) == {"–", "14.2 kg"}


def test_an_event_speaks_the_words_of_the_version_it_was_captured_under(day: Day, visit: Visit) -> None:
    day.enrolled(visit.patient)
    growth(day, visit, "growth")
    day.node.role = "central"
    publish(document=with_element(CHILD, "weight0", form_name="Weight today"), by=THE_NODE)
    day.node.role = "clinic"
    assert told_in(visit)[0].values == [("Weight", "3.2 kg")]
    assert tasks_of(visit)[3].event is not None


def test_the_timeline_is_visits_with_what_was_recorded_and_the_rest_apart(day: Day, visit: Visit) -> None:
    day.enrolled(visit.patient)
    event = day.triage(visit)
    close_visit(by=day.ana, visit=visit)
    day.advance(days=7)
    again = day.visit(visit.patient)
    apart = record_event(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        program_version=day.child,
        stage="growth",
        values={"WEIGHT": 3.2},
    )
    past = timeline(visit.patient)
    assert [told.visit for told in past.visits] == [again, visit]
    assert [told.standing.is_open for told in past.visits] == [True, False]
    assert [told.event for told in past.visits[1].events] == [event]
    assert [told.event for told in past.apart] == [apart]
