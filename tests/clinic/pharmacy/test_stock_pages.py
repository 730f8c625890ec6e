"""The stock's pages: list, receive, adjust, and central's list.

Not here: counting (`test_count_pages.py`).
"""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from clinic.pharmacy.models import Medicine
from tests.clinic.forms.page import Page
from tests.clinic.pharmacy.shelf import LATER, LIST, SOON, Shelf
from tests.clinic.visits.test_pages import forms_on, open_page, submit, text_of


def own_form(page: str) -> Page:
    """The form of a page that posts to itself."""
    start = page.index('<form method="post"', page.index("<main"))
    return Page(page[start : page.index("</form>", start)])


def pia(shelf: Shelf) -> Client:
    return shelf.day.browser(shelf.day.pia)


def test_the_list_shows_what_needs_somebody(shelf: Shelf) -> None:
    shelf.receive("AMOX", 10)
    shelf.receive("PARA", 500, "S", SOON)
    shelf.move("AMP", -2)
    client = pia(shelf)
    assert "10 capsules" in text_of(open_page(client, "stock"))
    shown = {only: text_of(open_page(client, "stock", only=only)) for only in ("low", "expiring", "count")}
    names = ("Amoxicillin", "Paracetamol", "Ampicillin")
    assert {only: [name for name in names if name in text] for only, text in shown.items()} == {
        "low": ["Amoxicillin"],
        "expiring": ["Paracetamol"],
        "count": ["Ampicillin"],
    }
    assert "Paracetamol" in text_of(open_page(client, "stock", q="parasetamol"))


def test_a_delivery_is_received(shelf: Shelf) -> None:
    client, amox = pia(shelf), shelf["AMOX"].pk
    assert reverse("stock-receive", args=[amox]) in open_page(client, "stock-receive-choose", q="amox")
    action = reverse("stock-receive", args=[amox])
    form = forms_on(open_page(client, "stock-receive", amox))[action]
    refused = submit(client, action, form, quantity="200", lot_number="a1", expires_on="2020-01-31")
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "This has expired. It cannot be taken in." in text_of(page)
    assert ("quantity", "200") in forms_on(page)[action].posted
    done = submit(client, action, form, quantity="٢٠٠", lot_number="a1", expires_on="2028-06-30")
    assert done["Location"] == reverse("stock-medicine", args=[amox])
    assert shelf.balance() == 200
    page = text_of(open_page(client, "stock-medicine", amox))
    assert "Lot A1, expires Jun 2028" in page
    assert "+200" in page


def test_a_lot_is_adjusted_with_a_reason(shelf: Shelf) -> None:
    shelf.receive()
    client, amox = pia(shelf), shelf["AMOX"].pk
    query = {"lot": "A1", "expires": LATER.isoformat()}
    address = f"{reverse('stock-adjust', args=[amox])}?lot=A1&expires={LATER}"
    form = own_form(open_page(client, "stock-adjust", amox, **query))
    refused = submit(client, address, form, reason="lost", quantity="101")
    assert refused.status_code == 422
    assert "Only 100 are in stock." in text_of(refused.content.decode())
    assert submit(client, address, form, reason="sent-elsewhere", quantity="1").status_code == 422
    assert submit(client, address, form, reason="damaged", quantity="8").status_code == 302
    assert shelf.balance() == 92
    assert "Broken or spoiled" in text_of(open_page(client, "stock-medicine", amox, **query))
    assert client.get(address.replace("2028", "soon"), secure=True).status_code == 404


def test_a_provider_looks_and_does_not_touch(shelf: Shelf) -> None:
    shelf.receive()
    client, amox = shelf.day.browser(shelf.day.cast.ana), shelf["AMOX"].pk
    assert "100 capsules" in text_of(open_page(client, "stock"))
    assert reverse("stock-receive", args=[amox]) not in open_page(client, "stock-medicine", amox)
    for name, args in (("stock-receive", [amox]), ("stock-count", []), ("stock-receive-choose", [])):
        assert client.get(reverse(name, args=args), secure=True).status_code == 403


def test_central_looks_at_a_file_before_taking_it_over(shelf: Shelf) -> None:
    shelf.day.node.role = "central"
    client, address = shelf.day.browser(shelf.day.cast.olga), reverse("medicines-import")
    bad = SimpleUploadedFile("bad.csv", b"name,form,unit\nZinc,cloud,tablet\n")
    page = client.post(address, {"file": bad}, secure=True).content.decode()
    assert "Row 2, form, “cloud”: This word is not known." in text_of(page)
    assert address not in forms_on(page) or "rows" not in dict(forms_on(page)[address].posted)
    good = SimpleUploadedFile("good.csv", (LIST + "ZN,Zinc,tablet,20 mg,tablet,A12CB01,100,0\n").encode())
    page = client.post(address, {"file": good}, secure=True).content.decode()
    assert not Medicine.objects.filter(code="ZN").exists()
    form = own_form(page)
    assert submit(client, address, form)["Location"] == reverse("medicines")
    assert Medicine.objects.filter(code="ZN").exists()
    assert "Zinc" in text_of(open_page(client, "medicines"))
    assert client.post(address, {}, secure=True).status_code == 422


def test_the_list_is_centrals(shelf: Shelf) -> None:
    assert pia(shelf).get(reverse("medicines-import"), secure=True).status_code == 403
