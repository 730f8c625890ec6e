"""Following somebody in a program: the schedule, decisions about it, and what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from clinic.visits.following import (
    ask_follow_up,
    assign,
    edit_enrollment,
    end_enrollment,
    plan_stage,
    reopen_enrollment,
    settle_follow_up,
    skip_stage,
    want_stage,
)
from clinic.visits.models import CareStep, DueItem, Enrollment
from clinic.visits.planning import rebuild_due
from clinic.visits.selectors import tasks_of
from clinic.visits.services import record_event
from clinic.visits.worklists import ListName, counts, worklist
from registry.people.selectors import today
from registry.staff.selectors import authority_of
from sync.problems import Problem
from tests.clinic.visits.care import Care, ago, one_followed, published, told
from tests.clinic.visits.day import Day


@pytest.fixture
def care(day: Day) -> Care:
    return Care(day, *published(day, "antenatal", "immunisation"))


def due(row: Enrollment) -> list[tuple[str, int]]:
    items = DueItem.objects.filter(enrollment=row).order_by("due_on", "id")
    return [(item.stage.partition("_stage_")[2], (item.due_on - today()).days) for item in items]


def test_a_pregnancy_has_its_contacts(care: Care) -> None:
    row = care.pregnant(100)
    assert told(row)[:3] == [("contact", 1, "overdue"), ("booking", 1, "due"), ("contact", 2, "scheduled")]
    assert due(row)[:3] == [("contact", -16), ("booking", 0), ("contact", 40)]


def test_a_contact_is_done_and_the_next_is_waited_for(care: Care) -> None:
    row = care.pregnant(142)
    care.contact(row)
    assert ("contact", 2, "completed") in told(row)
    assert ("contact", 1, "missed") in told(row)
    assert ("contact", 40) in due(row)


def test_a_child_is_due_from_its_birth_date(care: Care) -> None:
    row = care.child(45)
    assert row.incident_on == ago(45)
    assert told(row)[:3] == [("birth", 1, "overdue"), ("w6", 1, "due"), ("w10", 1, "scheduled")]


def test_a_visit_asks_for_what_is_due_and_not_for_what_comes_later(care: Care) -> None:
    row = care.child(45)
    visit = care.day.visit(row.patient)
    asked = {task.stage.uid for task in tasks_of(visit) if task.program.code == "EPI"}
    assert asked == {"epi_stage_birth", "epi_stage_w6"}


def test_the_kind_of_visit_comes_first(care: Care) -> None:
    row = care.pregnant(140)
    visit = care.day.visit(row.patient, category="anc")
    assert tasks_of(visit)[0].program.code == "ANC"


def test_a_skip_needs_a_reason_and_can_be_taken_back(care: Care) -> None:
    row = care.child(45)
    here: dict[str, Any] = {"facility": care.day.cast.bocas}
    with pytest.raises(Problem) as refused:
        skip_stage(by=care.day.nurse, enrollment=row, stage="w6", reason="  ", **here)
    assert refused.value.code == "missing-reason"
    skip_stage(by=care.day.nurse, enrollment=row, stage="w6", reason="Done elsewhere", **here)
    assert ("w6", 1, "skipped") in told(row) and "w6" not in dict(due(row))
    want_stage(by=care.day.nurse, enrollment=row, stage="w6", **here)
    assert ("w6", 1, "due") in told(row)


def test_another_day(care: Care) -> None:
    row = care.child(45)
    on = today() + timedelta(days=5)
    save_id = uuid4()
    for _twice in range(2):
        plan_stage(
            by=care.day.nurse,
            enrollment=row,
            facility=care.day.cast.bocas,
            stage="w6",
            on=on,
            save_id=save_id,
        )
    assert CareStep.objects.count() == 1
    assert ("w6", 5) in due(row)
    for bad, code in ((ago(1), "in-the-past"), (today() + timedelta(days=2000), "far-away")):
        with pytest.raises(Problem) as refused:
            plan_stage(by=care.day.nurse, enrollment=row, facility=care.day.cast.bocas, stage="w6", on=bad)
        assert refused.value.code == code


def test_a_program_ends_and_goes_on_each_with_who_and_when(care: Care) -> None:
    row = care.pregnant(100)
    common: dict[str, Any] = {"facility": care.day.cast.bocas}
    end_enrollment(by=care.day.ana, enrollment=row, reason="Moved away", cancelled=True, **common)
    row.refresh_from_db()
    assert row.status == "cancelled" and due(row) == []
    with pytest.raises(Problem) as refused:
        plan_stage(by=care.day.ana, enrollment=row, stage="contact", on=today(), **common)
    assert refused.value.code == "enrollment-ended"
    reopen_enrollment(by=care.day.ana, enrollment=row, **common)
    row.refresh_from_db()
    assert row.status == "active" and due(row)
    assert [(step.kind, step.by, step.reason) for step in CareStep.objects.all()] == [
        ("cancelled", care.day.ana.staff_id, "Moved away"),
        ("reopened", care.day.ana.staff_id, ""),
    ]


def test_a_corrected_day_moves_the_schedule(care: Care) -> None:
    row = care.pregnant(100)
    assert edit_enrollment(by=care.day.ana, enrollment=row, changes={"incident_on": ago(84)}) == "applied"
    assert ("contact", 0) in due(row)
    with pytest.raises(Problem) as refused:
        edit_enrollment(by=care.day.ana, enrollment=row, changes={"incident_on": today() + timedelta(days=1)})
    assert refused.value.code == "in-the-future"


def test_follow_up_and_who_is_in_charge(care: Care) -> None:
    row = care.pregnant(100)
    common: dict[str, Any] = {"facility": care.day.cast.bocas}
    ask_follow_up(by=care.day.ana, enrollment=row, on=today(), reason="Call her", **common)
    assign(by=care.day.ana, enrollment=row, staff=care.day.tina, **common)
    tina = authority_of(care.day.tina.pk)
    page = worklist(name=ListName.FOLLOW_UP, who=tina, facility=care.day.cast.bocas)
    assert [(line.person.id, line.item.reason) for line in page.lines] == [(row.patient_id, "Call her")]
    assert counts(tina, care.day.cast.bocas)[ListName.MINE] == 3
    settle_follow_up(by=care.day.nurse, patient=row.patient, enrollment=row, **common)
    assert counts(tina, care.day.cast.bocas)[ListName.FOLLOW_UP] == 0
    assert one_followed(row).follow_up is None


def test_come_back_is_a_follow_up_until_they_came(care: Care) -> None:
    day = care.day
    visit = day.visit()
    day.triage(visit)
    back_on = (today() + timedelta(days=3)).isoformat()
    record_event(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        program_version=day.outpatient,
        stage="consultation",
        values={
            "visit_kind": "NEW",
            "diagnosis": "Fever",
            "diagnosis_code": "R50.9",
            "follow_up_on": back_on,
        },
        visit=visit,
    )
    assert DueItem.objects.get(patient=visit.patient).due_on.isoformat() == back_on
    day.advance(days=3)
    day.triage(day.visit(visit.patient))
    assert not DueItem.objects.filter(patient=visit.patient).exists()


def test_a_follow_up_is_forgotten_in_the_end(care: Care) -> None:
    patient, who = care.day.patient(), authority_of(care.day.tina.pk)
    for days in (60, 61):
        DueItem.objects.create(
            kind="follow-up", patient=patient, facility=care.day.cast.bocas, due_on=ago(days)
        )
    page = worklist(name=ListName.FOLLOW_UP, who=who, facility=care.day.cast.bocas)
    assert [line.item.due_on for line in page.lines] == [ago(60)]


def test_a_list_is_paged_and_by_program(care: Care) -> None:
    row = care.pregnant(84)
    who = authority_of(care.day.ana.staff_id)
    items = [
        DueItem(
            kind="stage",
            patient_id=row.patient_id,
            facility=care.day.cast.bocas,
            program=care.epi.program_id,
            program_version=care.epi.pk,
            stage="epi_stage_w6",
            due_on=today() + timedelta(days=number % 5),
        )
        for number in range(70)
    ]
    DueItem.objects.bulk_create(items)
    common: dict[str, Any] = {"name": ListName.DUE, "who": who, "facility": care.day.cast.bocas}
    pages = [worklist(page=number, program_id=care.epi.program_id, **common) for number in (1, 2, 3)]
    assert [(len(page.lines), page.following) for page in pages] == [(30, 2), (30, 3), (10, None)]
    days = [line.item.due_on for page in pages for line in page.lines]
    assert days == sorted(days)
    assert len(worklist(program_id=care.anc.program_id, **common).lines) == 2
    rebuild_due([row.patient_id])
    assert DueItem.objects.filter(program=care.epi.program_id).count() == 0


def test_whoever_works_elsewhere_decides_nothing_here(care: Care) -> None:
    row = care.pregnant(100)
    stranger, here = care.day.cast.author(care.day.cast.iris), care.day.cast.bocas
    with pytest.raises(Problem) as refused:
        skip_stage(by=stranger, enrollment=row, facility=here, stage="contact", reason="x")
    assert refused.value.status == 403
    with pytest.raises(Problem) as refused:
        end_enrollment(by=stranger, enrollment=row, facility=here)
    assert refused.value.status == 403
