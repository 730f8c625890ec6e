"""Twenty thousand people, and an answer before the hand leaves the keyboard.

Who they are and why they are called alike: `crowds.py`.
"""

from __future__ import annotations

import random
import time

import pytest
from django.db import connection

from registry.people.models import Patient
from registry.people.search import likely_duplicates, search
from registry.people.tokens import follow_patients
from sync.node import Node
from sync.records import door
from tests.registry.conftest import Cast
from tests.registry.people.crowds import crowd_rows

PEOPLE = 20_000
ALLOWED_S = 0.1


@pytest.fixture
def crowd(cast: Cast, node: Node) -> list[Patient]:
    rows = list(crowd_rows(cast, PEOPLE))
    with door():
        Patient.objects.bulk_create(rows, batch_size=500)
    follow_patients(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_persontoken")  # what PostgreSQL does by itself a minute later
    return rows


def test_searching_and_checking_for_duplicates_is_fast(crowd: list[Patient]) -> None:
    rng = random.Random(7)
    waits: list[float] = []
    for patient in rng.sample(crowd, 15):
        for text in (patient.name, patient.given_name[:3], patient.phone, patient.family_name + "s"):
            started = time.perf_counter()
            answer = search(text)
            waits.append(time.perf_counter() - started)
            assert answer.found
    for patient in rng.sample(crowd, 5):
        started = time.perf_counter()
        found = likely_duplicates(
            given_name=patient.given_name,
            family_name=patient.family_name,
            sex=patient.sex,
            birth_date=patient.birth_date,
        )
        waits.append(time.perf_counter() - started)
        assert found[0].patient.pk == patient.pk
    assert sorted(waits)[len(waits) // 2] < ALLOWED_S
