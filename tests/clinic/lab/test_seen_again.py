"""A result that changed or came while somebody looked at another one is never taken for seen."""

from __future__ import annotations

import pytest
from django.urls import reverse

from clinic.lab.definition import Flag, judge
from clinic.lab.examples import shipped
from clinic.lab.models import LabOrder, LabResult
from clinic.lab.policy import OrderState
from clinic.lab.selectors import order_of, unseen_critical
from clinic.lab.services import (
    acknowledge,
    cancel_order,
    correct_result,
    order_tests,
    report_result,
)
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from sync.ledger.recording import Author, recording
from sync.review.models import Conflict
from sync.review.services import Choice, resolve
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, open_page, submit, text_of


@pytest.fixture
def bench_author(day: Day, liz: StaffMember) -> Author:
    return day.cast.author(liz)


@pytest.fixture
def order(day: Day, visit: Visit, liz: StaffMember) -> LabOrder:
    return order_tests(by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=["hb"], visit=visit)[
        0
    ]


def state_of(order: LabOrder) -> OrderState:
    told = order_of(order.pk)
    assert told is not None
    return told.state


def test_a_tap_on_seen_is_about_what_the_page_showed(
    day: Day, visit: Visit, order: LabOrder, bench_author: Author
) -> None:
    result = report_result(by=bench_author, order=order, value="9.8")
    ana, seen = day.browser(day.cast.ana), reverse("lab-seen", args=[order.pk])
    form = forms_on(open_page(ana, "visit", visit.pk))[seen]
    correct_result(by=bench_author, result=result, value="3.8")
    answer = submit(ana, seen, form)
    assert answer.status_code == 302
    assert state_of(order) is OrderState.RESULTED
    assert [told.order for told in unseen_critical(visit.patient)] == [order]
    page = open_page(ana, "visit", visit.pk)
    assert "The result changed. Look at it again." in text_of(page)
    assert submit(ana, seen, forms_on(page)[seen]).status_code == 302
    assert state_of(order) is OrderState.SEEN


def test_a_second_result_from_elsewhere_wants_to_be_seen_too(
    day: Day, visit: Visit, order: LabOrder, bench_author: Author
) -> None:
    report_result(by=bench_author, order=order, value="12.8")
    acknowledge(by=day.ana, order=order)
    with recording(by=bench_author) as save:  # as it comes from another laptop
        save.add(
            LabResult,
            order=order,
            patient_id=order.patient_id,
            value="3.8",
            flag="critical",
            reported_at=day.now,
        )
    assert state_of(order) is OrderState.RESULTED
    assert [told.order for told in unseen_critical(visit.patient)] == [order]


def test_a_result_for_what_was_cancelled_meanwhile_is_not_dropped_in_silence(
    day: Day, visit: Visit, order: LabOrder, liz: StaffMember
) -> None:
    bench, address = day.browser(liz), reverse("lab-results", args=[visit.patient_id])
    open_page(bench, "lab-results", visit.patient_id)
    cancel_order(by=day.ana, order=order)
    answer = bench.post(address, {f"value-{order.pk}": "3.8"}, secure=True)
    assert answer.status_code == 422
    page = text_of(answer.content.decode())
    assert "Haemoglobin: This order was cancelled. 3.8 was not saved." in page


def test_a_result_that_a_colleague_entered_first_is_said(
    day: Day, visit: Visit, order: LabOrder, liz: StaffMember, bench_author: Author
) -> None:
    bench, address = day.browser(liz), reverse("lab-results", args=[visit.patient_id])
    form = {f"value-{order.pk}": "3.8"}
    report_result(by=bench_author, order=order, value="13.8")
    answer = bench.post(address, form, secure=True)
    assert answer.status_code == 422
    assert "Haemoglobin: This order has a result already. 3.8 was not saved." in text_of(
        answer.content.decode()
    )


def test_a_double_tap_on_results_says_that_they_are_saved(
    day: Day, visit: Visit, order: LabOrder, liz: StaffMember
) -> None:
    bench, address = day.browser(liz), reverse("lab-results", args=[visit.patient_id])
    form = next(
        one
        for name, one in forms_on(open_page(bench, "lab-results", visit.patient_id)).items()
        if name in ("", address)
    )
    value = {f"value-{order.pk}": "12.1"}
    assert [submit(bench, address, form, **value).status_code for _tap in range(2)] == [302, 302]
    assert LabResult.objects.count() == 1


def test_the_bench_is_for_those_who_work_there(day: Day, order: LabOrder, liz: StaffMember) -> None:
    address = "/api/v1/lab/orders/"
    assert len(day.api(liz).get(address).json()) == 1
    assert day.api(day.pia).get(address).status_code == 403


def test_a_flag_follows_the_value_that_somebody_decided_for(
    day: Day, visit: Visit, order: LabOrder, bench_author: Author
) -> None:
    """Two corrections that know nothing of each other: the later one brings its flag, the other is right."""
    result = report_result(by=bench_author, order=order, value="10.1")
    shown = result.version
    correct_result(by=bench_author, result=result, value="3.8", seen=shown)
    correct_result(by=bench_author, result=result, value="13.8", seen=shown)
    assert [told.order for told in unseen_critical(visit.patient)] == [order]
    acknowledge(by=day.ana, order=order)
    conflict = Conflict.objects.get(record_id=result.pk)
    resolve(by=day.ana, conflict=conflict, choose=Choice(value="3.8"))
    told = order_of(order.pk)
    assert told is not None
    assert [(one.row.value, one.flag) for one in told.results] == [("3.8", "critical")]
    assert [one.order for one in unseen_critical(visit.patient)] == [order]


@pytest.mark.parametrize(
    ("value", "sex", "age", "flag"),
    [
        ("3.8", "unknown", None, Flag.CRITICAL),
        ("3.8", "female", None, Flag.CRITICAL),
        ("3.8", "unknown", 30.0, Flag.CRITICAL),
        ("9.8", "female", None, Flag.NONE),
        ("9.8", "female", 30.0, Flag.LOW),
    ],
)
def test_what_is_critical_for_everybody_needs_no_age(
    value: str, sex: str, age: float | None, flag: Flag
) -> None:
    hb = next(test for test in shipped() if test.code == "hb")
    assert judge(hb, value, sex=sex, age=age) is flag
