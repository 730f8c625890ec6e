"""Wrong answers at the pharmacy: each a sentence beside its field, and nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clinic.pharmacy.models import Allergy, Dispensing, Medicine, PrescriptionLine, StockMovement
from clinic.visits.models import Visit
from tests.clinic.forms.page import Page
from tests.clinic.lab.test_bad_input import LONG, beside
from tests.clinic.pharmacy.shelf import LIST, SOON, Shelf
from tests.clinic.pharmacy.test_pages import ANSWERS, dispensing, lots_in, prescribing
from tests.clinic.pharmacy.test_stock_pages import own_form, pia
from tests.clinic.visits.test_pages import forms_on, open_page, submit, text_of

OVERRIDE = "\u202e"
BOX = {"quantity": "20", "lot_number": "A1", "expires_on": "2028-06-30", "note": "By boat"}


def test_more_than_is_in_stock_is_told_beside_the_lot(shelf: Shelf, visit: Visit) -> None:
    shelf.receive(quantity=8, lot="L")
    shelf.receive(quantity=4, lot="S", expires=SOON)
    prescription = shelf.prescribe("AMOX", visit=visit)
    client = pia(shelf)
    action, form = dispensing(client, prescription)
    early, late = lots_in(form)
    refused = submit(client, action, form, **{early: "5", late: "3"})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "Only 4 are in stock." in beside(page, f"id_{early}")
    kept = dict(Page(page).posted)
    assert (kept[early], kept[late]) == ("5", "3")
    assert not Dispensing.objects.exists()
    assert shelf.balance(lot="L") == 8


@pytest.mark.parametrize("typed", ["-1", "2.5", "many", "9" * 40, "1e5000"])
def test_a_number_that_nobody_can_hand_out(shelf: Shelf, visit: Visit, typed: str) -> None:
    shelf.receive(quantity=8)
    client = pia(shelf)
    action, form = dispensing(client, shelf.prescribe("AMOX", visit=visit))
    (lot,) = lots_in(form)
    refused = submit(client, action, form, **{lot: typed})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert beside(page, f"id_{lot}").strip()
    assert dict(Page(page).posted)[lot] == typed
    assert not Dispensing.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("expires_on", "2026-02-31", "valid date"),
        ("expires_on", "31/12/2028 or so", "valid date"),
        ("expires_on", "9999-12-31", "This date cannot be right."),
        ("expires_on", "1987-01-31", "This date cannot be right."),
        ("expires_on", "2020-01-31", "This has expired."),
        ("quantity", "0", "1 or more"),
        ("quantity", "99999999999", "too large"),
        ("lot_number", "A" * 60, "at most 40"),
        ("note", LONG, "at most 200"),
    ],
)
def test_a_box_that_cannot_have_come(shelf: Shelf, field: str, typed: str, sentence: str) -> None:
    client, action = pia(shelf), reverse("stock-receive", args=[shelf["AMOX"].pk])
    form = forms_on(open_page(client, "stock-receive", shelf["AMOX"].pk))[action]
    refused = submit(client, action, form, **{**BOX, field: typed})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert sentence in beside(page, f"id_{field}")
    assert {**BOX, field: typed}.items() <= dict(Page(page).posted).items()
    assert not StockMovement.objects.exists()


def test_a_lot_number_with_a_hidden_sign_is_shown_without_it(shelf: Shelf) -> None:
    client, action = pia(shelf), reverse("stock-receive", args=[shelf["AMOX"].pk])
    form = forms_on(open_page(client, "stock-receive", shelf["AMOX"].pk))[action]
    page = submit(client, action, form, **BOX | {"lot_number": f"A{OVERRIDE}1"}).content.decode()
    assert "A hidden sign turns this name round." in beside(page, "id_lot_number")
    again = forms_on(page)[action]
    assert dict(again.posted)["lot_number"] == "A1"
    assert submit(client, action, again).status_code == 302
    assert shelf.balance() == 20


def test_what_somebody_reacts_to_has_no_hidden_sign(shelf: Shelf, visit: Visit) -> None:
    nurse, action = shelf.day.browser(), reverse("patient-allergies", args=[visit.patient_id])
    form = forms_on(open_page(nurse, "patient-allergies", visit.patient_id))[action]
    said = {"substance": f"Pea{OVERRIDE}stun", "reaction": "Swelling", "severity": "severe"}
    page = submit(nurse, action, form, **said).content.decode()
    assert "A hidden sign turns this name round." in beside(page, "id_substance")
    again = forms_on(page)[action]
    assert {"substance": "Peastun", "reaction": "Swelling"}.items() <= dict(again.posted).items()
    assert not Allergy.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"instructions": LONG}, "instructions", "at most 200"),
        ({"dose": "other", "dose_other": "-2"}, "dose_other", "cannot be right"),
        ({"dose": "other", "dose_other": "two"}, "dose_other", "Write a number"),
        ({"days": "other", "days_other": "4000"}, "days_other", "1 to 365"),
        ({"quantity": "0.5"}, "quantity", "whole number"),
    ],
)
def test_a_prescription_that_cannot_be(
    shelf: Shelf, visit: Visit, changed: dict[str, Any], field: str, sentence: str
) -> None:
    client = shelf.day.browser(shelf.day.cast.ana)
    action, form = prescribing(client, shelf, visit)
    refused = submit(client, action, form, **ANSWERS | changed)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert sentence in beside(page, f"id_{field}")
    kept = dict(forms_on(page)[action].posted)
    assert (ANSWERS | changed).items() <= kept.items()
    assert not PrescriptionLine.objects.exists()


def test_a_count_that_cannot_be_comes_back(shelf: Shelf) -> None:
    shelf.receive("AMOX", 10)
    shelf.receive("PARA", 20, "S")
    client, action = pia(shelf), reverse("stock-count")
    form = own_form(open_page(client, "stock-count"))
    refused = submit(client, action, form, **{"counted-0": "9", "counted-1": "-3"})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "0 or more" in beside(page, "id_counted-1")
    assert dict(Page(page).posted)["counted-0"] == "9"
    assert StockMovement.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("NEW,Aspirin,pill,1 g,tablet,N02BA01,1,0", "Row 8, form, “pill”: This word is not known."),
        ("NEW,Aspirin,tablet,1 g,tablet,2NB,1,0", "Row 8, atc, “2NB”: This is no ATC code."),
        ("NEW,Aspirin,tablet,1 g,tablet,,1,-4", "Row 8, min_stock, “-4”: Write a whole number."),
        ("PARA,Aspirin,tablet,1 g,tablet,,1,0", "Row 8, code, “PARA”: Row 5 has the same code."),
        (f"NEW,Aspi{OVERRIDE}rin,tablet,1 g,tablet,,1,0", "Row 8, name, “Aspirin”: A hidden sign"),
        (f"{'X' * 90},Aspirin,tablet,1 g,tablet,,1,0", f"Row 8, code, “{'X' * 30}…”: This is too long."),
    ],
)
def test_a_row_of_a_list_that_is_wrong(shelf: Shelf, row: str, said: str) -> None:
    before = list(Medicine.objects.values_list("code", "name"))
    shelf.day.node.role = "central"
    office = shelf.day.browser(shelf.day.cast.olga)
    file = SimpleUploadedFile("list.csv", f"{LIST}{row}\n".encode())
    page = office.post(reverse("medicines-import"), {"file": file}, secure=True).content.decode()
    assert said in text_of(page)
    assert "Correct these rows and choose the file again." in text_of(page)
    assert list(Medicine.objects.values_list("code", "name")) == before


def test_a_medicine_that_is_in_no_list_is_told_by_its_field(shelf: Shelf, visit: Visit) -> None:
    line = {"medicine": "AMOXX", "dose": "1", "frequency": "daily", "days": 3}
    body = {"patient": str(visit.patient_id), "lines": [line]}
    client = shelf.day.browser(shelf.day.cast.ana)
    refused = client.post("/api/v1/prescriptions/", body, content_type="application/json", secure=True)
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown-medicine")
    assert any("medicine" in name for name in refused.json()["errors"])


@pytest.mark.parametrize(("reason", "sentence"), [("  ", "Write why."), (LONG, "at most 200")])
def test_why_an_allergy_is_none_comes_back(shelf: Shelf, visit: Visit, reason: str, sentence: str) -> None:
    nurse, client = shelf.day.browser(), shelf.day.browser(shelf.day.cast.ana)
    action = reverse("patient-allergies", args=[visit.patient_id])
    form = forms_on(open_page(nurse, "patient-allergies", visit.patient_id))[action]
    assert submit(nurse, action, form, substance="Peanuts").status_code == 302
    refute = reverse("allergy-refute", args=[Allergy.objects.get().pk])
    refused = client.post(refute, {"reason": reason}, secure=True)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert sentence in beside(page, f"reason-{Allergy.objects.get().pk}")
    assert reason in page
