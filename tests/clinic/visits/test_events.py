"""Recording a stage and correcting it: answers in their stored form, concurrent edits, one save once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from clinic.programs.services import publish
from clinic.visits.models import StageEvent, Visit
from clinic.visits.services import (
    edit_event,
    record_event,
)
from sync.ledger.models import Change
from sync.problems import Problem
from tests.clinic.programs.samples import CHILD, with_stage
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


def code_of(refused: pytest.ExceptionInfo[Problem]) -> str:
    return refused.value.code


def test_triage_is_recorded_in_its_stored_form(day: Day, visit: Visit) -> None:
    event = day.triage(visit, {"weight": 12.40, "danger_signs": [], "pregnant": None, "opd_pulse": "88"})
    assert event.values == {"weight": "12.4", "pulse": "88"}
    assert (event.stage, event.status, event.occurred_at) == ("opd_stage_triage", "completed", day.now)
    assert (event.visit, event.enrollment, event.made_by) == (visit, None, day.tina.pk)


def test_a_double_tap_records_one_event(day: Day, visit: Visit) -> None:
    save_id = uuid4()
    first, second = day.triage(visit, save_id=save_id), day.triage(visit, {"weight": "99"}, save_id=save_id)
    assert first.pk == second.pk
    assert second.values["weight"] == "12.4"
    assert StageEvent.objects.count() == 1


def test_all_wrong_answers_are_said_at_once(day: Day, visit: Visit) -> None:
    wrong = {"weight": "heavy", "shoe_size": 42, "pregnant": "perhaps", "pulse": "88"}
    with pytest.raises(Problem) as refused:
        day.triage(visit, wrong)
    problem = refused.value
    assert problem.extra["codes"] == {
        "values.weight": "not-a-number",
        "values.shoe_size": "unknown-element",
        "values.pregnant": "unknown-option",
    }
    assert set(problem.fields) == set(problem.extra["codes"])
    assert not StageEvent.objects.exists()


def test_a_question_of_another_stage_is_unknown_here(day: Day, visit: Visit) -> None:
    with pytest.raises(Problem) as refused:
        day.triage(visit, {"diagnosis": "cold"})
    assert code_of(refused) == "unknown-element"


def test_the_triage_nurse_writes_no_diagnosis(day: Day, visit: Visit) -> None:
    with pytest.raises(Problem) as refused:
        record_event(
            by=day.nurse,
            patient=visit.patient,
            facility=day.cast.bocas,
            program_version=day.outpatient,
            stage="consultation",
            values={"diagnosis": "cold"},
            visit=visit,
        )
    assert code_of(refused) == "not-allowed"


def consultation(day: Day, visit: Visit, values: dict[str, object], **said: str) -> StageEvent:
    return record_event(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        program_version=day.outpatient,
        stage="opd_stage_consultation",
        values=values,
        visit=visit,
        **said,  # type: ignore[arg-type]
    )


def test_a_stage_without_its_compulsory_answer_is_only_begun(day: Day, visit: Visit) -> None:
    begun = consultation(day, visit, {"history": "Fever since Monday."})
    assert begun.status == "active"
    with pytest.raises(Problem) as refused:
        consultation(day, visit, {"history": "Fever."}, status="completed")
    assert (code_of(refused), list(refused.value.fields)) == ("missing-answer", ["values.diagnosis"])
    edit_event(by=day.ana, event=begun, changes={"diagnosis": "Malaria"})
    assert StageEvent.objects.get(pk=begun.pk).status == "completed"


def test_a_complete_stage_keeps_its_compulsory_answer(day: Day, visit: Visit) -> None:
    event = consultation(day, visit, {"diagnosis": "Malaria"})
    with pytest.raises(Problem) as refused:
        edit_event(by=day.ana, event=event, changes={"diagnosis": None})
    assert code_of(refused) == "missing-answer"
    assert edit_event(by=day.ana, event=event, changes={"diagnosis": None}, status="active") == "applied"


def test_a_stage_that_insists_is_not_begun_without_its_answer(day: Day) -> None:
    day.node.role = "central"
    strict = publish(document=with_stage(CHILD, "growth0", complete_to_save=True), by=THE_NODE).version
    day.node.role = "clinic"
    patient = day.patient()
    day.enrolled(patient)
    with pytest.raises(Problem) as refused:
        record_event(
            by=day.ana,
            patient=patient,
            facility=day.cast.bocas,
            program_version=strict,
            stage="growth",
            values={"note0": "no scale today"},
        )
    assert code_of(refused) == "missing-answer"


def test_an_event_finds_its_enrollment(day: Day) -> None:
    patient = day.patient()
    said = {
        "by": day.ana,
        "patient": patient,
        "facility": day.cast.bocas,
        "program_version": day.child,
        "stage": "growth",
        "values": {"WEIGHT": 3.2},
    }
    with pytest.raises(Problem) as refused:
        record_event(**said)  # type: ignore[arg-type]
    assert code_of(refused) == "not-enrolled"
    enrollment = day.enrolled(patient)
    assert record_event(**said).enrollment == enrollment  # type: ignore[arg-type]


def test_an_event_belongs_to_one_person(day: Day, visit: Visit) -> None:
    stranger = day.patient()
    theirs = day.enrolled(stranger)
    day.enrolled(visit.patient)
    with pytest.raises(Problem) as refused:
        record_event(
            by=day.ana,
            patient=stranger,
            facility=day.cast.bocas,
            program_version=day.outpatient,
            stage="triage",
            values={},
            visit=visit,
        )
    assert code_of(refused) == "wrong-visit"
    with pytest.raises(Problem) as refused:
        record_event(
            by=day.ana,
            patient=visit.patient,
            facility=day.cast.bocas,
            program_version=day.child,
            stage="growth",
            values={},
            enrollment=theirs,
        )
    assert code_of(refused) == "wrong-enrollment"


def test_nothing_is_recorded_before_it_happened(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    late = datetime.combine(date(2026, 11, 18), datetime.min.time(), UTC)
    assert edit_event(by=day.nurse, event=event, changes={}, occurred_at=late) == "applied"
    assert StageEvent.objects.get(pk=event.pk).occurred_at == late
    with pytest.raises(Problem) as refused:
        edit_event(by=day.nurse, event=event, changes={}, occurred_at=day.now + timedelta(days=2))
    assert (code_of(refused), list(refused.value.fields)) == ("in-the-future", ["occurred_at"])


def test_a_correction_touches_only_what_it_says(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    assert edit_event(by=day.nurse, event=event, changes={"weight": "12.6", "temperature": None}) == "applied"
    assert StageEvent.objects.get(pk=event.pk).values == {"weight": "12.6"}


def test_what_is_said_again_is_not_written_again(day: Day, visit: Visit) -> None:
    event, before = day.triage(visit), Change.objects.exclude(table="openings").count()
    assert edit_event(by=day.nurse, event=event, changes={"weight": 12.4}, seen=event.version) == "applied"
    assert Change.objects.exclude(table="openings").count() == before


def test_different_questions_merge(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    seen = event.version
    assert edit_event(by=day.nurse, event=event, changes={"weight": "12.6"}, seen=seen) == "applied"
    assert edit_event(by=day.ana, event=event, changes={"pulse": "88"}, seen=seen) == "merged"
    after = StageEvent.objects.get(pk=event.pk)
    assert after.values == {"weight": "12.6", "temperature": "37.2", "pulse": "88"}
    assert not after.is_contested


def test_two_weights_wait_for_a_person_and_two_comments_do_not(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    seen = event.version
    edit_event(by=day.nurse, event=event, changes={"weight": "12.6", "complaint": "cough"}, seen=seen)
    assert edit_event(by=day.ana, event=event, changes={"complaint": "fever"}, seen=seen) == "merged"
    stale = {"weight": "14.2"}
    assert edit_event(by=day.ana, event=event, changes=stale, seen=seen) == "conflicted"
    after = StageEvent.objects.get(pk=event.pk)
    assert after.is_contested
    assert after.values["complaint"] == "fever"


def test_a_repeated_correction_answers_as_it_did_the_first_time(day: Day, visit: Visit) -> None:
    event, save_id = day.triage(visit), uuid4()
    seen = event.version
    edit_event(by=day.nurse, event=event, changes={"weight": "12.6"}, seen=seen)
    said = {"by": day.ana, "event": event, "changes": {"pulse": "88"}, "seen": seen, "save_id": save_id}
    assert edit_event(**said) == "merged"  # type: ignore[arg-type]
    edit_event(by=day.nurse, event=event, changes={"pulse": "90"})
    assert edit_event(by=day.nurse, event=event, changes={"weight": "14"}, seen=seen) == "conflicted"
    before = Change.objects.exclude(table="openings").count()
    assert edit_event(**said) == "merged"  # type: ignore[arg-type]
    assert Change.objects.exclude(table="openings").count() == before
    assert StageEvent.objects.get(pk=event.pk).values["pulse"] == "90"


def test_a_version_of_another_record_is_no_version(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    with pytest.raises(Problem) as refused:
        edit_event(by=day.nurse, event=event, changes={"weight": "1"}, seen=visit.version)
    assert code_of(refused) == "bad-version"


def test_an_unknown_status_is_refused(day: Day, visit: Visit) -> None:
    with pytest.raises(Problem) as refused:
        consultation(day, visit, {"diagnosis": "cold"}, status="perhaps")
    assert code_of(refused) == "unknown-status"
