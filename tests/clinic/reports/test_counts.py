"""Every figure against the same one counted row by row, in hard time zones and odd pasts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from pytest_django import Settings

from clinic.pharmacy.models import StockMovement
from clinic.reports.morbidity import morbidity
from clinic.reports.passing import Waits, passing
from clinic.reports.policy import AgeGroup, Sex
from clinic.reports.used import stock_used
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.reports import naive
from tests.clinic.reports.conftest import Ask
from tests.clinic.reports.past import NOON, Past

ZONES = ("UTC", "America/Panama", "Asia/Kathmandu", "Europe/Paris")
BORN = (
    None,
    date(2027, 1, 1),
    date(2026, 11, 18),
    date(2025, 11, 19),
    date(2024, 2, 29),
    date(2011, 11, 18),
    date(2001, 11, 20),
    date(1976, 11, 17),
    date(1930, 1, 1),
)
SPANS = (
    {"from": "2026-11-18", "to": "2026-11-18"},
    {"from": "2026-11-17", "to": "2026-11-20"},
    {"from": "2026-10-20", "to": "2026-11-30"},
)


def make_a_past(past: Past, seed: int) -> None:
    """Some visits around midnight, at two places, with steps and forms as they should not be."""
    chance = Random(seed)
    people = [
        past.patient(chance.choice(["female", "male", "other", "unknown"]), chance.choice(BORN))
        for _number in range(8)
    ]
    places = [past.day.cast.bocas, past.day.cast.darien]
    for _number in range(40):
        at = NOON + timedelta(minutes=chance.randrange(-60 * 60, 60 * 60), seconds=chance.randrange(60))
        if chance.random() < 0.3:  # in the week in which summer time ends in Europe
            at = datetime(2026, 10, 24, 20, 30, tzinfo=UTC) + timedelta(minutes=chance.randrange(24 * 60))
        visit = past.visit(
            at,
            chance.choice(people),
            chance.choice(places),
            chance.choice(["general", "anc", "dental"]),
            gone=chance.random() < 0.15,
        )
        make_steps(past, chance, visit)
        for _form in range(chance.randrange(3)):
            past.event(
                visit,
                {
                    "diagnosis_code": chance.choice(["J06.9", "A09.9", "I10", "ZZZ", ""]),
                    "visit_kind": chance.choice(["NEW", "FOLLOW_UP"]),
                },
                gone=chance.random() < 0.1,
                visit=chance.choice([visit, visit, visit, None]),
                facility=chance.choice(places),
            )


def make_steps(past: Past, chance: Random, visit: object) -> None:
    minutes = 0.0
    for _step in range(chance.randrange(9)):
        kind = chance.choice(
            ["sent", "sent", "claimed", "claimed", "released", "sent-back", "returned", "carried", "closed"]
        )
        past.step(
            visit,  # type: ignore[arg-type]  # a visit; the past makes no others
            kind,
            chance.choice(["triage", "provider", "dentist"]),
            minutes,
            gone=chance.random() < 0.05,
        )
        minutes += chance.choice([-3, 0.5, 7, 29.99, 61, 700])


@pytest.mark.parametrize("zone", ZONES)
def test_every_figure_is_what_counting_by_hand_gives(
    past: Past, ask: Ask, settings: Settings, zone: str
) -> None:
    settings.TIME_ZONE = zone
    make_a_past(past, ZONES.index(zone))
    for span in SPANS:
        for places in ({}, {"facility": "BOC"}, {"area": "PA-2"}):
            asked = ask(**span, **places)
            found, expected = passing(asked), naive.passing(asked)
            assert found.total == expected["total"]
            assert found.closed == expected["closed"]
            assert {hour: number for hour, number in found.hours.items() if number} == expected["hours"]
            assert found.days == expected["days"]
            assert found.categories == expected["categories"]
            assert {station: one.minutes for station, one in found.waits.items()} == expected["waits"]
            assert found.whole.minutes == expected["whole"]
            ill, by_hand = morbidity(asked), naive.morbidity(asked)
            cells = {(line.key, *cell): n for line in ill.codes for cell, n in line.cells.items()}
            assert cells == by_hand["new"]
            assert {line.key: line.again for line in ill.codes if line.again} == by_hand["again"]
            assert ill.uncoded == by_hand["uncoded"]
            cells = {(line.key, *cell): n for line in ill.chapters for cell, n in line.cells.items()}
            assert cells == by_hand["chapters"]


def test_a_past_has_what_is_hard(past: Past, ask: Ask) -> None:
    """So that the comparison above compares something."""
    for seed in range(len(ZONES)):
        make_a_past(past, seed)
    found = naive.passing(ask(**SPANS[2]))
    assert found["total"] > 20
    assert found["closed"]
    assert found["whole"]
    assert {"triage", "dentist"} <= set(found["waits"])
    assert {"dental"} < set(found["categories"])
    told = naive.morbidity(ask(**SPANS[2]))
    assert told["uncoded"]
    assert told["again"]
    assert {group for _code, _sex, group in told["new"]} > {AgeGroup.UNKNOWN, AgeGroup.INFANT}
    assert "" in {chapter for chapter, _sex, _group in told["chapters"]}


def test_a_birthday_counts_on_the_clinics_day(past: Past, ask: Ask, settings: Settings) -> None:
    """Eight in the evening in Panamá is tomorrow in UTC: the child is not one yet."""
    settings.TIME_ZONE = "America/Panama"
    evening = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
    past.diagnosis(past.visit(evening, past.patient(born=date(2025, 11, 19))), "J06.9")
    (line,) = morbidity(ask(**{"from": "2026-11-18", "to": "2026-11-18"})).codes
    assert line.cells == {(Sex.FEMALE, AgeGroup.INFANT): 1}
    assert morbidity(ask(**{"from": "2026-11-19", "to": "2026-11-19"})).codes == []


def test_a_visit_open_over_midnight_belongs_to_the_day_it_was_opened(past: Past, ask: Ask) -> None:
    visit = past.visit(datetime(2026, 11, 18, 23, 50, tzinfo=UTC))
    past.step(visit, "sent", "triage", 0)
    past.step(visit, "claimed", "triage", 20)
    past.step(visit, "closed", "triage", 45)
    yesterday, then = ask(**SPANS[0]), ask(**{"from": "2026-11-19", "to": "2026-11-19"})
    found = passing(yesterday)
    assert (found.total, found.closed) == (1, 1)
    assert found.waits == {"triage": Waits(Counter({20: 1}))}
    assert found.whole == Waits(Counter({45: 1}))
    assert passing(then).total == 0


def test_a_night_at_home_is_no_wait(past: Past, ask: Ask) -> None:
    visit = past.visit()
    past.step(visit, "sent", "provider", 0)
    past.step(visit, "carried", "provider", 300)
    past.step(visit, "claimed", "provider", 1200)
    past.step(visit, "closed", "provider", 1230)
    found = passing(ask())
    assert found.waits == {}
    assert (found.closed, found.whole.people) == (1, 0)


def test_two_laptops_close_a_visit_once(past: Past, ask: Ask) -> None:
    visit = past.visit()
    past.step(visit, "closed", "", 30)
    past.step(visit, "closed", "", 55)
    found = passing(ask())
    assert (found.total, found.closed) == (1, 1)
    assert found.whole == Waits(Counter({30: 1}))


def test_a_half_and_nine_in_ten() -> None:
    waits = Waits(Counter(range(1, 11)))
    assert (waits.people, waits.median, waits.most, waits.longest) == (10, 5, 9, 10)
    assert Waits(Counter({60: 2, 59: 3})).an_hour_or_more == 2
    nobody = Waits(Counter())
    assert (nobody.median, nobody.most, nobody.longest) == (0, 0, 0)


def test_follow_ups_are_no_new_cases(past: Past, ask: Ask) -> None:
    past.diagnosis(past.visit(), "J06.9")
    past.diagnosis(past.visit(), "J06.9", "FOLLOW_UP")
    past.diagnosis(past.visit(), "I10", "FOLLOW_UP")
    found = morbidity(ask())
    assert [(line.key, line.new, line.again, line.all) for line in found.codes] == [
        ("J06.9", 1, 1, 2),
        ("I10", 0, 1, 1),
    ]
    assert [(line.key, line.new, line.again) for line in found.chapters] == [("IX", 0, 1), ("X", 1, 1)]


def test_an_empty_day_is_empty(past: Past, ask: Ask) -> None:
    past.diagnosis(past.visit(), "J06.9")
    nothing = ask(**{"from": "2026-11-01", "to": "2026-11-02"})
    assert passing(nothing).total == 0
    assert (passing(nothing).hours, passing(nothing).days, passing(nothing).waits) == ({}, {}, {})
    assert morbidity(nothing).chapters == morbidity(nothing).codes == []
    assert stock_used(nothing) == []


def test_stock_against_counting_by_hand(shelf: Shelf, past: Past, ask: Ask) -> None:
    chance = Random(3)
    kinds = [one.value for one in StockMovement.Kind]
    for _number in range(60):
        kind = chance.choice(kinds)
        amount = chance.randrange(1, 30)
        past.row(
            StockMovement,
            facility=chance.choice([shelf.here, past.day.cast.darien]),
            medicine=shelf[chance.choice(["AMOX", "PARA", "SYR"])],
            kind=kind,
            quantity=-amount if kind in ("dispensed", "discarded", "transfer-out") else amount,
            at=NOON + timedelta(hours=chance.randrange(-72, 72)),
            gone=chance.random() < 0.1,
        )
    for span in SPANS:
        asked = ask(**span, facility="BOC")
        found = {
            one.medicine.pk: {
                name: number
                for name in ("received", "given", "lost", "other", "left")
                if (number := getattr(one, name))
            }
            for one in stock_used(asked)
        }
        expected = {
            medicine: {name: number for name, number in numbers.items() if number}
            for medicine, numbers in naive.stock(asked).items()
        }
        assert found == expected


def test_what_was_used_most_comes_first(shelf: Shelf, ask: Ask) -> None:
    shelf.receive("AMOX", 100)
    shelf.receive("PARA", 500)
    shelf.give(shelf.prescribe("AMOX", quantity=15), 15)
    assert [(one.medicine.code, one.received, one.given, one.left) for one in stock_used(ask())] == [
        ("AMOX", 100, 15, 85),
        ("PARA", 500, 0, 500),
    ]
