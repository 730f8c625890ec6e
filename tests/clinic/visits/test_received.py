"""The patient's page says of every record where it has been received."""

from __future__ import annotations

import re

from django.db.models import F
from django.test import Client

from sync.ledger.models import Replica
from tests.clinic.visits.day import Day


def marks(page: str) -> list[list[str]]:
    """For each record the words of its marks."""
    lists = re.findall(r'<ul class="received">(.*?)</ul>', page, re.DOTALL)
    return [re.findall(r"<(?:span|bdi)>([^<]+)</", one) for one in lists]


def seen(day: Day, tablet: Client, patient_id: object) -> list[list[str]]:
    return marks(tablet.get(f"/patients/{patient_id}/").content.decode())


def test_every_record_says_where_it_is(day: Day) -> None:
    visit = day.visit()
    day.triage(visit)
    tablet = day.browser(day.cast.ana)
    here = ["tablet-3", "on this laptop", "not yet at central"]
    assert seen(day, tablet, visit.patient_id) == [here, here]
    # A receipt covers everything up to the visit, and not the form that was written after it.
    Replica.objects.filter(is_self=True).update(acked_seq=visit.made_seq)
    there = ["tablet-3", "on this laptop", "at central"]
    assert seen(day, tablet, visit.patient_id) == [there, here]
    Replica.objects.filter(is_self=True).update(acked_seq=F("head_seq"))
    assert seen(day, tablet, visit.patient_id) == [there, there]


def test_central_speaks_of_no_laptop(day: Day) -> None:
    visit = day.visit()
    day.node.role = "central"
    assert seen(day, day.browser(day.cast.olga), visit.patient_id) == [["tablet-3", "at central"]]
