"""What a provider asks for without Wi-Fi: prescriptions, allergies, orders. Once, in their name; and nobody's
reason is taken for a warning that they never saw.
"""

from __future__ import annotations

import pytest
from django.http import QueryDict
from django.urls import reverse

from clinic.lab.models import LabOrder
from clinic.pharmacy.models import Allergy, PrescriptionLine
from clinic.pharmacy.prescribing import note_allergy
from clinic.tablet.models import Draft
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from tests.clinic.lab.conftest import liz
from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.tablet.conftest import Tablet, hand
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, open_page

__all__ = ["liz"]


@pytest.fixture
def shelf(day: Day) -> Shelf:
    return Shelf.filled(day)


@pytest.fixture
def anas(day: Day, shelf: Shelf, liz: StaffMember) -> Tablet:
    return hand(day, day.cast.ana)


def written(tablet: Tablet, name: str, *args: object, **values: object) -> tuple[str, QueryDict]:
    """A form as it is on the screen, filled in."""
    address = reverse(name, args=args)
    posted = forms_on(open_page(tablet.client, name, *args))[address].post().copy()
    for field, value in values.items():
        posted.setlist(field, value if isinstance(value, list) else [str(value)])
    return address, posted


def prescription(tablet: Tablet, visit: Visit, shelf: Shelf, **more: object) -> tuple[str, QueryDict]:
    said = {"dose": "1", "frequency": "three-times", "days": "5"} | more
    return written(tablet, "prescribe-medicine", visit.pk, shelf["AMOX"].pk, **said)


def test_each_is_written_once_by_its_author(day: Day, visit: Visit, shelf: Shelf, anas: Tablet) -> None:
    forms = [
        prescription(anas, visit, shelf),
        written(anas, "patient-allergies", visit.patient_id, substance="Honey"),
        written(anas, "lab-order", visit.pk, tests=["hb", "malaria-rdt"]),
    ]
    items = [anas.seal(anas.typed(*form)) for form in forms]
    assert anas.send(*items) == ["saved"] * 3
    assert anas.send(*items, *(anas.seal(anas.typed(*form)) for form in forms)) == ["already"] * 6
    assert [(one.quantity, one.by) for one in PrescriptionLine.objects.all()] == [(15, day.cast.ana.pk)]
    assert [(one.substance, one.by) for one in Allergy.objects.all()] == [("Honey", day.cast.ana.pk)]
    assert {(one.test.code, one.made_by) for one in LabOrder.objects.all()} == {
        ("hb", day.cast.ana.pk),
        ("malaria-rdt", day.cast.ana.pk),
    }
    assert not Draft.objects.exists()


def test_a_warning_that_came_up_meanwhile_is_asked_about(
    day: Day, visit: Visit, shelf: Shelf, anas: Tablet
) -> None:
    shelf.prescribe("AMOX", visit=visit)  # so that a reason is asked for, and given, for something else
    address, posted = prescription(anas, visit, shelf, override="Five days more")
    note_allergy(by=day.nurse, patient=visit.patient, facility=day.cast.bocas, substance="Penicillin")
    assert anas.send(anas.seal(anas.typed(address, posted))) == ["kept"]
    assert PrescriptionLine.objects.count() == 1
    draft = Draft.objects.get()
    assert "Your save needs you" in open_page(anas.client, "prescribe-medicine", visit.pk, shelf["AMOX"].pk)
    page = anas.client.post(address, {"draft": "continue", "draft_id": draft.pk}, secure=True)
    html = page.content.decode()
    assert (page.status_code, "Penicillin" in html, "This warning is new" in html) == (200, True, False)
    again = forms_on(html)[address].post().copy()
    assert again["override"] == "Five days more"
    again["override"] = "No reaction in 2020"
    again["draft_id"] = str(draft.pk)
    assert anas.client.post(address, again.dict(), secure=True).status_code == 302
    line = PrescriptionLine.objects.latest("made_stamp")
    assert (line.cautions, line.override) == ("allergy duplicate", "No reaction in 2020")
    assert not Draft.objects.exists()


def test_the_reason_for_a_warning_that_was_seen_is_taken(
    day: Day, visit: Visit, shelf: Shelf, anas: Tablet
) -> None:
    note_allergy(by=day.nurse, patient=visit.patient, facility=day.cast.bocas, substance="Penicillin")
    form = prescription(anas, visit, shelf, override="No reaction in 2020")
    assert anas.send(anas.seal(anas.typed(*form))) == ["saved"]
    assert PrescriptionLine.objects.get().override == "No reaction in 2020"


@pytest.mark.parametrize(
    ("name", "said", "shown"),
    [
        ("patient-allergies", {"substance": "Honey"}, 'value="Honey"'),
        ("lab-order", {"tests": ["hb"], "note": "Before noon"}, "Before noon"),
    ],
)
def test_what_was_begun_is_offered_again(
    day: Day, visit: Visit, anas: Tablet, name: str, said: dict[str, object], shown: str
) -> None:
    address, posted = written(
        anas, name, visit.patient_id if name == "patient-allergies" else visit.pk, **said
    )
    typed = anas.typed(address, posted)
    assert anas.send(anas.seal(typed, kind="draft")) == ["draft"]
    page = anas.client.post(address, {"draft": "continue", "draft_id": typed["id"]}, secure=True)
    html = page.content.decode()
    assert (page.status_code, shown in html, "Please check this" in html) == (200, True, False)
    assert forms_on(html)[address].post()["save_id"] == posted["save_id"]
