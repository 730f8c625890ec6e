"""Somebody enrolled twice by two clinics, two who took the same patient, and one who may look no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clinic.visits.following import end_enrollment, reopen_enrollment, settle_follow_up
from clinic.visits.models import DueItem, Enrollment
from clinic.visits.policy import Step, VisitState, standing_of
from clinic.visits.selectors import tasks_of
from clinic.visits.services import record_event
from clinic.visits.worklists import ListName, counts, worklist
from registry.people.selectors import today
from registry.staff.policy import NOBODY
from registry.staff.selectors import authority_of
from sync.ledger.recording import recording
from tests.clinic.visits.care import Care, one_followed, published, told
from tests.clinic.visits.day import Day

TINA, ANA = UUID(int=1), UUID(int=2)
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def care(day: Day) -> Care:
    return Care(day, *published(day, "antenatal", "immunisation"))


@pytest.fixture
def twins(care: Care) -> tuple[Enrollment, Enrollment]:
    """A child followed here, and the enrollment that another clinic made without knowing."""
    first = care.child(45)
    with recording(by=care.day.ana) as save:
        second = save.add(
            Enrollment,
            patient=first.patient,
            program_version=first.program_version,
            facility=care.day.cast.darien,
            enrolled_on=first.enrolled_on,
            incident_on=first.incident_on,
        )
    return first, second


def given(care: Care, row: Enrollment, stage: str) -> None:
    record_event(
        by=care.day.ana,
        patient=row.patient,
        facility=care.day.cast.bocas,
        program_version=care.epi,
        enrollment=row,
        stage=stage,
        values={"weight": "4.1"},
    )


def test_a_program_that_is_over_is_over_under_every_enrollment(
    care: Care, twins: tuple[Enrollment, Enrollment]
) -> None:
    first, _second = twins
    given(care, first, "birth")
    end_enrollment(by=care.day.ana, enrollment=first, facility=care.day.cast.bocas, reason="Moved away")
    assert not DueItem.objects.filter(patient=first.patient).exists()
    states = Enrollment.objects.filter(patient=first.patient).values_list("status", flat=True)
    assert set(states) == {"completed"}


def test_going_on_counts_again_what_was_done_under_either(
    care: Care, twins: tuple[Enrollment, Enrollment]
) -> None:
    first, second = twins
    given(care, first, "birth")
    given(care, second, "w6")
    before = told(first)
    end_enrollment(by=care.day.ana, enrollment=first, facility=care.day.cast.bocas)
    reopen_enrollment(by=care.day.ana, enrollment=first, facility=care.day.cast.bocas)
    assert told(first) == before
    assert one_followed(first).twins == [second]


def test_a_stage_done_under_the_twin_is_not_offered_blank(
    care: Care, twins: tuple[Enrollment, Enrollment]
) -> None:
    first, _second = twins
    given(care, first, "birth")
    visit = care.day.visit(first.patient)
    offered = [task for task in tasks_of(visit) if task.enrollment and task.stage.uid.endswith("birth")]
    assert all(task.event is not None for task in offered)
    assert {task.enrollment for task in tasks_of(visit) if task.enrollment} == {first}


def step(kind: str, stamp: int, by: UUID, to: UUID | None = None) -> Step:
    return Step(kind, "triage", AT, by, to, stamp=stamp, id=UUID(int=stamp))


def test_when_the_first_of_two_lets_go_the_other_is_still_with_the_patient() -> None:
    sent = step("sent", 1, TINA)
    both = [sent, step("claimed", 5, TINA), step("claimed", 6, ANA)]
    now = standing_of(AT, [*both, step("released", 7, TINA)])
    assert (now.state, now.claimed_by, now.also_claimed) == (VisitState.WITH_SOMEONE, ANA, ())
    free = standing_of(AT, [*both, step("released", 7, TINA), step("released", 8, ANA)])
    assert (free.state, free.claimed_by) == (VisitState.WAITING, None)


def test_the_working_lists_are_empty_for_who_has_no_role_any_more(care: Care) -> None:
    care.pregnant(100)
    ana = authority_of(care.day.cast.ana.pk)
    here = care.day.cast.bocas
    assert worklist(name=ListName.OVERDUE, who=ana, facility=here).lines
    assert worklist(name=ListName.OVERDUE, who=NOBODY, facility=here).lines == []
    assert set(counts(NOBODY, here).values()) == {0}


def test_an_older_follow_up_settled_late_brings_no_newer_one_back(care: Care) -> None:
    day, soon = care.day, today() + timedelta(days=3)
    visit = day.visit()
    record_event(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        program_version=day.outpatient,
        stage="consultation",
        values={"follow_up_on": soon.isoformat()},
        visit=visit,
    )
    assert DueItem.objects.filter(kind="follow-up").exists()
    for on in (soon, today() - timedelta(days=9)):
        settle_follow_up(by=day.ana, patient=visit.patient, enrollment=None, facility=day.cast.bocas, on=on)
    assert not DueItem.objects.filter(kind="follow-up").exists()
