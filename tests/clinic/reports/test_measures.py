"""What was measured: in which order, in which unit, what is believed, and how children grow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.expressions.growth import weight_for_age
from clinic.reports.measures import DAYS_IN_MONTH, Measure, curve, growth_of, is_small, measures_of
from clinic.reports.patient import charts_of
from registry.people.models import Patient
from tests.clinic.reports.past import NOON, Past
from tests.clinic.reports.test_charts import check_is_harmless, parts, texts
from tests.clinic.visits.day import Day
from tests.registry.conftest import browser

TRIAGE = "opd_stage_triage"


def measured(past: Past, patient: Patient, *taken: tuple[int, dict[str, Any]]) -> None:
    """Some days before noon of 18 November."""
    for days, values in taken:
        visit = past.visit(NOON - timedelta(days=days), patient)
        past.event(visit, values, stage=TRIAGE, occurred_at=visit.opened_at)


def panel_of(patient: Patient, tablet: Client) -> str:
    return tablet.get(f"/patients/{patient.pk}/").content.decode()


def test_numbers_stand_in_the_order_of_time(past: Past) -> None:
    someone = past.patient()
    measured(past, someone, (1, {"weight": "61"}), (30, {"weight": "60", "pulse": "80"}))
    found = measures_of(someone)
    assert [number for _at, number in found["weight"].points] == [60, 61]
    assert (found["weight"].label, found["weight"].unit) == ("Weight", "kg")
    assert found["weight"].is_enough
    assert not found["pulse"].is_enough


def test_what_is_no_number_is_not_measured(past: Past) -> None:
    someone = past.patient()
    measured(past, someone, (1, {"weight": "heavy", "temperature": "NaN", "height": "inf", "complaint": "5"}))
    assert measures_of(someone) == {}


def test_removed_forms_are_not_measured(past: Past) -> None:
    someone = past.patient()
    past.event(past.visit(NOON, someone), {"weight": "60"}, stage=TRIAGE, gone=True)
    assert measures_of(someone) == {}


def test_a_slipped_point_is_kept_and_not_drawn(past: Past, day: Day) -> None:
    someone = past.patient()
    measured(past, someone, (3, {"weight": "61"}), (2, {"weight": "6100"}), (1, {"weight": "62"}))
    (shown,) = charts_of(someone, "weight").shown
    assert shown.chart is not None
    assert len(parts(shown.chart, "circle")) == 2
    assert [row[1] for row in shown.rows] == ["62 kg", "6100 kg", "61 kg"]
    assert shown.notes == ["1 number cannot be right and is not drawn."]


def test_two_units_are_two_lines() -> None:
    first = Measure("glucose", "glucose", "Sugar", "mmol/L", [(NOON, 5.0)])
    second = Measure("glucose mg/dL", "glucose", "Sugar", "mg/dL", [(NOON, 90.0)])
    assert first.drawn
    assert second.drawn


def test_both_pressures_share_a_chart(past: Past) -> None:
    someone = past.patient(born=date(1970, 1, 1))
    high = {"bp_systolic": "150", "bp_diastolic": "95", "glucose": "7.1", "height": "160"}
    low = {"bp_systolic": "130", "bp_diastolic": "85", "glucose": "6.4", "height": "160"}
    measured(past, someone, (60, high), (2, low))
    shown = {one.key: one for one in charts_of(someone).shown}
    assert list(shown) == ["height", "bp", "glucose"]
    pressure = shown["bp"].chart
    assert pressure is not None
    check_is_harmless(pressure)
    assert len(parts(pressure, "circle")) == 4
    assert pressure.lines == ("Blood pressure, upper", "Blood pressure, lower")
    assert shown["bp"].rows[0][1:] == ["130 mmHg", "85 mmHg"]


def test_one_measurement_is_no_chart(past: Past, day: Day) -> None:
    someone = past.patient()
    tablet = browser(day.cast.ana)
    assert "No measurement yet." in panel_of(someone, tablet)
    measured(past, someone, (1, {"weight": "60"}))
    assert "Measured once so far. Two make a chart." in panel_of(someone, tablet)
    page = tablet.get(f"/patients/{someone.pk}/measurements/", {"of": "weight"}).content.decode()
    assert "60 kg" in page
    assert '<svg class="chart__drawing"' not in page


def test_a_child_is_drawn_by_age_beside_the_lines_of_who(past: Past) -> None:
    child = past.patient("male", date(2025, 11, 18), birth_date_estimated=True)
    measured(past, child, (180, {"weight": "7.9", "height": "67"}), (0, {"weight": "9.6", "height": "76"}))
    shown = {one.key: one for one in charts_of(child).shown}
    assert list(shown) == ["growth-weight", "growth-height"], "not once more by date"
    weight = shown["growth-weight"]
    assert weight.chart is not None
    check_is_harmless(weight.chart)
    assert len(parts(weight.chart, "circle")) == 2
    assert texts(weight.chart, "end") == ["-3", "-2", "0", "+2", "+3"]
    assert weight.rows[0] == [
        "11 months",
        "9.6 kg",
        f"{weight_for_age(365 / DAYS_IN_MONTH, 9.6, 'male'):+.1f}",
    ]
    assert "The birth date is an estimate, and so is the age." in weight.notes
    assert "standard deviations" in weight.chart.words


def test_who_draws_no_lines_for_a_sex_that_is_not_known(past: Past) -> None:
    child = past.patient("unknown", date(2025, 11, 18))
    measured(past, child, (0, {"weight": "9.6"}))
    (weight,) = charts_of(child).shown
    assert not weight.standard
    assert weight.columns == ["Age", "Weight"]
    assert weight.notes[0].startswith("Age in months. The sex is not known")
    assert weight.chart is not None
    assert len(parts(weight.chart, "circle")) == 1


def test_a_childs_measurement_beyond_belief_is_not_drawn(past: Past) -> None:
    child = past.patient("male", date(2025, 11, 18))
    measured(past, child, (30, {"weight": "9.4"}), (0, {"weight": "96"}))
    (growth,) = growth_of(child, measures_of(child))
    assert [point.believed for point in growth.points] == [True, False]
    assert [number for _months, number in growth.drawn] == [9.4]
    assert charts_of(child).shown[0].rows[0][1] == "96 kg"


def test_a_child_of_whom_nothing_can_be_drawn_has_a_table(past: Past) -> None:
    child = past.patient("male", date(2025, 11, 18))
    measured(past, child, (0, {"weight": "96"}))
    (weight,) = charts_of(child).shown
    assert weight.rows[0][1] == "96 kg"
    assert weight.chart is not None
    assert parts(weight.chart, "circle") == []


@pytest.mark.parametrize("sex", ["male", "female"])
@pytest.mark.parametrize("score", [-3, -2, 0, 2, 3])
def test_the_lines_are_those_of_the_rules(sex: str, score: int) -> None:
    """Drawn one way, evaluated the other way: the same score."""
    for month, kilograms in curve("wfa", sex, score, 60):
        assert weight_for_age(month, kilograms, sex) == pytest.approx(score, abs=0.01)


def test_small_is_up_to_five_years(past: Past) -> None:
    born = date(2021, 11, 20)
    child = Patient(birth_date=born)
    assert is_small(child, date(2026, 11, 20))
    assert not is_small(child, date(2026, 11, 25))
    assert not is_small(child, born - timedelta(days=1))
    assert not is_small(Patient(birth_date=None), born)


def test_whoever_may_not_see_the_person_gets_the_page_for_nobody(past: Past, day: Day) -> None:
    someone = past.patient()
    address = f"/patients/{someone.pk}/measurements/"
    assert browser(day.cast.ana).get(address).status_code == 200
    day.node.role = "central"
    assert browser(day.cast.iris).get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_moments_are_told_on_the_clinics_clock(past: Past, settings: Any) -> None:
    settings.TIME_ZONE = "America/Panama"
    someone = past.patient()
    visit = past.visit(datetime(2026, 11, 18, 2, 0, tzinfo=UTC), someone)
    past.event(visit, {"weight": "60"}, stage=TRIAGE, occurred_at=visit.opened_at)
    (shown,) = charts_of(someone, "weight").shown
    assert shown.rows[0][0] == "17 Nov 2026, 21:00"
