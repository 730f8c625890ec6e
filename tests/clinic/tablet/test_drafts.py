"""Drafts: kept while somebody types, offered to them alone, gone when the form is saved."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from clinic.referrals.models import Referral
from clinic.tablet.models import Draft
from clinic.visits.models import StageEvent, Visit
from registry.people.models import Patient
from registry.staff.models import Account
from tests.clinic.forms.page import Page
from tests.clinic.tablet.conftest import Tablet, hand
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, open_page, stage_form, submit, text_of
from tests.registry.conftest import browser

OFFER = "You started this before"


def keep(client: Client, address: str, posted: QueryDict, /, **changes: Any) -> tuple[str, int]:
    """What the page's script does every few seconds; answers the draft's id and the status."""
    said = {
        "id": str(uuid4()),
        "number": 1,
        "address": address,
        "title": "A form",
        "fields": posted.urlencode(),
    }
    body = json.dumps(said | changes)
    answer = client.post(reverse("draft-keep"), body, content_type="application/json", secure=True)
    return str((said | changes)["id"]), answer.status_code


def go_on(client: Client, address: str, draft_id: str) -> tuple[str, Page]:
    answer = client.post(address, {"draft": "continue", "draft_id": draft_id}, secure=True)
    assert answer.status_code == 200
    html = answer.content.decode()
    return html, forms_on(html)[address]


def test_a_stage_goes_on_where_it_was_left(day: Day, visit: Visit, tablet: Tablet) -> None:
    """A9: what was typed is there again."""
    address, posted = tablet.triage(visit, weight="61", complaint="Tos seca")
    draft_id, status = keep(tablet.client, address, posted)
    assert status == 204
    assert OFFER in text_of(open_page(tablet.client, "visit-stage", visit.pk, "opd_stage_triage"))
    html, form = go_on(tablet.client, address, draft_id)
    assert "Please check this" not in html
    assert f'data-draft="{draft_id}"' in html
    again = form.post()
    assert (again["weight"], again["complaint"]) == ("61", "Tos seca")
    assert again["save_id"] == posted["save_id"]  # on whichever way it is saved, it is one save
    assert submit(tablet.client, address, form, draft_id=draft_id).status_code == 302
    assert StageEvent.objects.get().values["weight"] == "61"
    assert not Draft.objects.exists()


def test_only_its_author_sees_it(day: Day, visit: Visit, tablet: Tablet) -> None:
    """A9: and nobody else sees it."""
    address, posted = tablet.triage(visit, weight="61")
    draft_id, _status = keep(tablet.client, address, posted)
    ana = browser(day.cast.ana)
    assert OFFER not in text_of(open_page(ana, "visit-stage", visit.pk, "opd_stage_triage"))
    assert "A form" not in open_page(ana, "kept")
    answer = ana.post(address, {"draft": "continue", "draft_id": draft_id}, secure=True)
    assert not forms_on(answer.content.decode())[address].post().get("weight")
    assert keep(ana, address, posted, id=draft_id)[1] == 403
    ana.post(reverse("draft-discard"), {"draft_id": draft_id}, secure=True)
    assert Draft.objects.get().staff_id == day.tina.pk


def test_it_is_given_up_with_one_tap(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="61")
    draft_id, _status = keep(tablet.client, address, posted)
    answer = tablet.client.post(
        reverse("draft-discard"), {"draft_id": draft_id, "back": address}, secure=True
    )
    assert answer["Location"] == address
    assert not Draft.objects.exists()
    elsewhere = {"draft_id": draft_id, "back": "https://evil.example/"}
    assert tablet.client.post(reverse("draft-discard"), elsewhere, secure=True)["Location"] == reverse("kept")


def test_it_stays_after_an_error(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="heavy")
    draft_id, _status = keep(tablet.client, address, posted)
    posted = posted.copy()
    posted["draft_id"] = draft_id
    answer = tablet.client.post(address, dict(posted.items()), secure=True)
    assert answer.status_code == 422
    assert f'data-draft="{draft_id}"' in answer.content.decode()  # the same draft goes on
    assert Draft.objects.exists()


def test_one_that_comes_after_the_save_is_nothing(day: Day, visit: Visit, tablet: Tablet) -> None:
    """The last one was still on its way when Save was tapped."""
    address, posted = tablet.triage(visit, weight="61")
    tablet.client.post(address, dict(posted.items()), secure=True)
    assert StageEvent.objects.exists()
    assert keep(tablet.client, address, posted)[1] == 204
    assert not Draft.objects.exists()


def test_an_older_page_does_not_replace_a_newer_one(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="61")
    draft_id, _status = keep(tablet.client, address, posted, number=7)
    keep(tablet.client, address, QueryDict("weight=6"), id=draft_id, number=6)
    assert QueryDict(Draft.objects.get().fields)["weight"] == "61"


def test_a_stale_draft_is_a_concurrent_edit(day: Day, visit: Visit, tablet: Tablet) -> None:
    event = day.triage(visit, {"weight": "60"})
    address, form = stage_form(tablet.client, visit, event.pk)
    draft_id, _status = keep(tablet.client, address, form.post(weight="61"))
    first, theirs = stage_form(browser(day.cast.ana), visit, event.pk)
    submit(browser(day.cast.ana), first, theirs, weight="62")
    _html, going_on = go_on(tablet.client, address, draft_id)
    submit(tablet.client, address, going_on, draft_id=draft_id)
    assert "both are kept" in open_page(tablet.client, "visit", visit.pk)


def test_a_registration_goes_on_with_all_its_numbers(day: Day) -> None:
    tablet = hand(day, day.cast.rosa)
    address = reverse("register")
    posted = forms_on(open_page(tablet.client, "register"))[address].post(given_name="Aurelia")
    posted = posted.copy()
    posted["identifiers-TOTAL_FORMS"] = "2"
    posted["identifiers-1-value"] = "8-765-4321"
    draft_id, _status = keep(tablet.client, address, posted)
    assert OFFER in text_of(open_page(tablet.client, "register"))
    html, form = go_on(tablet.client, address, draft_id)
    assert "Please check this" not in html
    assert form.post()["given_name"] == "Aurelia"
    assert form.post()["identifiers-1-value"] == "8-765-4321"
    done = submit(
        tablet.client, address, form, sex="female", age_years="31", family_name="Q", draft_id=draft_id
    )
    assert done.status_code == 302
    assert Patient.objects.filter(given_name="Aurelia").count() == 1
    assert not Draft.objects.exists()


def test_a_correction_of_details_goes_on_with_the_version_it_began_with(day: Day) -> None:
    tablet, patient = hand(day, day.cast.rosa), day.patient()
    address = reverse("patient-edit", args=[patient.pk])
    posted = forms_on(open_page(tablet.client, "patient-edit", patient.pk))[address].post(phone="6123-4567")
    draft_id, _status = keep(tablet.client, address, posted)
    assert OFFER in text_of(open_page(tablet.client, "patient-edit", patient.pk))
    _html, form = go_on(tablet.client, address, draft_id)
    assert form.post()["version"] == posted["version"]
    assert submit(tablet.client, address, form, draft_id=draft_id).status_code == 302
    assert not Draft.objects.exists()


def test_whoever_is_logged_out_is_told_and_the_page_seals_it(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="61")
    tablet.client.logout()
    assert keep(tablet.client, address, posted)[1] == 401


def test_a_foreign_page_keeps_nothing_in_somebodys_name(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="61")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(
        Account.objects.get(staff_id=day.tina.pk), backend="registry.staff.backends.CachedBackend"
    )
    assert keep(strict, address, posted)[1] == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "/no/such/"},
        {"address": "/queue/"},
        {"id": "x"},
        {"fields": "x" * 600_000},
        {"number": "one"},
    ],
)
def test_only_forms_are_kept(day: Day, visit: Visit, tablet: Tablet, changes: dict[str, Any]) -> None:
    address, posted = tablet.triage(visit, weight="61")
    assert keep(tablet.client, address, posted, **changes)[1] == 400
    assert not Draft.objects.exists()


def test_what_nobody_went_on_with_goes_after_two_weeks(day: Day, visit: Visit, tablet: Tablet) -> None:
    address, posted = tablet.triage(visit, weight="61")
    keep(tablet.client, address, posted)
    Draft.objects.create(
        id=uuid4(),
        staff_id=day.tina.pk,
        address=address,
        fields="weight=7",
        kind="sent",
        sentence="Look",
        at=day.now,
    )
    day.advance(days=15)
    keep(browser(day.cast.ana), address, posted)
    left = Draft.objects.filter(staff_id=day.tina.pk)
    assert [draft.kind for draft in left] == ["sent"]  # a save that needs its author never goes by itself


def test_the_list_shows_what_was_typed_and_a_page_says_that_it_is_there(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    address, posted = tablet.triage(visit, complaint="Tos seca")
    Draft.objects.create(
        id=uuid4(),
        staff_id=day.tina.pk,
        address=address,
        title="Triage",
        fields=posted.urlencode(),
        kind="sent",
        sentence="Something in it needs another look.",
        at=day.now,
    )
    shown = text_of(open_page(tablet.client, "kept"))
    assert "Tos seca" in shown
    assert "needs another look" in shown
    assert str(posted["save_id"]) not in shown
    assert 'data-needs-you="1"' in open_page(tablet.client, "queue")


def test_a_letter_goes_on_where_it_was_left(day: Day, visit: Visit) -> None:
    client, address = browser(day.cast.ana), reverse("refer", args=[visit.pk])
    form = forms_on(open_page(client, "refer", visit.pk))[address]
    draft_id, status = keep(
        client, address, form.post(reason="Ultrasound", to_facility=str(day.cast.darien.pk))
    )
    assert status == 204
    assert OFFER in text_of(open_page(client, "refer", visit.pk))
    html, again = go_on(client, address, draft_id)
    assert "Ultrasound" in html
    assert dict(again.posted)["to_facility"] == str(day.cast.darien.pk)
    assert submit(client, address, again, reason="Ultrasound", draft_id=draft_id).status_code == 302
    assert Referral.objects.get().reason == "Ultrasound"
    assert not Draft.objects.exists()
