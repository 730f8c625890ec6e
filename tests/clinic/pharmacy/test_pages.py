"""Prescribing and handing out as a tablet meets them: forms are read from the page and posted back."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from clinic.pharmacy.models import Allergy, AllergyRefutation, DispensedItem, PrescriptionLine
from clinic.pharmacy.selectors import tell_line
from clinic.visits.models import Visit
from tests.clinic.pharmacy.shelf import SOON, Shelf
from tests.clinic.visits.test_pages import forms_on, open_page, submit, text_of

ANSWERS = {"dose": "1", "frequency": "three-times", "days": "5"}


def prescribing(client: Client, shelf: Shelf, visit: Visit, code: str = "AMOX") -> tuple[str, Any]:
    """The address and the form of one medicine."""
    action = reverse("prescribe-medicine", args=[visit.pk, shelf[code].pk])
    return action, forms_on(open_page(client, "prescribe-medicine", visit.pk, shelf[code].pk))[action]


def dispensing(client: Client, prescription: Any, **query: str) -> tuple[str, Any]:
    """The address and the form of a prescription; its form posts to the page itself."""
    page = open_page(client, "dispense", prescription.pk, **query)
    action = reverse("dispense", args=[prescription.pk])
    start = page.index('id="dispense-form"')
    body = page[start : page.index("</form>", start)]
    return action, forms_on(f'<form action="{action}">{body}</form>')[action]


def test_a_provider_chooses_a_medicine_and_taps_three_chips(shelf: Shelf, visit: Visit) -> None:
    client = shelf.day.browser(shelf.day.cast.ana)
    assert reverse("prescribe", args=[visit.pk]) in open_page(client, "visit", visit.pk)
    assert "Paracetamol 500 mg tablet" in text_of(open_page(client, "prescribe", visit.pk))
    found = text_of(open_page(client, "prescribe", visit.pk, q="amoxicilina"))
    assert "Amoxicillin 500 mg capsule" in found
    assert "Clotrimazole" not in found
    action, form = prescribing(client, shelf, visit)
    for _ in range(2):  # a double tap
        assert submit(client, action, form, **ANSWERS)["Location"] == reverse("prescribe", args=[visit.pk])
    assert PrescriptionLine.objects.get().quantity == 15
    page = text_of(open_page(client, "prescribe", visit.pk))
    assert "1 capsule. 3 times a day, 5 days" in page
    assert "Prescribed: Amoxicillin 500 mg capsule. Saved on the clinic laptop." in page


def test_a_length_that_nobody_chose_is_asked_for(shelf: Shelf, visit: Visit) -> None:
    client = shelf.day.browser(shelf.day.cast.ana)
    action, form = prescribing(client, shelf, visit)
    refused = submit(client, action, form, dose="1", frequency="three-times")
    assert refused.status_code == 422
    assert "Write a number of days from 1 to 365." in text_of(refused.content.decode())
    assert submit(client, action, form, dose="2", frequency="once").status_code == 302
    assert (PrescriptionLine.objects.get().days, PrescriptionLine.objects.get().quantity) == (1, 2)


def test_the_quantity_is_told_while_one_answers(shelf: Shelf, visit: Visit) -> None:
    client = shelf.day.browser(shelf.day.cast.ana)
    args = [shelf["SYR"].pk]
    assert "120 ml" in text_of(open_page(client, "prescribe-comes-to", *args, **{**ANSWERS, "dose": "5"}))
    other = {"dose": "other", "dose_other": "٢٫٥", "frequency": "twice", "days": "other", "days_other": "4"}
    assert "60 ml" in text_of(open_page(client, "prescribe-comes-to", *args, **other))
    assert "Choose dose" in text_of(open_page(client, "prescribe-comes-to", *args, frequency="twice"))


def test_an_allergy_stands_above_the_form_and_asks_for_a_reason(shelf: Shelf, visit: Visit) -> None:
    nurse = shelf.day.browser()
    action = reverse("patient-allergies", args=[visit.patient_id])
    form = forms_on(open_page(nurse, "patient-allergies", visit.patient_id))[action]
    assert submit(nurse, action, form, group="J01C", severity="severe").status_code == 302
    assert Allergy.objects.get().substance == "Penicillins"
    client = shelf.day.browser(shelf.day.cast.ana)
    for name, args in (("visit", [visit.pk]), ("patient", [visit.patient_id])):
        assert "Allergy: Penicillins" in text_of(open_page(client, name, *args))
    action, form = prescribing(client, shelf, visit)
    refused = submit(client, action, form, **ANSWERS)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Allergy: Penicillins." in text_of(page)
    assert "Write why you prescribe it nevertheless." in text_of(page)
    again = forms_on(page)[action]
    assert dict(again.posted)["frequency"] == "three-times"
    assert submit(client, action, again, override="No other").status_code == 302
    assert "In spite of a warning: No other" in text_of(open_page(client, "visit", visit.pk))


def test_only_a_provider_refutes_an_allergy_and_it_stays_to_be_read(shelf: Shelf, visit: Visit) -> None:
    nurse, client = shelf.day.browser(), shelf.day.browser(shelf.day.cast.ana)
    action = reverse("patient-allergies", args=[visit.patient_id])
    form = forms_on(open_page(nurse, "patient-allergies", visit.patient_id))[action]
    assert submit(nurse, action, form).status_code == 422
    assert submit(nurse, action, form, substance="Peanuts", reaction="Swelling").status_code == 302
    refute = reverse("allergy-refute", args=[Allergy.objects.get().pk])
    assert refute not in forms_on(open_page(nurse, "patient-allergies", visit.patient_id))
    form = forms_on(open_page(client, "patient-allergies", visit.patient_id))[refute]
    assert submit(client, refute, form, reason="Ate them since").status_code == 302
    assert AllergyRefutation.objects.get().by == shelf.day.cast.ana.pk
    page = text_of(open_page(client, "patient-allergies", visit.patient_id))
    assert page.index("Found to be none") < page.index("Peanuts") < page.index("Ate them since")


def lots_in(form: Any) -> list[str]:
    """The names of the numbers to fill in, in the page's order."""
    return [name for name, _value in form.posted if name.startswith("lot-")]


def test_the_pharmacist_finds_the_lots_filled_in_and_gives_less(shelf: Shelf, visit: Visit) -> None:
    shelf.receive(quantity=100, lot="L")
    shelf.receive(quantity=10, lot="S", expires=SOON)
    prescription = shelf.prescribe("AMOX", visit=visit)
    client = shelf.day.browser(shelf.day.pia)
    assert "José Pérez" in text_of(open_page(client, "pharmacy"))
    action, form = dispensing(client, prescription)
    early, late = lots_in(form)
    assert (dict(form.posted)[early], dict(form.posted)[late]) == ("10", "5")
    done = submit(client, action, form, **{late: "2"})
    assert done.status_code == 302
    assert [(one.lot_number, one.quantity) for one in DispensedItem.objects.all()] == [("S", 10), ("L", 2)]
    assert tell_line(shelf.line(prescription)).standing.remaining == 3
    page = client.get(done["Location"], secure=True).content.decode()
    assert "Hand out the rest" in text_of(page)


def test_a_double_tap_hands_out_once_and_ends_on_one_page(shelf: Shelf, visit: Visit) -> None:
    shelf.receive()
    client = shelf.day.browser(shelf.day.pia)
    action, form = dispensing(client, shelf.prescribe("AMOX", visit=visit))
    ends = {submit(client, action, form)["Location"] for _ in range(2)}
    assert len(ends) == 1
    assert shelf.balance() == 85


def test_a_number_never_moves_to_another_lot(shelf: Shelf, visit: Visit) -> None:
    shelf.receive(quantity=10, lot="S", expires=SOON)
    shelf.receive(quantity=100, lot="L")
    prescription = shelf.prescribe("AMOX", visit=visit)
    client = shelf.day.browser(shelf.day.pia)
    action, form = dispensing(client, prescription)
    shelf.give(shelf.prescribe("AMOX"), 10)  # another station empties the first lot
    refused = submit(client, action, form)
    assert refused.status_code == 422
    assert "Stock moved while you wrote." in text_of(refused.content.decode())
    assert shelf.balance(lot="L") == 100


def test_more_than_there_is_comes_back_beside_its_number_with_everything_typed(
    shelf: Shelf, visit: Visit
) -> None:
    shelf.receive(quantity=4)
    shelf.receive("PARA", 100)
    prescription = shelf.prescribe("AMOX", "PARA", visit=visit)
    client = shelf.day.browser(shelf.day.pia)
    action, form = dispensing(client, prescription)
    amox, para = lots_in(form)
    refused = submit(client, action, form, **{amox: "9", para: "11"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Only 4 are in stock. Hand out less, or choose another lot." in text_of(page)
    before, after = page.split(f'name="{amox}"')
    assert "Only 4 are in stock." in before[before.rindex('class="field ') :]
    assert 'value="9"' in after[:60]
    assert 'value="11"' in page
    assert not DispensedItem.objects.exists()


def test_another_medicine_is_given_with_a_reason(shelf: Shelf, visit: Visit) -> None:
    shelf.receive("AMP", 60)
    prescription = shelf.prescribe("AMOX", visit=visit)
    client, line = shelf.day.browser(shelf.day.pia), shelf.line(prescription)
    page = open_page(client, "dispense", prescription.pk)
    assert "None in stock." in text_of(page)
    query = {f"instead-{line.pk}": str(shelf["AMP"].pk)}
    assert f"instead-{line.pk}" in page
    action, form = dispensing(client, prescription, **query)
    address = f"{action}?instead-{line.pk}={shelf['AMP'].pk}"
    (lot,) = lots_in(form)
    assert submit(client, address, form, **{lot: "15"}).status_code == 422
    assert submit(client, address, form, **{lot: "15", f"note-{line.pk}": "None left"}).status_code == 302
    assert tell_line(line).standing.state == "dispensed"


def test_a_mistake_is_taken_back_with_a_reason(shelf: Shelf, visit: Visit) -> None:
    shelf.receive()
    item = shelf.give(shelf.prescribe("AMOX", visit=visit), 15).items.get()
    client, address = shelf.day.browser(shelf.day.pia), reverse("dispensing", args=[item.dispensing_id])
    assert client.post(address, {"item": str(item.pk)}, secure=True).status_code == 422
    assert client.post(address, {"item": str(item.pk), "reason": "Wrong bag"}, secure=True).status_code == 302
    assert shelf.balance() == 100


def test_a_label_speaks_the_language_of_whoever_takes_it(shelf: Shelf, visit: Visit) -> None:
    shelf.receive()
    given = shelf.give(shelf.prescribe("AMOX", visit=visit), 15)
    client = shelf.day.browser(shelf.day.pia)
    page = open_page(client, "dispensing-labels", given.pk)
    assert "1 capsule. 3 times a day, 5 days" in text_of(page)
    assert 'dir="rtl"' in open_page(client, "dispensing-labels", given.pk, language="ar")


def test_a_line_is_cancelled_or_ended_with_a_tap(shelf: Shelf, visit: Visit) -> None:
    prescription = shelf.prescribe("AMOX", "PARA", visit=visit)
    amox, para = prescription.lines.order_by("made_seq")
    ana, pia = shelf.day.browser(shelf.day.cast.ana), shelf.day.browser(shelf.day.pia)
    cancel = reverse("prescription-cancel", args=[amox.pk])
    submit(ana, cancel, forms_on(open_page(ana, "prescribe", visit.pk))[cancel])
    end = reverse("prescription-end", args=[para.pk])
    submit(pia, end, forms_on(open_page(pia, "dispense", prescription.pk))[end], reason="Not in stock")
    assert [tell_line(line).standing.state for line in (amox, para)] == ["cancelled", "ended"]
    assert "Nothing of this is left to hand out." in text_of(open_page(pia, "dispense", prescription.pk))


def test_pages_are_for_those_who_may(shelf: Shelf, visit: Visit) -> None:
    prescription = shelf.prescribe("AMOX", visit=visit)
    rosa = shelf.day.browser(shelf.day.cast.rosa)
    for name, args in (
        ("prescribe", [visit.pk]),
        ("prescribe-medicine", [visit.pk, shelf["AMOX"].pk]),
        ("dispense", [prescription.pk]),
        ("pharmacy", []),
    ):
        assert rosa.get(reverse(name, args=args), secure=True).status_code == 403, name
        assert Client().get(reverse(name, args=args), secure=True).status_code == 302
