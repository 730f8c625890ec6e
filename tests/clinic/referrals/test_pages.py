"""Referrals as a person taps through them, and for programs."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.referrals.models import Referral
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.node import Node
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE

REFERRALS = "/api/v1/referrals/"


@pytest.fixture
def dario(node: Node, day: Day) -> StaffMember:
    node.role = "central"
    member = add_staff(
        by=THE_NODE,
        username="dario",
        full_name="Darío Ríos",
        grants=[("provider", day.cast.darien)],
        password=PASSWORD,
    )
    node.role = "clinic"
    return member


def test_the_letter_begins_with_what_was_recorded(day: Day, visit: Visit, dario: StaffMember) -> None:
    day.triage(visit)
    ana = day.browser(day.cast.ana)
    assert reverse("refer", args=[visit.pk]) in ana.get(reverse("visit", args=[visit.pk])).content.decode()
    page = ana.get(reverse("refer", args=[visit.pk])).content.decode()
    assert "Weight" in page
    assert "Darién" in page
    assert "Bocas del Toro <" not in page
    posted = {"to_facility": str(day.cast.darien.pk), "reason": "Fracture", "kind": "transfer"}
    answer = ana.post(reverse("refer", args=[visit.pk]), posted, follow=True)
    assert "The referral is written." in answer.content.decode()
    referral = Referral.objects.get()
    letter = ana.get(reverse("referral-letter", args=[referral.pk])).content.decode()
    for text in ("Fracture", "José", "Darién", "Ana Batista", "Transfer"):
        assert text in letter


def test_a_letter_without_a_reason_comes_back_as_it_was(day: Day, visit: Visit) -> None:
    posted = {"to_facility": "elsewhere", "to_place": "City hospital", "summary": "much"}
    answer = day.browser(day.cast.ana).post(reverse("refer", args=[visit.pk]), posted)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write why the patient is referred." in page
    assert "City hospital" in page
    assert "much" in page


def test_the_other_place_receives_and_answers(day: Day, visit: Visit, dario: StaffMember) -> None:
    ana, there = day.browser(day.cast.ana), day.browser(dario)
    ana.post(
        reverse("refer", args=[visit.pk]), {"to_facility": str(day.cast.darien.pk), "reason": "Fracture"}
    )
    referral = Referral.objects.get()
    assert "José" in there.get(reverse("referrals")).content.decode()
    page = there.get(reverse("referral", args=[referral.pk])).content.decode()
    assert reverse("referral-receive", args=[referral.pk]) in page
    there.post(reverse("referral-receive", args=[referral.pk]))
    empty = there.post(reverse("referral-answer", args=[referral.pk]), {"note": " "}, follow=True)
    assert "Write what was done." in empty.content.decode()
    there.post(reverse("referral-answer", args=[referral.pk]), {"note": "Plaster."})
    assert "Plaster." in ana.get(reverse("referral", args=[referral.pk])).content.decode()
    assert "Answered" in ana.get(reverse("patient", args=[visit.patient_id])).content.decode()


def test_only_the_place_that_was_written_to_receives(day: Day, visit: Visit, dario: StaffMember) -> None:
    ana = day.browser(day.cast.ana)
    ana.post(
        reverse("refer", args=[visit.pk]), {"to_facility": str(day.cast.darien.pk), "reason": "Fracture"}
    )
    referral = Referral.objects.get()
    assert ana.post(reverse("referral-receive", args=[referral.pk])).status_code == 404
    assert day.browser(day.cast.rosa).get(reverse("refer", args=[visit.pk])).status_code == 403
    assert day.browser(day.pia).get(reverse("referrals")).status_code == 403
    ana.post(reverse("referral-cancel", args=[referral.pk]))
    assert "Cancelled" in ana.get(reverse("referral", args=[referral.pk])).content.decode()


def test_the_api_says_the_same(day: Day, visit: Visit, dario: StaffMember) -> None:
    body = {"patient": str(visit.patient_id), "to_facility": "DAR", "reason": "Fracture", "urgent": True}
    made = day.api().post(REFERRALS, body, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "sent")
    there, url = day.api(dario), f"{REFERRALS}{made.json()['id']}/"
    assert [one["id"] for one in there.get(REFERRALS).json()] == [made.json()["id"]]
    assert there.post(f"{url}receive/").json()["state"] == "received"
    told = there.post(f"{url}answer/", {"note": "Plaster."}, format="json").json()
    assert (told["state"], told["answer"]) == ("answered", "Plaster.")


def test_the_apis_refusals_have_codes(day: Day, visit: Visit, dario: StaffMember) -> None:
    body = {"patient": str(visit.patient_id), "to_place": "City hospital", "reason": "Surgery"}
    assert day.api(day.cast.rosa).post(REFERRALS, body, format="json").json()["code"] == "not-allowed"
    assert day.api().post(REFERRALS, body | {"patient": str(uuid4())}, format="json").status_code == 404
    assert day.api().post(REFERRALS, body | {"to_facility": "X"}, format="json").status_code == 404
    made = day.api().post(REFERRALS, body, format="json").json()
    assert day.api(dario).post(f"{REFERRALS}{made['id']}/receive/").json()["code"] == "not-yours"
    assert day.api().post(f"{REFERRALS}{made['id']}/cancel/").json()["state"] == "cancelled"
