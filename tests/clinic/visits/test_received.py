"""The patient's page says of every record where it has been received."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.lab.services import order_tests, report_result
from clinic.pharmacy.prescribing import note_allergy
from clinic.referrals.services import refer
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from sync.ledger.models import Replica
from tests.clinic.lab.conftest import liz
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.visits.day import Day

__all__ = ["liz"]


def marks(page: str) -> list[list[str]]:
    """For each record the words of its marks."""
    lists = re.findall(r'<ul class="received">(.*?)</ul>', page, re.DOTALL)
    return [re.findall(r"<(?:span|bdi)>([^<]+)</", one) for one in lists]


def seen(day: Day, tablet: Client, patient_id: object) -> list[list[str]]:
    return marks(tablet.get(f"/patients/{patient_id}/").content.decode())


def test_every_record_says_where_it_is(day: Day) -> None:
    visit = day.visit()
    day.triage(visit)
    tablet = day.browser(day.cast.ana)
    here = ["tablet-3", "on this laptop", "not yet at central"]
    assert seen(day, tablet, visit.patient_id) == [here, here]
    # A receipt covers everything up to the visit, and not the form that was written after it.
    Replica.objects.filter(is_self=True).update(acked_seq=visit.made_seq)
    there = ["tablet-3", "on this laptop", "at central"]
    assert seen(day, tablet, visit.patient_id) == [there, here]
    Replica.objects.filter(is_self=True).update(acked_seq=F("head_seq"))
    assert seen(day, tablet, visit.patient_id) == [there, there]


def test_central_speaks_of_no_laptop(day: Day) -> None:
    visit = day.visit()
    day.node.role = "central"
    assert seen(day, day.browser(day.cast.olga), visit.patient_id) == [["tablet-3", "at central"]]


def write_everything(day: Day, shelf: Shelf, visit: Visit, bench: StaffMember) -> None:
    """A prescription with something handed out, an allergy, a result, a referral."""
    here: dict[str, Any] = {"patient": visit.patient, "facility": day.cast.bocas}
    shelf.give(shelf.prescribe("PARA", visit=visit, override="More"), 5)
    note_allergy(by=day.nurse, substance="Penicillin", **here)
    order = order_tests(by=day.ana, tests=["hb"], visit=visit, **here)[0]
    report_result(by=day.cast.author(bench), order=order, value="12.1")
    refer(by=day.ana, to_facility=day.cast.darien, reason="Fracture", visit=visit, **here)


def test_so_do_the_records_of_every_room_without_a_question_for_each(
    day: Day, visit: Visit, liz: StaffMember
) -> None:
    shelf, tablet = Shelf.filled(day), day.browser(day.cast.ana)
    shelf.receive("PARA", 100)
    pages = reverse("visit", args=[visit.pk]), f"/patients/{visit.patient_id}/"

    def counted() -> tuple[list[int], list[list[list[str]]]]:
        numbers, found = [], []
        for page in pages:
            tablet.get(page)  # whatever is read once per process has been read
            with CaptureQueriesContext(connection) as asked:
                found.append(marks(tablet.get(page).content.decode()))
            numbers.append(len(asked))
        return numbers, found

    write_everything(day, shelf, visit, liz)
    first, (on_visit, on_patient) = counted()
    # Prescription, what was handed out, result, allergy; on the patient's page medicine, result, allergy,
    # referral and the visit.
    assert (len(on_visit), len(on_patient)) == (4, 5)
    assert all(one[-2:] == ["on this laptop", "not yet at central"] for one in [*on_visit, *on_patient])
    Replica.objects.filter(is_self=True).update(acked_seq=F("head_seq"))
    write_everything(day, shelf, visit, liz)
    second, (on_visit, on_patient) = counted()
    assert second == first
    assert sorted(one[-1] for one in on_visit) == ["at central"] * 4 + ["not yet at central"] * 4


def test_the_days_of_an_enrollment_have_their_history(day: Day, visit: Visit) -> None:
    row = day.enrolled(visit.patient)
    tablet, history = day.browser(day.cast.ana), reverse("enrollment-history", args=[row.pk])
    assert history in tablet.get(reverse("enrollment", args=[row.pk])).content.decode()
    page = tablet.get(history).content.decode()
    assert "Enrolled on" in page
    assert "not yet at central" in page
