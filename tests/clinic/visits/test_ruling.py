"""Rules at work: on the page while somebody types, at the save, and for programs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.programs.document import read_document
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, stage_of
from clinic.programs.services import publish
from clinic.visits.models import StageEvent, Visit
from clinic.visits.ruling import Asked, situation_of
from clinic.visits.services import edit_event, record_event
from registry.people.services import update_patient
from sync.problems import Problem
from tests.clinic.forms.page import Page
from tests.clinic.programs.rule_samples import RULED
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, submit
from tests.registry.conftest import THE_NODE


@pytest.fixture
def ruled(day: Day) -> ProgramVersion:
    day.node.role = "central"
    version = publish(document=read_document(RULED), by=THE_NODE).version
    day.node.role = "clinic"
    return version


def record(day: Day, visit: Visit, ruled: ProgramVersion, status: str = "", **values: Any) -> StageEvent:
    return record_event(
        by=day.ana,
        patient=visit.patient,
        facility=visit.facility,
        program_version=ruled,
        stage="r_stage",
        values=values,
        visit=visit,
        status=status,
    )


def address(visit: Visit, stage: object = "r_stage") -> str:
    return reverse("visit-stage", args=[visit.pk, stage])


def shown(day: Day, visit: Visit, stage: object = "r_stage") -> Page:
    html = day.browser(day.cast.ana).get(address(visit, stage), secure=True).content.decode()
    return forms_on(html)[address(visit, stage)]


def live(day: Day, visit: Visit, form: Page, **typed: str) -> Page:
    """The answer to a change, as htmx asks for it."""
    posted = dict(form.posted) | typed
    response = day.browser(day.cast.ana).post(address(visit) + "?live", posted, secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def boxes(page: Page) -> set[str]:
    return {attrs["id"] for _tag, attrs in page.tags if attrs.get("id", "").startswith("box-")}


def test_only_what_looks_different_is_sent_and_nothing_is_saved(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    form = shown(day, visit)
    answer = live(day, visit, form, weight="2")
    assert boxes(answer) == {"box-id_weight"}
    assert "Very light." in answer.text
    assert ("weight", "2") in answer.posted
    assert not StageEvent.objects.filter(stage="r_stage").exists()
    again = live(day, visit, form, weight="2", rules=dict(answer.posted)["rules"])
    assert boxes(again) == set()


def test_nobody_is_told_what_is_missing_before_the_save(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    answer = live(day, visit, shown(day, visit), sick="true")
    assert boxes(answer) == {"box-id_days", "box-id_note"}
    assert "(required)" in answer.text
    assert "Answer this" not in answer.text


def test_what_is_wrong_is_said_at_once(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    answer = live(day, visit, shown(day, visit), weight="many")
    assert "Write a number" in answer.text
    assert ("weight", "many") in answer.posted


def test_an_answer_that_a_rule_gives_is_shown_and_cannot_be_typed(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    answer = live(day, visit, shown(day, visit), weight="81", height="180")
    assert "box-id_bmi" in boxes(answer)
    assert not answer.inputs("bmi")
    assert "25" in answer.text


def test_an_answer_that_does_not_apply_is_told_kept_and_back_again(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    form = shown(day, visit)
    sick = live(day, visit, form, sick="true", days="4")
    well = live(day, visit, form, sick="false", days="4", rules=dict(sick.posted)["rules"])
    assert ("kept-days", "4") in well.posted
    assert "Days sick: 4" in " ".join(well.text.split())
    back = live(
        day, visit, form, sick="true", days="", **{"kept-days": "4", "rules": dict(well.posted)["rules"]}
    )
    assert ("days", "4") in back.posted


def test_the_save_follows_the_rules_without_any_script(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    form = shown(day, visit)
    client = day.browser(day.cast.ana)
    refused = submit(client, address(visit), form, weight="400", height="180", sick="true")
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Nobody weighs that." in page
    assert "Answer this: Days sick." in page
    saved = submit(client, address(visit), form, weight="81", height="180", sick="false", days="4", bmi="99")
    assert saved.status_code == 302
    event = StageEvent.objects.get(stage="r_stage")
    assert event.values == {"weight": "81", "height": "180", "sick": "false", "bmi": "25"}


def test_a_recorded_answer_that_no_longer_applies_is_shown_before_it_goes(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    event = record(day, visit, ruled, sick=True, days=4)
    form = shown(day, visit, event.pk)
    client = day.browser(day.cast.ana)
    saved = submit(client, address(visit, event.pk), form, sick="false")
    assert saved.status_code == 302
    event.refresh_from_db()
    assert event.values == {"sick": "false"}


def test_once_more(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    saved = submit(day.browser(day.cast.ana), address(visit), shown(day, visit), weight="70", again="yes")
    assert saved["Location"] == address(visit)


def test_programs_are_refused_with_the_field_that_is_wrong(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    with pytest.raises(Problem) as refused:
        record(day, visit, ruled, weight=400)
    assert refused.value.code == "rule-refused"
    assert refused.value.fields == {"values.weight": "Nobody weighs that."}
    event = record(day, visit, ruled, weight=80)
    with pytest.raises(Problem):
        edit_event(by=day.ana, event=event, changes={"weight": 301}, seen=event.version, save_id=uuid4())
    event.refresh_from_db()
    assert event.values == {"weight": "80"}


def test_what_only_completing_forbids_may_be_begun(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    with pytest.raises(Problem) as refused:
        record(day, visit, ruled, status="completed", sick=True, days=31)
    assert refused.value.code == "rule-refused-complete"
    assert record(day, visit, ruled, sick=True, days=31).status == "active"
    assert record(day, visit, ruled, sick=True, days=3).status == "completed"
    assert record(day, visit, ruled, sick=True).status == "active"  # a rule insists on the days


def test_an_edit_brings_what_rules_work_out_up_to_date(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    event = record(day, visit, ruled, weight=81, height=180)
    assert event.values["bmi"] == "25"
    assert edit_event(by=day.ana, event=event, changes={"weight": 64.8}, seen=event.version) == "applied"
    event.refresh_from_db()
    assert event.values["bmi"] == "20"


def test_rules_know_the_person_and_what_was_before(day: Day, visit: Visit, ruled: ProgramVersion) -> None:
    update_patient(by=day.rosa, patient=visit.patient, changes={"sex": "male"})
    visit.patient.refresh_from_db()
    record(day, visit, ruled, weight=70)

    asked = Asked(
        day.outpatient.pk, stage_of(day.outpatient.pk, "opd_stage_triage"), visit.patient, visit.facility
    )
    assert situation_of(asked, {}).attributes["sex"] == "male"
    assert situation_of(asked, {}).others == []
    mine = Asked(ruled.pk, definition_of(ruled.pk).stages[0], visit.patient, visit.facility)
    assert [one.values for one in situation_of(mine, {}).others] == [{"weight": "70"}]


def test_the_questions_that_a_value_fits_are_the_rules_business_too(
    day: Day, visit: Visit, ruled: ProgramVersion
) -> None:
    """A note of 100 kB, an impossible number: said beside the question, and everything else stays."""
    note = "x" * 100_001
    refused = submit(
        day.browser(day.cast.ana), address(visit), shown(day, visit), note=note, weight="12.4.1", sick="true"
    )
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "The text is too long" in page
    assert note in page
    assert "12.4.1" in page
