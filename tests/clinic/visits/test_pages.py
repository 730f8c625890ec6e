"""The pages of a clinic day as a tablet meets them: forms are read from the page and posted back."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from clinic.visits.models import Enrollment, StageEvent, Visit, VisitStep
from clinic.visits.moving import claim_visit, close_visit
from clinic.visits.selectors import standing
from clinic.visits.services import edit_event
from sync.ledger.models import Change
from tests.clinic.forms.page import Page
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

NOBODY = "01a1f84a-95c0-8ec9-9686-187d576a1fa1"
_FORM = re.compile(r'<form[^>]*action="(?P<action>[^"]*)"[^>]*>(?P<body>.*?)</form>', re.DOTALL)


def forms_on(html: str) -> dict[str, Page]:
    """The forms of a page by their addresses; of several with one address the last."""
    return {found["action"]: Page(found["body"]) for found in _FORM.finditer(html)}


def open_page(client: Client, name: str, *args: object, **query: str) -> str:
    response = client.get(reverse(name, args=args), query, secure=True)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def submit(client: Client, action: str, form: Page, **changes: str | list[str]) -> Any:
    """What a tap on the form's button does."""
    return client.post(
        action,
        form.post(**changes).urlencode(),
        content_type="application/x-www-form-urlencoded",
        secure=True,
    )


def text_of(html: str) -> str:
    return " ".join(Page(html).text.split())


def stage_form(client: Client, visit: Visit, stage: object) -> tuple[str, Page]:
    """The address and the form of a stage, wherever the page leads."""
    response = client.get(reverse("visit-stage", args=[visit.pk, stage]), secure=True, follow=True)
    assert response.status_code == 200
    action = response.request["PATH_INFO"]
    return action, forms_on(response.content.decode())[action]


def test_whoever_is_not_logged_in_sees_nothing(day: Day, visit: Visit) -> None:
    for name, args in (("visit", [visit.pk]), ("patient", [visit.patient_id]), ("queue", [])):
        response = Client().get(reverse(name, args=args), secure=True)
        assert response.status_code == 302
        assert response["Location"].startswith("/account/login/")


@pytest.mark.parametrize("name", ["visit-claim", "visit-send", "visit-close"])
def test_looking_changes_nothing(day: Day, visit: Visit, name: str) -> None:
    assert day.browser().get(reverse(name, args=[visit.pk]), secure=True).status_code == 405


def test_a_visit_begins_with_one_tap_however_often_it_is_tapped(day: Day) -> None:
    patient, client = day.patient(), day.browser(day.cast.rosa)
    action = reverse("visit-open", args=[patient.pk])
    form = forms_on(open_page(client, "patient", patient.pk))[action]
    for _ in range(2):
        response = submit(client, action, form, category="anc")
        visit = Visit.objects.get()
        assert response["Location"] == reverse("visit", args=[visit.pk])
    assert visit.category == "anc"
    assert standing(visit).station == "triage"
    page = open_page(client, "patient", patient.pk)
    assert action not in forms_on(page)
    assert "Continue the visit" in page


def test_a_second_registrar_meets_the_open_visit(day: Day, visit: Visit) -> None:
    client = day.browser(day.cast.rosa)
    posted = {"category": "anc", "save_id": str(uuid4())}
    response = client.post(reverse("visit-open", args=[visit.patient_id]), posted, secure=True)
    assert response["Location"] == reverse("visit", args=[visit.pk])
    assert Visit.objects.count() == 1


def test_a_nurse_takes_records_and_sends_on(day: Day, visit: Visit) -> None:
    client = day.browser()
    page = open_page(client, "queue")
    claim = reverse("visit-claim", args=[visit.pk])
    assert "José Pérez" in text_of(page)
    assert submit(client, claim, forms_on(page)[claim])["Location"] == reverse("visit", args=[visit.pk])
    action, form = stage_form(client, visit, "opd_stage_triage")
    saved = client.post(
        action,
        form.post(weight="12,4", temperature="37.2", danger_signs=["CONVULSIONS"]).urlencode(),
        content_type="application/x-www-form-urlencoded",
        secure=True,
        follow=True,
    )
    words = text_of(saved.content.decode())
    assert "Saved on the clinic laptop." in words
    assert "12.4 kg" in words
    event = StageEvent.objects.get()
    assert event.values == {"weight": "12.4", "temperature": "37.2", "danger_signs": ["CONVULSIONS"]}
    assert (event.visit, event.made_by, event.status) == (visit, day.tina.pk, "completed")
    send = reverse("visit-send", args=[visit.pk])
    assert submit(client, send, forms_on(saved.content.decode())[send], station="provider").status_code == 302
    assert standing(visit).station == "provider"
    assert "José Pérez" not in text_of(open_page(client, "queue"))


def test_a_double_tap_on_save_is_one_change(day: Day, visit: Visit) -> None:
    client = day.browser()
    action, form = stage_form(client, visit, "opd_stage_triage")
    before = Change.objects.exclude(table="openings").count()
    for _ in range(2):
        assert submit(client, action, form, weight="12.4").status_code == 302
    assert Change.objects.exclude(table="openings").count() == before + 1


def test_a_form_that_comes_back_with_other_answers_is_put_beside_what_is_recorded(
    day: Day, visit: Visit
) -> None:
    client = day.browser()
    action, form = stage_form(client, visit, "opd_stage_triage")
    submit(client, action, form, weight="12.4", pulse="80")
    response = submit(client, action, form, weight="12.6", temperature="37")
    event = StageEvent.objects.get()
    assert (response.status_code, event.values) == (422, {"weight": "12.4", "pulse": "80"})
    html = response.content.decode()
    assert "Recorded is: 12.4 kg. Save again to change it." in text_of(html)
    corrected = reverse("visit-stage", args=[visit.pk, event.pk])
    again = forms_on(html)[corrected]
    assert dict(again.posted)["weight"] == "12.6"
    assert submit(client, corrected, again).status_code == 302
    event.refresh_from_db()
    assert event.values == {"weight": "12.6", "temperature": "37", "pulse": "80"}


def test_two_nurses_fill_in_the_same_stage(day: Day, visit: Visit) -> None:
    tina, ana = day.browser(), day.browser(day.cast.ana)
    action, first = stage_form(tina, visit, "opd_stage_triage")
    _action, second = stage_form(ana, visit, "opd_stage_triage")
    submit(tina, action, first, weight="12.4")
    assert submit(ana, action, second, weight="12.4").status_code == 302
    assert submit(ana, action, second, weight="14.2").status_code == 422
    assert StageEvent.objects.get().values == {"weight": "12.4"}


def test_only_touched_answers_enter_a_correction(day: Day, visit: Visit) -> None:
    event, client = day.triage(visit), day.browser()
    action, form = stage_form(client, visit, "opd_stage_triage")
    assert action == reverse("visit-stage", args=[visit.pk, event.pk])
    edit_event(by=day.ana, event=event, changes={"weight": "12.9"})
    assert submit(client, action, form, temperature="38.1").status_code == 302
    event.refresh_from_db()
    assert event.values == {"weight": "12.9", "temperature": "38.1"}
    assert not event.is_contested


def test_a_stale_form_is_a_concurrent_edit(day: Day, visit: Visit) -> None:
    event, client = day.triage(visit), day.browser()
    action, form = stage_form(client, visit, event.pk)
    edit_event(by=day.ana, event=event, changes={"weight": "12.9"})
    response = submit(client, action, form, weight="14.2")
    event.refresh_from_db()
    assert event.is_contested
    page = client.get(response["Location"], secure=True).content.decode()
    assert "both are kept" in text_of(page)
    told = re.search(r"1[24]\.[29] kg or 1[24]\.[29] kg", text_of(page))
    assert told is not None
    assert "12.9" in told[0]
    assert "14.2" in told[0]


def test_a_retried_correction_is_one_change_and_a_changed_retry_is_shown(day: Day, visit: Visit) -> None:
    event, client = day.triage(visit), day.browser()
    action, form = stage_form(client, visit, event.pk)
    before = Change.objects.exclude(table="openings").count()
    for _ in range(2):
        assert submit(client, action, form, weight="12.6").status_code == 302
    assert Change.objects.exclude(table="openings").count() == before + 1
    response = submit(client, action, form, weight="12.8")
    assert response.status_code == 422
    assert "Recorded is: 12.6 kg" in text_of(response.content.decode())


def test_wrong_answers_stay_on_the_form_and_nothing_is_saved(day: Day, visit: Visit) -> None:
    client = day.browser()
    action, form = stage_form(client, visit, "opd_stage_triage")
    response = submit(client, action, form, weight="heavy", pulse="80")
    assert response.status_code == 422
    again = dict(forms_on(response.content.decode())[action].posted)
    assert (again["weight"], again["pulse"]) == ("heavy", "80")
    assert not StageEvent.objects.exists()


def test_a_consultation_needs_its_diagnosis(day: Day, visit: Visit) -> None:
    client = day.browser(day.cast.ana)
    action, form = stage_form(client, visit, "opd_stage_consultation")
    assert submit(client, action, form, history="Fever.").status_code == 422
    assert submit(client, action, form, history="Fever.", diagnosis="Malaria").status_code == 302


def test_a_stage_is_for_its_roles(day: Day, visit: Visit) -> None:
    address = reverse("visit-stage", args=[visit.pk, "opd_stage_consultation"])
    assert day.browser().get(address, secure=True).status_code == 403
    assert day.browser().post(address, {"diagnosis": "cold"}, secure=True).status_code == 403
    assert address not in open_page(day.browser(), "visit", visit.pk)
    assert address in open_page(day.browser(day.cast.ana), "visit", visit.pk)


@pytest.mark.parametrize("stage", ["no_such_stage", "not-a-uuid", NOBODY])
def test_a_stage_that_is_not_there(day: Day, visit: Visit, stage: str) -> None:
    response = day.browser().get(reverse("visit-stage", args=[visit.pk, stage]), secure=True)
    assert response.status_code == 404


def test_an_event_of_another_patient_is_not_on_this_visit(day: Day, visit: Visit) -> None:
    other = day.triage(day.visit())
    response = day.browser().get(reverse("visit-stage", args=[visit.pk, other.pk]), secure=True)
    assert response.status_code == 404


def test_a_colleague_was_faster(day: Day, visit: Visit) -> None:
    client = day.browser()
    action = reverse("visit-claim", args=[visit.pk])
    form = forms_on(open_page(client, "queue"))[action]
    claim_visit(by=day.ana, visit=visit)
    response = submit(client, action, form)
    page = text_of(client.get(response["Location"], secure=True).content.decode())
    assert "Ana Batista is with this patient." in page
    assert "Ana Batista is with this patient now." in page


def test_what_cannot_be_done_is_said_on_a_page(day: Day, visit: Visit) -> None:
    client = day.browser()
    action = reverse("visit-send", args=[visit.pk])
    form = forms_on(open_page(client, "visit", visit.pk))[action]
    close_visit(by=day.ana, visit=visit)
    response = submit(client, action, form, station="provider")
    assert response.status_code == 409
    assert "This visit is closed." in text_of(response.content.decode())


def test_a_closed_visit_can_still_be_corrected(day: Day, visit: Visit) -> None:
    event, client = day.triage(visit), day.browser()
    close = reverse("visit-close", args=[visit.pk])
    submit(client, close, forms_on(open_page(client, "visit", visit.pk))[close])
    assert not standing(visit).is_open
    page = open_page(client, "patient", visit.patient_id)
    correct = reverse("visit-stage", args=[visit.pk, event.pk])
    assert correct in page
    action, form = stage_form(client, visit, event.pk)
    assert submit(client, action, form, weight="12.6").status_code == 302


def test_somebody_is_added_to_a_program_once(day: Day) -> None:
    patient, client = day.patient(), day.browser(day.cast.ana)
    action = reverse("enroll", args=[patient.pk])
    form = forms_on(open_page(client, "patient", patient.pk))[action]
    for _ in range(2):
        assert submit(client, action, form, program=str(day.child.program_id)).status_code == 302
    assert Enrollment.objects.get().program_version == day.child
    page = open_page(client, "patient", patient.pk)
    assert "Child health" in text_of(page)
    assert action not in forms_on(page)


@pytest.mark.parametrize("program", ["", "mars", NOBODY])
def test_an_unknown_program_adds_nobody(day: Day, program: str) -> None:
    address = reverse("enroll", args=[day.patient().pk])
    response = day.browser(day.cast.ana).post(address, {"program": program}, secure=True)
    assert response.status_code == 404
    assert not Enrollment.objects.exists()


def test_the_history_of_an_event_has_every_value_and_who_wrote_it(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    edit_event(by=day.ana, event=event, changes={"weight": "12.6"})
    words = text_of(open_page(day.browser(), "event-history", event.pk))
    weight = words.partition("Weight")[2]
    newest, _older, oldest = weight.partition("12.4 kg")
    assert "12.6 kg" in newest
    assert "shown now" in newest
    assert "Ana Batista" in newest
    assert "Tina Abrego" in oldest


def test_a_contested_answer_is_on_the_patients_page(day: Day, visit: Visit) -> None:
    event = day.triage(visit)
    seen = event.version
    edit_event(by=day.nurse, event=event, changes={"weight": "12.6"}, seen=seen)
    edit_event(by=day.ana, event=event, changes={"weight": "14.2"}, seen=seen)
    words = text_of(open_page(day.browser(), "patient", visit.patient_id))
    assert "Two people wrote different things: Weight." in words


def test_the_page_of_somebody_who_died_says_so_first(day: Day) -> None:
    from registry.people.services import update_patient

    patient = day.patient()
    update_patient(by=day.rosa, patient=patient, changes={"deceased": True})
    assert "Deceased" in text_of(open_page(day.browser(), "patient", patient.pk))


def test_whoever_works_elsewhere_sends_nobody_on_here(day: Day, visit: Visit) -> None:
    iris = browser(day.cast.iris)
    response = iris.post(reverse("visit-send", args=[visit.pk]), {"station": "lab"}, secure=True)
    assert response.status_code == 403
    assert VisitStep.objects.count() == 1


def test_the_pages_speak_the_readers_language(day: Day, visit: Visit) -> None:
    day.triage(visit)
    client = day.browser()
    client.cookies["django_language"] = "es"
    assert "Peso" in text_of(open_page(client, "visit", visit.pk))
