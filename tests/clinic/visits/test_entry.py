"""What a program asks about a person: at enrolment, corrected afterwards, and what rules make of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.programs.models import ProgramVersion
from clinic.programs.services import publish
from clinic.visits.following import edit_enrollment, enrol
from clinic.visits.models import DueItem, Enrollment
from clinic.visits.selectors import tasks_of
from clinic.visits.services import record_event
from registry.people.models import Patient
from registry.people.services import update_patient
from sync.problems import Problem
from tests.clinic.forms.page import Page
from tests.clinic.programs.rule_samples import VARIABLES, act, document, reads, rule
from tests.clinic.visits.care import told
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_api import patch, post
from tests.clinic.visits.test_pages import forms_on, submit, text_of
from tests.registry.conftest import THE_NODE


def about(kind: str, attribute: str, **more: Any) -> dict[str, Any]:
    return act(kind, **{"trackedEntityAttribute": {"id": attribute}, **more})


ATTRIBUTES = [
    {"uid": "p_name", "code": "GIVEN_NAME", "name": "First name", "value_type": "TEXT", "compulsory": True},
    {"uid": "p_sex", "code": "PATINFO_SEX", "name": "Sex", "value_type": "TEXT", "compulsory": True},
    {"uid": "p_id", "name": "System number", "value_type": "TEXT", "unique": True, "generated": True},
    {"uid": "p_agrees", "code": "agrees", "name": "Agrees", "value_type": "TRUE_ONLY", "compulsory": True},
    {"uid": "p_card", "code": "card", "name": "TB card", "value_type": "TEXT", "unique": True},
    {"uid": "p_had", "code": "had", "name": "Had it before", "value_type": "BOOLEAN"},
    {"uid": "p_since", "code": "since", "name": "Since when", "value_type": "DATE"},
    {"uid": "p_weight", "code": "weight", "name": "Weight at birth", "value_type": "NUMBER"},
    {"uid": "p_status", "code": "status", "name": "Status", "value_type": "TEXT", "option_set": "r_risks"},
]
RULES = [
    rule(
        "before",
        "A{had}",
        about("SETMANDATORYFIELD", "p_since"),
        act("SHOWWARNING", "r_note", content="Again!"),
    ),
    rule("never", "!A{had}", about("HIDEFIELD", "p_since")),
    rule("status", "A{had}", about("ASSIGN", "p_status", data="'HIGH'")),
    rule("boys", "A{sex} == 'male'", about("SHOWWARNING", "p_card", content="Ask for the card.")),
    rule("heavy", "A{birth} > 9", about("SHOWERROR", "p_weight", content="Too heavy.")),
    rule("first", "!A{had}", act("HIDEPROGRAMSTAGE", programStage={"id": "r_later"})),
    rule("text", "true", act("DISPLAYTEXT", content="About the course of care")),
    rule("weighs", "#{weight} > 300", act("SHOWERROR", "r_weight", content="Nobody weighs that.")),
]


def knows(name: str, attribute: str) -> dict[str, Any]:
    return reads(name, "TEI_ATTRIBUTE", trackedEntityAttribute={"id": attribute})


def _stage(uid: str, *elements: str, **more: Any) -> dict[str, Any]:
    return {"uid": uid, "name": uid, "elements": [{"element": one} for one in elements], **more}


@pytest.fixture
def program(day: Day) -> ProgramVersion:
    made = document(
        registration=True,
        attributes=ATTRIBUTES,
        rules=RULES,
        variables=[*VARIABLES, knows("had", "p_had"), knows("sex", "p_sex"), knows("birth", "p_weight")],
        stages=[_stage("r_stage", "r_weight", "r_note"), _stage("r_later", "r_sick", auto_generate=True)],
    )
    day.node.role = "central"
    version = publish(document=made, by=THE_NODE).version
    day.node.role = "clinic"
    return version


def enrolled(day: Day, program: ProgramVersion, patient: Patient | None = None, **values: Any) -> Enrollment:
    return enrol(
        by=day.ana,
        patient=patient or day.patient(),
        program_version=program,
        facility=day.cast.bocas,
        values={"agrees": "true"} | values,
    )


def entry(day: Day, program: ProgramVersion, patient: Patient) -> tuple[str, Page]:
    """The address and the form that a tap on the program's name leads to."""
    address = reverse("enroll", args=[patient.pk])
    asked = day.browser(day.cast.ana).post(address, {"program": str(program.program_id)}, secure=True)
    assert asked.status_code == 200
    return address, forms_on(asked.content.decode())[address]


def test_what_our_own_record_has_is_shown_and_not_asked(day: Day, program: ProgramVersion) -> None:
    patient = day.patient()
    _address, form = entry(day, program, patient)
    assert {name for name, _text in form.posted if name.startswith("initial-")} == {
        f"initial-values-{key}" for key in ("agrees", "card", "had", "since", "weight", "status")
    }
    said = " ".join(form.text.split())
    assert "First nameJosé" in said and "SexMale" in said and "System number" in said
    assert "Ask for the card." in said and "About the course of care" not in said


def test_enrolling_asks_follows_the_rules_and_keeps_the_answers(day: Day, program: ProgramVersion) -> None:
    client, patient = day.browser(day.cast.ana), day.patient()
    address, form = entry(day, program, patient)
    typed = {"values-agrees": "true", "values-had": "true", "values-weight": "12", "enrolled_on": "soon"}
    answer = client.post(address + "?live", dict(form.posted) | typed, secure=True).content.decode()
    assert "Too heavy." in answer and "Status" in answer and "High" in answer and "Answer this" not in answer
    assert not Enrollment.objects.exists()
    refused = submit(
        client, address, form, **{"values-had": "true", "values-weight": "12", "enrolled_on": "soon"}
    )
    page = text_of(refused.content.decode())
    assert refused.status_code == 422 and not Enrollment.objects.exists()
    for sentence in ("Answer this: Agrees.", "Answer this: Since when.", "Too heavy."):
        assert sentence in page
    changes = {"values-agrees": "true", "values-weight": "3.1", "values-card": "TB-7"}
    again = submit(client, address, form, **changes, enrolled_on="soon")
    assert again.status_code == 422 and "Enrolled on: This is not a date." in text_of(again.content.decode())
    assert submit(client, address, form, **changes).status_code == 302
    assert Enrollment.objects.get().values == {"agrees": "true", "weight": "3.1", "card": "TB-7"}


def test_answers_are_corrected_and_every_value_is_told(day: Day, program: ProgramVersion) -> None:
    row, client = enrolled(day, program, card="TB-7"), day.browser(day.cast.ana)
    address = reverse("enrollment-answers", args=[row.pk])
    form = forms_on(client.get(address, secure=True).content.decode())[address]
    changes = {"values-had": "true", "values-since": "2024-03-01", "values-card": "TB-8"}
    assert submit(client, address, form, **changes).status_code == 302
    row.refresh_from_db()
    assert row.values == {
        "agrees": "true",
        "card": "TB-8",
        "had": "true",
        "since": "2024-03-01",
        "status": "HIGH",
    }
    shown = text_of(client.get(reverse("enrollment", args=[row.pk]), secure=True).content.decode())
    assert "TB cardTB-8" in shown and "StatusHigh" in shown
    history = text_of(client.get(reverse("enrollment-history", args=[row.pk]), secure=True).content.decode())
    assert "TB-7" in history and "TB-8" in history and "Enrolled on" in history
    taken = submit(client, address, form, **{"values-agrees": "", "values-card": "TB-9"})
    assert taken.status_code == 422 and "Answer this: Agrees." in text_of(taken.content.decode())
    with pytest.raises(Problem) as refused:
        edit_enrollment(by=day.ana, enrollment=row, changes={}, values={"since": None})
    assert refused.value.extra["codes"] == {"values.since": "missing-answer"}


def test_what_stands_once_is_refused_to_the_next(day: Day, program: ProgramVersion) -> None:
    enrolled(day, program, card="TB-7")
    patient = day.patient()
    with pytest.raises(Problem) as refused:
        enrolled(day, program, patient, card="tb-7")
    assert refused.value.code == "not-unique"
    assert refused.value.fields == {"values.card": "Another person in this program has this already."}
    assert enrolled(day, program, patient, card="TB-77").values["card"] == "TB-77"


def test_what_the_persons_own_page_lacks_is_added_there(day: Day, program: ProgramVersion) -> None:
    patient = day.patient()
    update_patient(by=day.rosa, patient=patient, changes={"sex": "unknown"})
    patient.refresh_from_db()
    address, form = entry(day, program, patient)
    assert "Add it on the person's own page." in form.text
    refused = submit(
        day.browser(day.cast.ana), address, form, **{"values-agrees": "true", "values-card": "7"}
    )
    page = refused.content.decode()
    assert refused.status_code == 422 and ("values-card", "7") in forms_on(page)[address].posted
    assert "Sex: This program needs it. Add it on the person's own page." in text_of(page)


def test_two_who_enrol_one_person_see_both_answers(day: Day, program: ProgramVersion) -> None:
    patient = day.patient()
    address, form = entry(day, program, patient)
    row = enrolled(day, program, patient, card="TB-7")
    client = day.browser(day.cast.ana)
    beside = submit(client, address, form, **{"values-agrees": "true", "values-card": "TB-8"})
    assert beside.status_code == 422 and "Recorded is: TB-7." in text_of(beside.content.decode())
    there = reverse("enrollment-answers", args=[row.pk])
    assert submit(client, there, forms_on(beside.content.decode())[there]).status_code == 302
    row.refresh_from_db()
    assert row.values["card"] == "TB-8" and Enrollment.objects.count() == 1


def test_stages_know_the_answers_about_the_person(day: Day, program: ProgramVersion) -> None:
    row = enrolled(day, program, had=True, since="2024-03-01")
    visit = day.visit(row.patient)
    shown = day.browser(day.cast.ana).get(reverse("visit-stage", args=[visit.pk, "r_stage"]), secure=True)
    assert "Again!" in text_of(shown.content.decode())


def test_a_stage_that_a_rule_hides_is_left_out_until_it_has_a_record(
    day: Day, program: ProgramVersion
) -> None:
    row = enrolled(day, program)
    visit = day.visit(row.patient)

    def offered() -> set[str]:
        return {task.stage.uid for task in tasks_of(visit) if task.enrollment} & {"r_stage", "r_later"}

    assert offered() == {"r_stage"} and told(row) == []
    assert not DueItem.objects.filter(patient=row.patient, stage="r_later").exists()
    edit_enrollment(by=day.ana, enrollment=row, changes={}, values={"had": True, "since": "2024-03-01"})
    assert offered() == {"r_stage", "r_later"}
    assert DueItem.objects.filter(patient=row.patient, stage="r_later").exists()
    record_event(
        by=day.ana,
        patient=row.patient,
        facility=day.cast.bocas,
        program_version=program,
        stage="r_later",
        values={"sick": "true"},
        visit=visit,
        save_id=uuid4(),
    )
    edit_enrollment(by=day.ana, enrollment=row, changes={}, values={"had": False, "since": None})
    assert offered() == {"r_stage", "r_later"}


def test_programs_send_and_read_the_answers(day: Day, program: ProgramVersion) -> None:
    said = {"patient": str(day.patient().pk), "program": "ruled", "values": {"card": "TB-7", "height": "2"}}
    client = day.api()
    refused = post(client, "enrollments/", said)
    assert refused.status_code == 400 and "values.height" in refused.json()["errors"]
    said["values"] = {"card": "TB-7", "agrees": True}
    made = post(client, "enrollments/", said).json()
    assert made["values"] == {"card": "TB-7", "agrees": "true"}
    changes = {"version": made["version"], "values": {"card": None}}
    changed = patch(client, f"enrollments/{made['id']}/", changes).json()
    assert (changed["outcome"], changed["values"]) == ("applied", {"agrees": "true"})
