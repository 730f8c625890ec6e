"""The pages of ongoing care: enrollment, working lists, card, and what is due for a patient."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from clinic.visits.following import plan_stage
from clinic.visits.models import CareStep, DueItem, Enrollment, Visit
from clinic.visits.selectors import open_visit_of
from clinic.visits.services import record_event
from registry.people.selectors import today
from tests.clinic.visits.care import Care, ago, published, told
from tests.clinic.visits.day import Day


@pytest.fixture
def care(day: Day) -> Care:
    return Care(day, *published(day, "antenatal", "immunisation"))


@pytest.fixture
def ana(care: Care) -> Client:
    return care.day.browser(care.day.cast.ana)


def page(client: Client, name: str, *args: object, **query: str) -> str:
    response = client.get(reverse(name, args=args), query, secure=True)
    assert response.status_code == 200
    return str(response.content.decode())


def post(client: Client, name: str, *args: object, **said: str) -> str:
    response = client.post(reverse(name, args=args), said, secure=True, follow=True)
    assert response.status_code == 200, response.content.decode()[:500]
    return str(response.content.decode())


def test_the_enrollment_shows_the_schedule(care: Care, ana: Client) -> None:
    row = care.pregnant(100)
    shown = page(ana, "enrollment", row.pk)
    for words in ("Antenatal care", "Contact 1", "Overdue", "Booking", "Contact 8", "Fill in"):
        assert words in shown


def test_one_tap_begins_the_visit_and_opens_the_form(care: Care, ana: Client) -> None:
    row = care.pregnant(100)
    form = post(ana, "enrollment-fill", row.pk, stage="anc_stage_contact")
    assert "Danger signs" in form and "Blood pressure, upper" in form
    visit = open_visit_of(row.patient)
    assert visit is not None and visit.category == Visit.Category.ANC


def test_skip_reschedule_and_finish_from_the_page(care: Care, ana: Client) -> None:
    row = care.child(45)
    later = (today() + timedelta(days=3)).isoformat()
    assert "Say why." in post(ana, "enrollment-decide", row.pk, do="skip", stage="w6", reason="")
    assert "Skipped" in post(ana, "enrollment-decide", row.pk, do="skip", stage="w6", reason="Refused")
    assert "Refused" in page(ana, "enrollment", row.pk)
    post(ana, "enrollment-decide", row.pk, do="want", stage="w6")
    post(ana, "enrollment-decide", row.pk, do="move", stage="w6", on=later)
    assert ("w6", 1, "scheduled") in told(row)
    assert "not a date" in post(ana, "enrollment-decide", row.pk, do="move", stage="w6", on="soon")
    post(ana, "enrollment-decide", row.pk, do="complete", reason_text="All given")
    assert Enrollment.objects.get(pk=row.pk).status == "completed"
    post(ana, "enrollment-decide", row.pk, do="reopen")
    assert Enrollment.objects.get(pk=row.pk).status == "active"
    assert CareStep.objects.count() == 5


def test_follow_up_mine_and_days(care: Care, ana: Client) -> None:
    row = care.pregnant(100)
    post(ana, "enrollment-decide", row.pk, do="follow-up", on=today().isoformat(), reason_text="Call her")
    post(ana, "enrollment-decide", row.pk, do="assign", staff="me")
    assert "Call her" in page(ana, "worklist", list="follow-up")
    assert row.patient.name in page(ana, "worklist", list="mine")
    post(ana, "enrollment-decide", row.pk, do="followed-up")
    assert "Nobody on this list." in page(ana, "worklist", list="follow-up")
    days = {"incident_on": ago(84).isoformat(), "initial-incident_on": ago(100).isoformat()}
    post(ana, "enrollment-days", row.pk, **days)
    assert Enrollment.objects.get(pk=row.pk).incident_on == ago(84)


def test_a_program_asks_for_the_day_that_it_counts_from(care: Care, ana: Client) -> None:
    patient = care.day.patient()
    program = str(care.anc.program_id)
    assert "First day of the last period" in post(ana, "enroll", patient.pk, program=program)
    assert not Enrollment.objects.exists()
    post(ana, "enroll", patient.pk, program=program, incident_on=ago(70).isoformat(), enrolled_on="")
    assert Enrollment.objects.get().incident_on == ago(70)


def test_a_visit_for_a_program_offers_to_add_the_person(care: Care, ana: Client) -> None:
    visit = care.day.visit(category="anc")
    assert "Not yet in this program" in page(ana, "visit", visit.pk)
    care.pregnant(100, patient=visit.patient)
    assert "Not yet in this program" not in page(ana, "visit", visit.pk)


def test_what_is_due_is_on_the_patients_page(care: Care, ana: Client) -> None:
    row = care.child(45)
    shown = page(ana, "patient", row.patient_id)
    assert "What is due" in shown and "6 weeks" in shown and reverse("enrollment", args=[row.pk]) in shown


def test_a_follow_up_outside_the_programs_is_settled_with_one_tap(care: Care, ana: Client) -> None:
    visit = care.day.visit()
    back_on = today().isoformat()
    care.day.triage(visit)
    DueItem.objects.create(
        kind="follow-up", patient=visit.patient, facility=care.day.cast.bocas, due_on=today()
    )
    assert "Done" in page(ana, "patient", visit.patient_id)
    post(ana, "follow-up-done", visit.patient_id, on=back_on)
    assert not DueItem.objects.filter(patient=visit.patient).exists()


def test_the_card_has_every_dose(care: Care, ana: Client) -> None:
    row = care.child(45)
    shown = page(ana, "care-card", row.pk)
    for words in ("Child immunisation", "At birth", "15 months", "Pentavalent 1", row.patient.name):
        assert words in shown


def test_the_card_keeps_test_results_to_itself(care: Care, ana: Client) -> None:
    row = care.pregnant(100)
    record_event(
        by=care.day.ana,
        patient=row.patient,
        facility=care.day.cast.bocas,
        program_version=care.anc,
        enrollment=row,
        stage="booking",
        values={"gravida": "2", "births": "1", "hiv": "POSITIVE"},
    )
    care.contact(row)
    shown = page(ana, "care-card", row.pk)
    assert "110 mmHg" in shown and "HIV" not in shown and "Positive" not in shown


def test_lists_by_program_and_the_reader_sees_phone_and_village(care: Care, ana: Client) -> None:
    row = care.child(45)
    plan_stage(
        by=care.day.ana, enrollment=row, facility=care.day.cast.bocas, stage="w10", on=today(), occurrence=1
    )
    shown = page(ana, "worklist", program=str(care.epi.program_id))
    assert "10 weeks" in shown and "6 weeks" in shown
    assert "Nobody on this list." in page(ana, "worklist", program=str(care.anc.program_id))
    assert "At birth" in page(ana, "worklist", list="overdue", page="nonsense")


@pytest.mark.parametrize("name", ["enrollment", "care-card"])
def test_a_record_that_is_not_there(care: Care, ana: Client, name: str) -> None:
    missing = reverse(name, args=["01a1f84a-95c0-8ec9-9686-187d576a1fa1"])
    assert ana.get(missing, secure=True).status_code == 404
