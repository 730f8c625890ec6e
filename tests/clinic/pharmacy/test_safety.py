"""What must not happen to a patient or to the shelf, however a page or a program asks for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from clinic.pharmacy import wording
from clinic.pharmacy.cautions import Substance, is_allergic
from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.models import Allergy, DispensedItem, Prescription, StockMovement
from clinic.pharmacy.policy import standing_of
from clinic.pharmacy.prescribing import Wanted, add_to_visit, note_allergy, prescribe
from clinic.pharmacy.selectors import MOST_WAITING, waiting_at
from clinic.pharmacy.stockkeeping import Counted, count
from clinic.visits.models import Visit
from registry.people.models import Patient
from sync.ledger.recording import recording
from sync.problems import Problem
from tests.clinic.pharmacy.shelf import LATER, Shelf
from tests.clinic.pharmacy.test_stock_pages import own_form
from tests.clinic.visits.test_pages import forms_on, open_page, submit, text_of

AMOXICILLIN = Substance("Amoxicillin", "J01CA04")
COTRIMOXAZOLE = Substance("Sulfamethoxazole + trimethoprim", "J01EE01")
FANSIDAR = Substance("Sulfadoxine + pyrimethamine", "P01BD51")
BURN_CREAM = Substance("Silver sulfadiazine", "D06BA01")
IBUPROFEN = Substance("Ibuprofen", "M01AE01")
PARACETAMOL = Substance("Paracetamol", "N02BE01")
CEFALEXIN = Substance("Cefalexin", "J01DB01")
MAGNESIUM = Substance("Magnesium sulfate", "B05XA05")
A1 = LotName("A1", LATER)


def allergic(shelf: Shelf, patient: Patient, substance: str = "Penicillins", atc: str = "J01C") -> Allergy:
    return note_allergy(
        by=shelf.day.nurse, patient=patient, facility=shelf.here, substance=substance, atc=atc
    )


def refusal(work: Any, *args: Any, **kwargs: Any) -> Problem:
    with pytest.raises(Problem) as refused:
        work(*args, **kwargs)
    return refused.value


# --- allergies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("medicine", "typed", "warned"),
    [
        (AMOXICILLIN, "penicillin", True),
        (AMOXICILLIN, "Penicilina", True),
        (AMOXICILLIN, "pénicilline", True),
        (AMOXICILLIN, "Penicilin injection", True),
        (AMOXICILLIN, "पेनिसिलिन", True),
        (AMOXICILLIN, "البنسلين", True),
        (AMOXICILLIN, "amoxycillin", True),
        (AMOXICILLIN, "amoxicilin", True),
        (AMOXICILLIN, "Augmentin", True),
        (AMOXICILLIN, "ampicillin", True),
        (COTRIMOXAZOLE, "sulfa", True),
        (COTRIMOXAZOLE, "Sulpha drugs", True),
        (COTRIMOXAZOLE, "Bactrim", True),
        (COTRIMOXAZOLE, "cotrimoxazole", True),
        (IBUPROFEN, "aspirin", True),
        (IBUPROFEN, "Aspirina", True),
        (CEFALEXIN, "cephalosporin", True),
        (PARACETAMOL, "penicillin", False),
        (PARACETAMOL, "aspirin", False),
        (MAGNESIUM, "sulfa", False),
        (CEFALEXIN, "penicillin", False),
        (AMOXICILLIN, "penicillamine", False),
        (COTRIMOXAZOLE, "sulfite", False),
    ],
)
def test_an_allergy_in_somebodys_own_words_is_understood(
    medicine: Substance, typed: str, warned: bool
) -> None:
    assert is_allergic(medicine, Substance(typed)) is warned


@pytest.mark.parametrize("medicine", [COTRIMOXAZOLE, FANSIDAR, BURN_CREAM])
def test_sulfonamides_are_one_family_wherever_the_tree_has_them(medicine: Substance) -> None:
    assert is_allergic(medicine, Substance("Sulfonamides", "J01E"))


def test_a_group_and_words_beside_it_are_never_half_an_allergy(shelf: Shelf, visit: Visit) -> None:
    nurse, action = shelf.day.browser(), reverse("patient-allergies", args=[visit.patient_id])
    form = forms_on(open_page(nurse, "patient-allergies", visit.patient_id))[action]
    refused = submit(nurse, action, form, group="J01C", substance="Peanuts")
    assert refused.status_code == 422
    assert "One allergy at a time." in text_of(refused.content.decode())
    assert not Allergy.objects.exists()


def test_nothing_else_is_handed_out_instead_that_the_patient_is_allergic_to(shelf: Shelf) -> None:
    shelf.receive("AMP")
    prescription = shelf.prescribe("PARA")
    allergic(shelf, prescription.patient)
    give = Give(shelf.line(prescription), 5, instead=shelf["AMP"], note="Out of stock")
    refused = refusal(dispense, by=shelf.pia, prescription=prescription, facility=shelf.here, items=[give])
    assert (refused.code, refused.status) == ("caution", 409)
    assert list(refused.fields) == ["items.0.quantity"]
    assert "Penicillins" in refused.fields["items.0.quantity"]
    assert not DispensedItem.objects.exists()


def test_an_allergy_noted_after_the_prescriber_looked_stops_the_hand_out(shelf: Shelf) -> None:
    shelf.receive()
    prescription = shelf.prescribe("AMOX")
    allergic(shelf, prescription.patient)
    assert refusal(shelf.give, prescription, 5).code == "caution"
    assert shelf.balance() == 100


def test_what_was_prescribed_in_spite_of_the_allergy_is_handed_out(shelf: Shelf) -> None:
    shelf.receive()
    patient = shelf.day.patient()
    allergic(shelf, patient)
    prescription = shelf.prescribe("AMOX", patient=patient, override="Tolerated it last year")
    shelf.give(prescription, 15)
    assert shelf.balance() == 85


# --- doses and lines --------------------------------------------------------------------------------------


def test_a_dose_is_never_kept_as_another_number(shelf: Shelf, visit: Visit) -> None:
    for typed in ("0.125", "0.001", "2.505"):
        refused = refusal(
            add_to_visit,
            by=shelf.day.ana,
            visit=visit,
            wanted=Wanted(shelf["SYR"], "twice", 5, Decimal(typed)),
        )
        assert list(refused.fields) == ["dose"]
    line = add_to_visit(
        by=shelf.day.ana, visit=visit, wanted=Wanted(shelf["SYR"], "twice", 5, Decimal("2.500"))
    )
    line.refresh_from_db()
    assert line.dose == Decimal("2.5")


def test_one_line_named_twice_is_not_handed_out_twice(shelf: Shelf) -> None:
    shelf.receive()
    prescription = shelf.prescribe("AMOX")
    line = shelf.line(prescription)
    refused = refusal(
        dispense,
        by=shelf.pia,
        prescription=prescription,
        facility=shelf.here,
        items=[Give(line, 15), Give(line, 15)],
    )
    assert list(refused.fields) == ["items.1.line"]
    assert shelf.balance() == 100


def test_cancelled_elsewhere_while_it_was_handed_out_is_said(shelf: Shelf) -> None:
    state, word = wording.state_of(standing_of(15, 15, {"cancelled"}))
    assert (state, word) == ("danger", "Cancelled, but handed out")
    assert wording.state_of(standing_of(15, 0, {"cancelled"})) == ("done", "Cancelled")


def test_whoever_came_last_is_on_the_pharmacys_list_however_long_it_is(shelf: Shelf) -> None:
    patient = shelf.day.patient()
    with recording(by=shelf.day.ana) as save:
        for _number in range(MOST_WAITING):
            header = save.add(
                Prescription,
                patient=patient,
                visit=None,
                facility=shelf.here,
                at=shelf.day.now - timedelta(days=3),
                by=shelf.day.ana.staff_id,
            )
            line = shelf["AMOX"]
            from clinic.pharmacy.models import PrescriptionLine

            save.add(
                PrescriptionLine,
                prescription=header,
                patient=patient,
                medicine=line,
                route="oral",
                frequency="twice",
                days=5,
                quantity=10,
                at=header.at,
            )
    newest = prescribe(
        by=shelf.day.ana,
        patient=shelf.day.patient(),
        facility=shelf.here,
        lines=[Wanted(shelf["AMOX"], "twice", 5, Decimal(1))],
    )
    listed = [told.prescription.pk for told in waiting_at(shelf.here)]
    assert len(listed) == MOST_WAITING
    assert listed[-1] == newest.pk


# --- counting ---------------------------------------------------------------------------------------------


def test_one_lot_counted_twice_is_asked_about(shelf: Shelf) -> None:
    shelf.receive(quantity=5)
    twice = [Counted(shelf["AMOX"], A1, 10), Counted(shelf["AMOX"], A1, 10)]
    refused = refusal(count, by=shelf.pia, facility=shelf.here, counted=twice)
    assert list(refused.fields) == ["counts.1.lot_number"]
    assert shelf.balance() == 5


def test_a_lot_used_up_while_it_was_counted_keeps_its_number(shelf: Shelf) -> None:
    shelf.receive("AMOX", 20, "A1")
    shelf.receive("AMP", 20, "B1")
    client = shelf.day.browser(shelf.day.pia)
    form = own_form(open_page(client, "stock-count"))
    shelf.move("AMOX", -20, A1)
    refused = submit(client, reverse("stock-count"), form, **{"counted-0": "18", "counted-1": "19"})
    assert refused.status_code == 422
    assert not StockMovement.objects.filter(kind="count").exists()
    page = refused.content.decode()
    assert "Now 0 are written. Look at the shelf again." in text_of(page)
    assert submit(client, reverse("stock-count"), own_form(page)).status_code == 302
    assert (shelf.balance("AMOX", "A1"), shelf.balance("AMP", "B1")) == (18, 19)
