"""The laboratory as a person taps through it."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.lab.models import LabOrder, LabResult
from clinic.lab.services import order_tests, report_result
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from tests.clinic.visits.day import Day

GOOD = {"hb": "12.1", "malaria-rdt": "negative"}


@pytest.fixture
def orders(day: Day, visit: Visit, liz: StaffMember) -> dict[str, LabOrder]:
    made = order_tests(
        by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=list(GOOD), visit=visit
    )
    return {order.test.code: order for order in made}


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_provider_orders_on_the_visits_page(day: Day, visit: Visit, liz: StaffMember) -> None:
    ana = day.browser(day.cast.ana)
    assert reverse("lab-order", args=[visit.pk]) in text_of(ana, reverse("visit", args=[visit.pk]))
    page = text_of(ana, reverse("lab-order", args=[visit.pk]))
    assert "Haemoglobin" in page
    answer = ana.post(
        reverse("lab-order", args=[visit.pk]), {"tests": ["hb", "malaria-rdt"], "urgent": "on"}, follow=True
    )
    assert "2 tests ordered." in answer.content.decode()
    assert LabOrder.objects.filter(urgent=True, visit=visit).count() == 2


def test_an_order_of_nothing_says_so_beside_the_list(day: Day, visit: Visit, liz: StaffMember) -> None:
    answer = day.browser(day.cast.ana).post(reverse("lab-order", args=[visit.pk]), {"note": "please"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Choose a test." in page
    assert "please" in page


def test_the_bench_shows_who_waits_and_results_are_entered_together(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    bench = day.browser(liz)
    page = text_of(bench, reverse("lab"))
    assert "José" in page
    assert "Haemoglobin" in page
    url = reverse("lab-results", args=[visit.patient_id])
    posted = {f"value-{orders[code].pk}": value for code, value in GOOD.items()}
    answer = bench.post(url, posted, follow=True)
    assert "2 results entered." in answer.content.decode()
    assert "Nothing waits in the laboratory." in answer.content.decode()


def test_a_range_reads_alike_in_every_direction(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    """Between Arabic words, "≥ 11.5" would be turned into "≤ 11.5"."""
    page = text_of(day.browser(liz), reverse("lab-results", args=[visit.patient_id]))
    assert re.search(r"usual: <bdi[^>]*>[^<]*\d", page)


def test_many_orders_ask_for_the_day_once(day: Day, visit: Visit, liz: StaffMember) -> None:
    bench, url = day.browser(liz), reverse("lab-results", args=[visit.patient_id])
    costs = []
    for tests in (["hb"], ["malaria-rdt", "glucose-random", "hiv-rdt", "pregnancy"]):
        order_tests(by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=tests, visit=visit)
        text_of(bench, url)
        with CaptureQueriesContext(connection) as seen:
            text_of(bench, url)
        costs.append(len(seen))
    assert costs[0] == costs[1]


def test_a_slip_in_one_result_keeps_the_other(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    url = reverse("lab-results", args=[visit.patient_id])
    posted = {f"value-{orders['hb'].pk}": "twelve", f"value-{orders['malaria-rdt'].pk}": "pf"}
    answer = day.browser(liz).post(url, posted)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "1 result entered." in page
    assert "Haemoglobin: Write a number, for example 12.5." in page
    assert "twelve" in page
    assert [row.value for row in LabResult.objects.all()] == ["pf"]


def test_an_abnormal_result_asks_the_provider_to_look(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    report_result(by=day.cast.author(liz), order=orders["malaria-rdt"], value="pf")
    ana = day.browser(day.cast.ana)
    page = text_of(ana, reverse("visit", args=[visit.pk]))
    assert "Critical result: Malaria, rapid test" in page
    seen = reverse("lab-seen", args=[orders["malaria-rdt"].pk])
    assert seen in page
    ana.post(seen)
    assert "Critical result" not in text_of(ana, reverse("patient", args=[visit.patient_id]))


def test_a_specimen_is_taken_and_a_test_cancelled(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    bench, ana = day.browser(liz), day.browser(day.cast.ana)
    bench.post(reverse("lab-taken", args=[orders["hb"].pk]))
    assert "Specimen taken" in text_of(ana, reverse("visit", args=[visit.pk]))
    ana.post(reverse("lab-cancel", args=[orders["hb"].pk]))
    assert "Haemoglobin" not in text_of(bench, reverse("lab"))


def test_a_result_is_corrected_with_what_was_shown(
    day: Day, visit: Visit, liz: StaffMember, orders: dict[str, LabOrder]
) -> None:
    result = report_result(by=day.cast.author(liz), order=orders["hb"], value="21")
    url = reverse("lab-correct", args=[result.pk])
    bench = day.browser(liz)
    assert 'value="21"' in text_of(bench, url)
    wrong = bench.post(url, {"value-result": "", "version": result.version})
    assert wrong.status_code == 422
    bench.post(url, {"value-result": "12", "version": result.version})
    result.refresh_from_db()
    assert result.value == "12"


def test_the_bench_is_not_for_everybody(day: Day, visit: Visit, liz: StaffMember) -> None:
    assert day.browser(day.cast.rosa).get(reverse("lab")).status_code == 403
    url = reverse("lab-results", args=[visit.patient_id])
    assert day.browser(day.cast.rosa).post(url, {}).status_code == 403
    assert day.browser(liz).get(reverse("lab-order", args=[visit.pk])).status_code == 403
