"""Twenty thousand people who do not exist, and the ways in which somebody at the desk asks for one of them.

Lives here: `crowd_rows` (few and common names on purpose: many people called alike is the hard case) and
`WAYS`, each a way of typing a person's name wrongly, shortly or in another script. Not here: what must be
found (`test_quality.py`), how fast (`test_speed.py`).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final
from uuid import UUID

from registry.people.models import Patient
from sync.ledger.replicas import self_replica
from tests.registry.conftest import TODAY, Cast

GIVEN: Final = (
    "María José Juan Ana Luis Carlos Rosa Pedro Carmen Miguel Elena Jorge Lucía Manuel Isabel Antonio Marta "
    "Francisco Julia Rafael Muhammad Fatima Ahmed Aisha Ibrahim Khadija Yusuf Amina Omar Zainab Ravi Priya "
    "Sunita Anil Lakshmi Arjun Meena Kiran Deepa Sanjay Jean Marie Pierre Aline Kofi Ama Kwame Abena"
).split()
FAMILY: Final = (
    "González Rodríguez Pérez Sánchez Martínez Castillo Morales Herrera Batista Pineda Chami Ruiz Vargas "
    "Quintero Ábrego Santos Smith Baker Hassan Abdullahi Diallo Traoré Keita Sharma Patel Kumar Singh Reddy "
    "Nair Das Dupont Mensah Owusu Boateng Okafor Adeyemi Bello Mohammed Ali Haddad Nasser Khoury Aziz Rahman"
).split()
# The same name as another person writes it; each is asked for in the right-hand spelling.
OTHERWISE: Final[Mapping[str, str]] = dict(
    pair.split("=")
    for pair in (
        "José=Hose Juan=Huan Jorge=Gorge Muhammad=محمد Fatima=فاطمة Ahmed=أحمد Aisha=عائشة Ibrahim=إبراهيم "
        "Khadija=خديجة Yusuf=Youssef Amina=أمينة Omar=عمر Zainab=Zeinab Ravi=रवि Priya=प्रिया Sunita=सुनीता "
        "Anil=अनिल Lakshmi=Laxmi Arjun=अर्जुन Meena=मीना Kiran=किरण Deepa=Dipa Sanjay=संजय Kwame=Kouame "
        "González=Gonsales Rodríguez=Rodrigues Pérez=Peres Sánchez=Sanches Castillo=Castiyo Herrera=Errera "
        "Vargas=Bargas Quintero=Kintero Hassan=حسن Abdullahi=عبداللهي Diallo=Jallow Keita=Keïta Sharma=शर्मा "
        "Patel=पटेल Kumar=कुमार Nair=नायर Mohammed=محمد Ali=علي Haddad=حداد Nasser=ناصر Aziz=عزيز Traoré=Traore"
    ).split()
)


def crowd_rows(cast: Cast, people: int, seed: int = 20) -> Iterator[Patient]:
    """Rows that were never saved: a test puts them past the door, in bulk."""
    rng, replica = random.Random(seed), self_replica().number
    for seq in range(people):
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


def plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).lower()


def one_letter_wrong(text: str, rng: random.Random) -> str:
    """A letter left out, doubled, replaced or swapped with the next, in one of the longer words."""
    words = text.split()
    at = rng.choice([place for place, word in enumerate(words) if len(word) >= 4] or [0])
    word, spot = words[at], rng.randrange(1, max(2, len(words[at]) - 1))
    swapped = word[:spot] + word[spot + 1 : spot + 2] + word[spot] + word[spot + 2 :]
    words[at] = rng.choice(
        (
            word[:spot] + word[spot + 1 :],
            word[:spot] + word[spot] + word[spot:],
            word[:spot] + rng.choice("aeinrst") + word[spot + 1 :],
            swapped,
        )
    )
    return " ".join(words)


def in_another_spelling(text: str) -> str:
    return " ".join(OTHERWISE.get(word, word) for word in text.split())


Way = Callable[[Patient, random.Random], str]
WAYS: Final[Mapping[str, Way]] = {
    "as written": lambda who, _rng: who.name,
    "without accents": lambda who, _rng: plain(who.name),
    "family name first": lambda who, _rng: f"{who.family_name} {who.given_name}",
    "one letter wrong": lambda who, rng: one_letter_wrong(plain(who.name), rng),
    "wrong and swapped": lambda who, rng: one_letter_wrong(f"{who.family_name} {who.given_name}", rng),
    "another spelling or script": lambda who, _rng: in_another_spelling(who.name),
    "initial and family name": lambda who, _rng: f"{who.given_name[0]}. {who.family_name}",
    "first of each": lambda who, _rng: f"{who.given_name.split()[0]} {who.family_name.split()[0]}",
    "second of each": lambda who, _rng: f"{who.given_name.split()[-1]} {who.family_name.split()[-1]}",
    "without spaces": lambda who, _rng: plain(who.name).replace(" ", ""),
    "beginnings": lambda who, _rng: " ".join(word[:4] for word in plain(who.name).split()),
}
