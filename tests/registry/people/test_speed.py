"""Twenty thousand people, and an answer before the hand leaves the keyboard.

The names are few and common on purpose: many people called alike is the hard case for a search.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest
from django.db import connection

from registry.people.models import Patient
from registry.people.search import likely_duplicates, search
from registry.people.tokens import follow_patients
from sync.ledger.replicas import self_replica
from sync.node import Node
from sync.records import door
from tests.registry.conftest import TODAY, Cast

PEOPLE = 20_000
GIVEN = (
    "María José Juan Ana Luis Carlos Rosa Pedro Carmen Miguel Elena Jorge Lucía Manuel Isabel Antonio Marta "
    "Francisco Julia Rafael Muhammad Fatima Ahmed Aisha Ibrahim Khadija Yusuf Amina Omar Zainab Ravi Priya "
    "Sunita Anil Lakshmi Arjun Meena Kiran Deepa Sanjay Jean Marie Pierre Aline Kofi Ama Kwame Abena"
).split()
FAMILY = (
    "González Rodríguez Pérez Sánchez Martínez Castillo Morales Herrera Batista Pineda Chami Ruiz Vargas "
    "Quintero Ábrego Santos Smith Baker Hassan Abdullahi Diallo Traoré Keita Sharma Patel Kumar Singh Reddy "
    "Nair Das Dupont Mensah Owusu Boateng Okafor Adeyemi Bello Mohammed Ali Haddad Nasser Khoury Aziz Rahman"
).split()
ALLOWED_S = 0.1


def _rows(cast: Cast) -> Iterator[Patient]:
    rng, replica = random.Random(20), self_replica().number
    for seq in range(PEOPLE):
        yield Patient(
            id=UUID(int=rng.getrandbits(128)),
            made_replica=replica,
            made_seq=1_000_000 + seq,
            made_stamp=seq,
            given_name=" ".join(rng.sample(GIVEN, rng.choice((1, 1, 2)))),
            family_name=" ".join(rng.sample(FAMILY, rng.choice((1, 2)))),
            sex=rng.choice(("female", "male")),
            birth_date=date(rng.randint(1930, 2026), rng.randint(1, 12), rng.randint(1, 28)),
            phone=f"6{rng.randint(0, 9_999_999):07d}",
            village=cast.island,
            registered_at=cast.bocas,
            registered_on=TODAY,
        )


@pytest.fixture
def crowd(cast: Cast, node: Node) -> list[Patient]:
    rows = list(_rows(cast))
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
