"""A clinic with a past: every report finds its rows by an index, and says how long it took.

`POSTA_TEST_VISITS=50000 pytest -n0 -s tests/clinic/reports/test_busy.py` measures (docs/performance.md).
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client

from clinic.pharmacy.models import StockMovement
from clinic.reports.asked import Asked, asked_in
from clinic.reports.morbidity import events_here
from clinic.reports.passing import passing, steps_of, visits_of
from registry.staff.selectors import authority_of
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports.busy import fill
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

VISITS = int(os.environ.get("POSTA_TEST_VISITS", "300"))
MANY = 10_000
A_YEAR = {"from": "2025-12-01", "to": "2026-11-20"}
PAGES = ("", "illnesses/", "visits/", "stock/", "programs/")


@pytest.fixture
def busy(shelf: Shelf, day: Day) -> Asked:
    fill(day.cast.bocas, day.outpatient, day.now, VISITS, 150)
    with connection.cursor() as cursor:
        if VISITS > MANY:  # a small table is rightly read from end to end by an engine that knows its size
            cursor.execute("ANALYZE")
        elif connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    return asked_in({"period": "week"}, authority_of(day.cast.ana.pk))


def plan(rows: QuerySet[Any]) -> str:
    return rows.order_by().explain()


def test_every_report_finds_its_rows_by_an_index(busy: Asked) -> None:
    stock = StockMovement.objects.living().filter(facility__in=busy.place_ids, at__lt=busy.end)
    looked_at = [visits_of(busy), steps_of(busy), *(events for events, _moment in events_here(busy)), stock]
    for rows in looked_at:
        told = plan(rows)
        assert "index" in told.lower(), told
        assert "Seq Scan" not in told
        assert "SCAN visits_" not in told
    assert "visits_by_day" in plan(visits_of(busy))


def test_every_page_of_a_busy_year_opens(busy: Asked, day: Day) -> None:
    tablet: Client = browser(day.cast.ana)
    assert passing(asked_in(A_YEAR, authority_of(day.cast.ana.pk))).total == min(VISITS, 355 * 150)
    for days in ({"period": "today"}, {"period": "last-month"}, A_YEAR):
        for which in PAGES:
            tablet.get(f"/reports/{which}", days)
            began = time.perf_counter()
            page = tablet.get(f"/reports/{which}", days)
            took = round(1000 * (time.perf_counter() - began))
            assert page.status_code == 200
            print(VISITS, "visits:", which or "register", days, took, "ms", len(page.content) // 1000, "kB")
    began = time.perf_counter()
    file: Any = tablet.get("/reports/register.csv", A_YEAR)
    lines = len(list(file.streaming_content))
    assert lines == VISITS + 2
    print("file:", lines, "lines,", round(time.perf_counter() - began, 1), "s")
