"""`manage.py verify_access` says what the log is, and does not hold where it is not what was written."""

from __future__ import annotations

from registry.access.management.commands.verify_access import Command
from registry.access.models import Opening
from sync.commanding import Result
from sync.records import door
from tests.registry.access.conftest import House
from tests.registry.conftest import browser


def told() -> Result:
    return Command().answer({"json": True})


def test_a_whole_log_holds(house: House) -> None:
    browser(house.cast.ana).get(f"/patients/{house.jose.pk}/")
    answer = told()
    assert answer.holds
    assert answer.plain == {"openings": 1, "unwritten": 0, "chains_hold": True, "faults": []}
    assert list(answer.lines) == ["1 openings, 0 not as written."]


def test_a_changed_log_fails_and_names_the_line(house: House) -> None:
    browser(house.cast.ana).get(f"/patients/{house.jose.pk}/")
    with door():
        Opening.objects.update(made_by=house.cast.rosa.pk)
    answer = told()
    assert not answer.holds
    assert f"{Opening.objects.get().pk}: It is not what was written." in list(answer.lines)
