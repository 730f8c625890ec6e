"""Counting the shelf as somebody taps through it: a part at a time, and nothing that was counted is lost."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from clinic.pharmacy.models import StockMovement
from clinic.pharmacy.shelves import MOST_LOTS, Shelf, shelf_at, shelves
from clinic.pharmacy.stock import stock_of
from tests.clinic.pharmacy.shelf import Shelf as Pharmacy
from tests.clinic.pharmacy.test_stock_pages import own_form, pia
from tests.clinic.visits.test_pages import open_page, submit, text_of

ADDRESS = "/stock/count/"


def parts(pharmacy: Pharmacy) -> list[Shelf]:
    return shelves(stock_of(pharmacy.here))


def fill(pharmacy: Pharmacy, **lots: int) -> None:
    """So many lots of each medicine."""
    for code, number in lots.items():
        for place in range(number):
            pharmacy.receive(code, 10 + place, f"{code}{place}")


def place_of(page: str, lot: str) -> str:
    """The name of the box of a lot."""
    (name,) = [one for one, value in own_form(page).posted if one.startswith("lot-") and value.endswith(lot)]
    return f"counted-{name.removeprefix('lot-')}"


def test_a_count_writes_only_what_was_counted(shelf: Pharmacy) -> None:
    shelf.receive()
    shelf.receive("PARA", 40)
    client = pia(shelf)
    page = open_page(client, "stock-count")
    form = own_form(page)
    (name,) = [one for one, value in form.posted if one.startswith("lot-") and str(shelf["AMOX"].pk) in value]
    counted = f"counted-{name.removeprefix('lot-')}"
    assert submit(client, ADDRESS, form).status_code == 422
    assert submit(client, ADDRESS, form, **{counted: "93"}).status_code == 302
    assert shelf.balance() == 93
    assert StockMovement.objects.filter(kind="count").count() == 1
    assert "Counted today." in text_of(open_page(client, "stock-count"))


def test_a_lot_that_moved_meanwhile_is_shown_again_with_what_was_counted(shelf: Pharmacy) -> None:
    shelf.receive()
    client = pia(shelf)
    form = own_form(open_page(client, "stock-count"))
    shelf.give(shelf.prescribe("AMOX"), 3)
    refused = submit(client, ADDRESS, form, **{"counted-0": "95"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Now 97 are written. Look at the shelf again." in text_of(page)
    again = own_form(page)
    assert {("counted-0", "95"), ("shown-0", "97")} <= set(again.posted)
    assert submit(client, ADDRESS, again).status_code == 302
    assert shelf.balance() == 95


def test_a_small_stock_is_one_page(shelf: Pharmacy) -> None:
    fill(shelf, AMOX=3, PARA=3)
    page = open_page(pia(shelf), "stock-count")
    assert len(parts(shelf)) == 1
    assert "Save the count" in text_of(page)
    assert "Going to another letter" not in text_of(page)


def test_a_large_stock_is_cut_by_letters(shelf: Pharmacy) -> None:
    fill(shelf, AMOX=8, AMP=8, CREAM=3, PARA=12, SYR=6)
    assert [(one.label, one.lots) for one in parts(shelf)] == [("A–C", 19), ("P", 18)]
    assert [shelf_at(parts(shelf), asked) for asked in ("", "a", "c", "Ó", "p", "z")] == [0, 0, 0, 0, 1, 1]


def test_a_letter_with_very_many_lots_is_cut_again(shelf: Pharmacy) -> None:
    fill(shelf, AMOX=MOST_LOTS, AMP=1, CREAM=2)
    assert [one.label for one in parts(shelf)] == ["Am", "C"]
    stock = stock_of(shelf.here)
    for one in stock:
        if one.medicine.code == "CREAM":
            one.medicine.name = "Aciclovir"
    assert [(one.label, one.lots) for one in shelves(stock)] == [("Ac", 2), ("Am", 21)]


def large(shelf: Pharmacy) -> tuple[Client, str]:
    fill(shelf, AMOX=MOST_LOTS, PARA=5)
    client = pia(shelf)
    return client, open_page(client, "stock-count")


def test_going_to_another_letter_saves_this_page_first(shelf: Pharmacy) -> None:
    client, page = large(shelf)
    assert "PARA0" not in page
    answer = submit(client, ADDRESS, own_form(page), **{place_of(page, "AMOX0"): "7", "next": "p"})
    assert answer["Location"] == f"{ADDRESS}?from=p"
    assert shelf.balance(lot="AMOX0") == 7
    page = client.get(answer["Location"], secure=True).content.decode()
    assert "Counted. Saved on the clinic laptop." in text_of(page)
    assert "AMOX0" not in page
    assert "19 not counted today" in text_of(page)
    answer = submit(client, f"{ADDRESS}?from=p", own_form(page), **{place_of(page, "PARA0"): "9", "next": ""})
    assert answer["Location"] == reverse("stock")
    assert StockMovement.objects.filter(kind="count").count() == 2


def test_a_page_where_nothing_was_written_may_be_left(shelf: Pharmacy) -> None:
    client, page = large(shelf)
    answer = submit(client, ADDRESS, own_form(page), next="p")
    assert answer["Location"] == f"{ADDRESS}?from=p"
    assert not StockMovement.objects.filter(kind="count").exists()


def test_what_cannot_be_saved_stays_on_its_page(shelf: Pharmacy) -> None:
    client, page = large(shelf)
    form, box = own_form(page), place_of(page, "AMOX0")
    answer = submit(client, ADDRESS, form, **{box: "many", "next": "p"})
    assert answer.status_code == 422
    assert (box, "many") in own_form(answer.content.decode()).posted
    assert not StockMovement.objects.filter(kind="count").exists()
    shelf.receive("AMP", 4, "NEW")  # the letters may lie differently by now
    answer = submit(client, ADDRESS, form, **{box: "7", "next": "p"})
    assert answer.status_code == 302
    assert shelf.balance(lot="AMOX0") == 7


def test_the_last_number_of_a_medicine_counts_it_away(shelf: Pharmacy) -> None:
    """A lot of which nothing is left is on no shelf."""
    client, page = large(shelf)
    submit(client, ADDRESS, own_form(page), **{place_of(page, "AMOX3"): "0", "next": "a"})
    assert "AMOX3" not in open_page(client, "stock-count")
