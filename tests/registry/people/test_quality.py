"""How often the person meant is found, in each way of asking; and how often a registration is interrupted.

The figures for twenty thousand people are in `docs/performance.md`; `POSTA_TEST_CROWD` sets the size.
Here the floors are held with fewer people. Whoever is not among the first five counts as found only if
all five fit what was typed as well: then nothing but more words can tell them apart.
"""

from __future__ import annotations

import os
import random
from typing import Final

import pytest
from django.db import connection

from registry.people.models import Patient
from registry.people.ranking import likeness, words
from registry.people.search import likely_duplicates, search
from registry.people.tokens import follow_patients
from sync.node import Node
from sync.records import door
from tests.registry.conftest import Cast
from tests.registry.people.crowds import WAYS, crowd_rows, one_letter_wrong

PEOPLE: Final = int(os.environ.get("POSTA_TEST_CROWD", "2000"))
ASKED: Final = 60
FLOORS: Final = {"without spaces": 0.9, "another spelling or script": 0.9}


@pytest.fixture
def crowd(cast: Cast, node: Node) -> list[Patient]:
    rows = list(crowd_rows(cast, PEOPLE))
    with door():
        Patient.objects.bulk_create(rows, batch_size=500)
    follow_patients(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_persontoken")
    return rows


def test_the_person_meant_is_among_the_first(crowd: list[Patient]) -> None:
    rng = random.Random(5)
    shares: dict[str, float] = {}
    for name, way in WAYS.items():
        hits = 0
        for who in rng.sample(crowd, ASKED):
            typed = way(who, rng)
            fits = likeness(words(typed), words(who.given_name), words(who.family_name)).score
            first = search(typed).found[:5]
            hits += bool(first) and (first[-1].score >= fits or who in [one.patient for one in first])
        shares[name] = hits / ASKED
    short = {name: share for name, share in shares.items() if share < FLOORS.get(name, 0.95)}
    print(PEOPLE, shares)
    assert short == {}


def test_nobody_is_invented(crowd: list[Patient]) -> None:
    """Names that nobody here has find nobody, or few."""
    strangers = (
        "Zulema Quintanar|Hortensia Villafañe|Wilfrido Ochoa|Ubaldo Belgrano|Yamileth Feuillet|Q. Tejada|"
        "Oksana Kovalenko|Haruto Nakamura|Ingrid Svensson|Thandiwe Nkosi|ギターリ"
    ).split("|")
    counts = {name: len(search(name).found) for name in strangers}
    print(counts)
    assert sum(count > 3 for count in counts.values()) <= 1, counts


def test_duplicates_are_noticed_and_strangers_are_not(crowd: list[Patient]) -> None:
    rng = random.Random(9)
    noticed = 0
    for who in rng.sample(crowd, ASKED):
        found = likely_duplicates(
            given_name=one_letter_wrong(who.given_name, rng),
            family_name=who.family_name,
            sex=who.sex,
            birth_date=who.birth_date,
            phone=who.phone if rng.random() < 0.5 else "",
            village_id=who.village_id,
        )
        noticed += any(one.patient.pk == who.pk for one in found)
    assert noticed / ASKED >= 0.95
