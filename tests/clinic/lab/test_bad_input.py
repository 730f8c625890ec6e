"""Wrong answers at the laboratory: each a sentence beside its field, and nothing that was typed is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from clinic.lab.models import LabOrder, LabResult
from clinic.lab.services import order_tests, report_result
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from tests.clinic.forms.page import Page
from tests.clinic.visits.day import Day

LONG = "lorem ipsum " * 8_500  # about 100 kB
NULLED = "a\0b"


@pytest.fixture
def order(day: Day, visit: Visit, liz: StaffMember) -> LabOrder:
    (made,) = order_tests(
        by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=["hb"], visit=visit
    )
    return made


def beside(page: str, field_id: str) -> str:
    """What is said beside a field: the text that its control is described by."""
    read = Page(page)
    (control,) = [named for _tag, named in read.tags if named.get("id") == field_id]
    assert control["aria-invalid"] == "true"
    starts = [page.index(f'id="{name}"') for name in control["aria-describedby"].split()]
    return " ".join(Page(page[start : page.index("</p>", start)]).text for start in starts)


@pytest.mark.parametrize(("note", "sentence"), [(LONG, "longer than 400"), (NULLED, "cannot be kept")])
def test_a_note_that_cannot_be_kept(
    day: Day, visit: Visit, liz: StaffMember, note: str, sentence: str
) -> None:
    posted = {"tests": ["hb"], "note": note, "urgent": "on"}
    answer = day.browser(day.cast.ana).post(reverse("lab-order", args=[visit.pk]), posted)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in beside(page, "note")
    assert note.strip() in page
    assert {("tests", "hb"), ("urgent", "")} <= set(Page(page).posted)
    assert not LabOrder.objects.exists()


def test_a_comment_that_is_too_long_is_told_beside_the_comment(
    day: Day, visit: Visit, liz: StaffMember, order: LabOrder
) -> None:
    posted = {f"value-{order.pk}": "12.1", f"comment-{order.pk}": LONG}
    answer = day.browser(liz).post(reverse("lab-results", args=[visit.patient_id]), posted)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "longer than 400" in beside(page, f"comment-{order.pk}")
    assert dict(Page(page).posted)[f"value-{order.pk}"] == "12.1"
    assert LONG.strip() in page
    assert not LabResult.objects.exists()


def test_a_comment_without_a_result_is_not_lost(
    day: Day, visit: Visit, liz: StaffMember, order: LabOrder
) -> None:
    url = reverse("lab-results", args=[visit.patient_id])
    answer = day.browser(liz).post(url, {f"value-{order.pk}": " ", f"comment-{order.pk}": "Haemolysed"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter the result." in beside(page, f"value-{order.pk}")
    assert dict(Page(page).posted)[f"comment-{order.pk}"] == "Haemolysed"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("-3", "not below zero"),
        ("1e400", "Write a number"),
        ("12.1\0", "Write a number"),
        ("9" * 400, "number"),
    ],
)
def test_a_number_that_cannot_be_a_result(
    day: Day, visit: Visit, liz: StaffMember, order: LabOrder, value: str, sentence: str
) -> None:
    url = reverse("lab-results", args=[visit.patient_id])
    answer = day.browser(liz).post(url, {f"value-{order.pk}": value})
    assert answer.status_code == 422
    assert sentence in beside(answer.content.decode(), f"value-{order.pk}")
    assert not LabResult.objects.exists()


def test_a_correction_says_which_of_both_fields_is_wrong(
    day: Day, visit: Visit, liz: StaffMember, order: LabOrder
) -> None:
    result = report_result(by=day.cast.author(liz), order=order, value="21")
    url = reverse("lab-correct", args=[result.pk])
    posted = {"value-result": "12", "comment": LONG, "version": result.version}
    page = day.browser(liz).post(url, posted).content.decode()
    assert "longer than 400" in beside(page, "comment")
    assert LONG.strip() in page
    assert dict(Page(page).posted)["value-result"] == "12"
    page = day.browser(liz).post(url, posted | {"value-result": "x", "comment": "typo"}).content.decode()
    assert "Write a number" in beside(page, "value-result")
    assert dict(Page(page).posted)["comment"] == "typo"


def test_a_result_has_no_date_of_its_own_choice(day: Day, liz: StaffMember, order: LabOrder) -> None:
    tomorrow = (day.now + timedelta(days=1)).isoformat()
    client = day.browser(liz)
    answer = client.post(
        f"/api/v1/lab/orders/{order.pk}/result/",
        {"value": "12.1", "reported_at": tomorrow},
        content_type="application/json",
        secure=True,
    )
    assert answer.status_code == 400
    assert "reported_at" in answer.json()["errors"]
    assert not LabResult.objects.exists()


def test_a_test_that_is_not_offered_is_told_beside_the_list(day: Day, visit: Visit, liz: StaffMember) -> None:
    posted = {"tests": ["hb", "haemoglobine"], "note": "please"}
    answer = day.browser(day.cast.ana).post(reverse("lab-order", args=[visit.pk]), posted)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "There is no such test." in page
    assert {("tests", "hb"), ("note", "please")} <= set(Page(page).posted)
