"""Records of every room on the pages that are open: who is told that something new was written."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.board.shown import picture_of, visit_digest
from clinic.lab.services import order_tests, report_result
from clinic.pharmacy.prescribing import note_allergy
from clinic.visits.following import ask_follow_up
from clinic.visits.models import Visit
from clinic.visits.selectors import standing
from clinic.visits.services import enrol
from registry.people.selectors import today
from registry.staff.models import StaffMember
from tests.clinic.lab.conftest import liz
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.visits.day import Day

__all__ = ["liz"]


@pytest.fixture
def shelf(day: Day) -> Shelf:
    return Shelf.filled(day)


def test_every_room_that_writes_of_a_patient_is_told_on_their_open_pages(
    day: Day, visit: Visit, shelf: Shelf, liz: StaffMember
) -> None:
    parts = [f"visit:{visit.pk}", f"patient:{visit.patient_id}"]

    def digests() -> tuple[str, ...]:
        picture = picture_of(day.cast.bocas, parts)
        return tuple(picture.digest(part) for part in parts)

    here: dict[str, Any] = {"patient": visit.patient, "facility": day.cast.bocas}
    bench = day.cast.author(liz)
    seen = [digests()]
    assert digests() == seen[0]
    assert seen[0][0] == visit_digest(visit, standing(visit))
    shelf.receive()
    assert digests() == seen[0]  # the stock is nobody's record
    prescription = shelf.prescribe("AMOX", visit=visit)
    seen.append(digests())
    shelf.give(prescription, 5)
    seen.append(digests())
    note_allergy(by=day.nurse, substance="Penicillin", **here)
    seen.append(digests())
    order = order_tests(by=day.ana, tests=["hb"], visit=visit, **here)[0]
    seen.append(digests())
    report_result(by=bench, order=order, value="3.1")
    seen.append(digests())
    assert all(len(set(one)) == len(one) for one in zip(*seen, strict=True))
    for part in parts:
        drawn = picture_of(day.cast.bocas, parts).html(part, "en")
        assert "Critical result: Haemoglobin" in drawn
        assert "Allergy: Penicillin" in drawn


def test_a_page_that_shows_everything_is_told_of_nothing(day: Day, visit: Visit) -> None:
    """What the page says that it shows is what the feed has: nobody is told of their own save."""
    for name, key, part in (
        ("patient", visit.patient_id, f"patient:{visit.patient_id}"),
        ("visit", visit.pk, f"visit:{visit.pk}"),
    ):
        page = day.browser(day.tina).get(reverse(name, args=[key]), secure=True).content.decode()
        assert f'data-live-digest="{picture_of(day.cast.bocas, [part]).digest(part)}"' in page


def test_a_patient_whose_record_nobody_touched_is_not_told_of_another(day: Day) -> None:
    jose, luz = day.visit(), day.visit()
    parts = [f"patient:{jose.patient_id}", f"patient:{luz.patient_id}"]
    before = picture_of(day.cast.bocas, parts)
    day.triage(jose)
    after = picture_of(day.cast.bocas, parts)
    assert before.digest(parts[0]) != after.digest(parts[0])
    assert before.digest(parts[1]) == after.digest(parts[1])


def test_the_lists_renew_themselves(day: Day, visit: Visit, shelf: Shelf, liz: StaffMember) -> None:
    """The pharmacy's, the bench's, and the note on the working lists."""
    parts = ["list:pharmacy", "list:lab", "list:lab-seen", "list:due"]
    addresses = {"pharmacy": day.pia, "lab": liz, "worklist": day.tina}

    def shown() -> list[str]:
        """What the pages say that they show, as `live.js` tells the feed."""
        return [
            day.browser(who).get(reverse(name), secure=True).context["digest"]
            for name, who in addresses.items()
        ]

    def now() -> list[str]:
        picture = picture_of(day.cast.bocas, parts)
        return [picture.digest(part) for part in parts]

    before = now()
    assert [before[0], before[1], before[3]] == shown()
    shelf.prescribe("AMOX", visit=visit)
    with_medicine = now()
    assert [old != new for old, new in zip(before, with_medicine, strict=True)] == [True, False, False, False]
    order_tests(by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=["hb"], visit=visit)
    with_order = now()
    assert [old != new for old, new in zip(with_medicine, with_order, strict=True)] == [
        False,
        True,
        True,
        False,
    ]
    enrollment = enrol(by=day.ana, patient=visit.patient, program_version=day.child, facility=day.cast.bocas)
    ask_follow_up(by=day.ana, enrollment=enrollment, facility=day.cast.bocas, on=today())
    enrolled = now()
    assert with_order[3] != enrolled[3]
    assert [enrolled[0], enrolled[1], enrolled[3]] == shown()
    picture = picture_of(day.cast.bocas, parts)
    assert reverse("lab-results", args=[visit.patient_id]) in picture.html("list:lab", "en")
    assert reverse("lab-results", args=[visit.patient_id]) not in picture.html("list:lab-seen", "en")
    assert "Amoxicillin" in picture.html("list:pharmacy", "ar")


def test_a_part_renews_itself_without_the_feed_too(
    day: Day, visit: Visit, shelf: Shelf, liz: StaffMember
) -> None:
    shelf.prescribe("AMOX", visit=visit)
    for name, who in (("pharmacy", day.pia), ("lab", liz)):
        page = day.browser(who).get(reverse(name), headers={"HX-Request": "true"}, secure=True)
        assert page.status_code == 200
        assert "<html" not in page.content.decode()


def test_a_look_costs_the_same_however_much_is_shown(day: Day, shelf: Shelf, liz: StaffMember) -> None:
    visits = [day.visit() for _ in range(3)]
    for one in visits:
        shelf.prescribe("AMOX", visit=one)
        order_tests(by=day.ana, patient=one.patient, facility=day.cast.bocas, tests=["hb"], visit=one)

    def questions(shown: list[Visit]) -> int:
        asks = ["list:pharmacy", "list:lab", "list:due"]
        asks += [f"visit:{one.pk}" for one in shown] + [f"patient:{one.patient_id}" for one in shown]
        with CaptureQueriesContext(connection) as asked:
            picture_of(day.cast.bocas, asks)
        return len(asked)

    questions(visits)
    assert questions(visits) == questions(visits[:1])


def heard(day: Day, who: StaffMember, part: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parts that the stream which somebody asks for would tell."""
    made: list[Any] = []

    def streamed(topic: Any, key: Any, wish: Any) -> Any:
        from django.http import HttpResponse

        made.extend(wish.parts)
        return HttpResponse()

    monkeypatch.setattr("clinic.live.views.streamed", streamed)
    day.browser(who).get("/board/live/", {"parts": part}, secure=True)
    return made


def test_nobody_hears_of_a_list_that_they_may_not_open(
    day: Day, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert heard(day, day.tina, "list:pharmacy", monkeypatch) == []
    assert heard(day, day.pia, "list:pharmacy", monkeypatch) == ["list:pharmacy"]
    assert heard(day, day.tina, f"patient:{visit.patient_id}", monkeypatch) == [f"patient:{visit.patient_id}"]
    assert heard(day, day.tina, f"patient:{visit.pk}", monkeypatch) == []
