"""The pharmacy's list asks the database as often for forty people as for four."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.clinic.pharmacy.shelf import Shelf
from tests.registry.conftest import make_patient


def asked(shelf: Shelf, name: str, *args: object) -> int:
    client = shelf.day.browser(shelf.day.pia)
    address = reverse(name, args=args)
    client.get(address, secure=True)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address, secure=True).status_code == 200
    return len(seen)


def test_a_longer_list_of_who_waits_asks_no_more(shelf: Shelf) -> None:
    counts = []
    for length in (2, 6):
        for number in range(length):
            patient = make_patient(shelf.day.rosa, f"Name{length}{number}", "Smith").patient
            shelf.prescribe("AMOX", patient=patient)
        counts.append(asked(shelf, "pharmacy"))
    assert counts[0] == counts[1]
