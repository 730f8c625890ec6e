"""Seeded people and visits for measuring: plausible in shape and entropy, nobody's real data.

Lives here: `everyday` (2,000 people with 10,000 stage events of eight values) and `long_notes` (few fields,
long notes in Hindi and Arabic), as `Row`s – a table name and wire values – that `tests/bench/seed.py` turns
into saves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sync.core.merge import Value

DAY_MS: Final = 86_400_000
START_MS: Final = 1_783_000_000_000
GIVEN: Final = (
    "Ana Luis María José Rosa Juan Elena Pedro Lucía Carlos Sofía Miguel Carmen Diego Isabel Andrés "
    "Paula Tomás Marta Iván Nadia Omar Leila Yusuf Fatima Hassan Amina Ibrahim Asha Ravi Priya Arjun "
    "Meena Vikram Sunita Rahul Kavita Anil Deepa Sanjay "
).split()
FAMILY: Final = (
    "Pérez Gómez Muñoz Díaz Rojas Castro Vega Morales Ortiz Silva Núñez Cruz Reyes Flores Torres Ruiz "
    "Haddad Khan Saleh Nasser Rahman Malik Farah Aziz Sharma Verma Patel Singh Gupta Reddy Nair Das "
    "Joshi Iyer Kapoor Mehta "
).split()
ICD10: Final = (
    "J06.9 I10 E11.9 A09 J18.9 K29.7 M54.5 N39.0 B54 R51 L30.9 H10.9 O80 Z34.9 J45.9 D50.9 R50.9 S01.9 "
).split()
WORDS: Final = (
    "cough since three days fever at night headache mild better worse pain lower back follow up next "
    "week advised rest fluids no vomiting appetite poor dizzy when standing swelling of feet left ear "
    "dry skin "
).split()
HINDI: Final = (
    "मरीज को तीन दिन से बुखार और खांसी है रात में पसीना आता है भूख कम है पानी पीने की सलाह दी गई अगले सप्ताह फिर दिखाना "
).split()
ARABIC: Final = (
    "المريض يعاني من سعال وحمى منذ ثلاثة أيام مع صداع خفيف نصحناه بالراحة وشرب السوائل والمراجعة بعد "
    "أسبوع إذا لم يتحسن "
).split()


@dataclass(frozen=True, slots=True)
class Row:
    """One record to be made by one save. `parent` is the index of the person's row for an event."""

    table: str
    at_ms: int
    fields: dict[str, Value]
    parent: int | None = None
    author: int = 0
    device: int = 0


@dataclass(frozen=True, slots=True)
class Shared:
    """Ids of central's lists that the rows refer to."""

    villages: tuple[UUID, ...]
    facility: UUID
    version: UUID
    stages: tuple[str, ...]


def everyday(shared: Shared, people: int = 2_000, events: int = 10_000, seed: int = 1) -> list[Row]:
    """People first met at random over forty days, each event some time after its person was registered."""
    rng = random.Random(seed)
    moments = sorted((_clinic_hour(rng), index < people) for index in range(people + events))
    made: list[Row] = []
    persons: list[int] = []
    first = [index for index, (_at, _is) in enumerate(moments)]
    for index in first:
        at, is_person = moments[index]
        if is_person or not persons:
            persons.append(len(made))
            made.append(_person(rng, at, shared))
        else:
            made.append(_event(rng, at, shared, rng.choice(persons)))
    return made


def _clinic_hour(rng: random.Random) -> int:
    return START_MS + rng.randrange(40) * DAY_MS + 8 * 3_600_000 + rng.randrange(8 * 3_600_000)


def _person(rng: random.Random, at: int, shared: Shared) -> Row:
    born = f"{rng.randrange(1930, 2026)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    return Row(
        "patients",
        at,
        {
            "given_name": " ".join(rng.sample(GIVEN, rng.choice((1, 1, 2)))),
            "family_name": " ".join(rng.sample(FAMILY, 2)),
            "sex": rng.choice(("female", "male")),
            "birth_date": born,
            "phone": f"6{rng.randrange(10**7):07}",
            "village": rng.choice(shared.villages).bytes,
            "registered_at": shared.facility.bytes,
            "registered_on": at,
        },
        author=rng.randrange(6),
        device=rng.randrange(4),
    )


def _event(rng: random.Random, at: int, shared: Shared, parent: int) -> Row:
    values: dict[str, Value] = {
        "values.bp_systolic": str(rng.randrange(90, 190)),
        "values.bp_diastolic": str(rng.randrange(50, 115)),
        "values.temperature": f"{rng.gauss(37.0, 0.6):.1f}",
        "values.pulse": str(rng.randrange(55, 120)),
        "values.weight": f"{max(3.0, rng.gauss(62, 16)):.1f}",
        "values.smoker": rng.choice(("true", "false")),
        "values.diagnosis": rng.choice(ICD10),
        "values.note": " ".join(rng.choices(WORDS, k=rng.randrange(1, 7))) if rng.random() < 0.33 else "ok",
    }
    return Row(
        "events",
        at,
        {
            "program_version": shared.version.bytes,
            "stage": rng.choice(shared.stages),
            "facility": shared.facility.bytes,
            "occurred_at": at - rng.randrange(600_000),
            **values,
        },
        parent=parent,
        author=rng.randrange(6),
        device=rng.randrange(4),
    )


def long_notes(shared: Shared, notes: int = 1_500, seed: int = 2) -> list[Row]:
    """Few fields, long notes: one person in ten rows, the rest notes of 40 to 200 words."""
    rng = random.Random(seed)
    made: list[Row] = []
    persons: list[int] = []
    for at in sorted(_clinic_hour(rng) for _ in range(notes)):
        if not persons or rng.random() < 0.1:
            persons.append(len(made))
            made.append(_person(rng, at, shared))
            continue
        words = rng.choice((HINDI, ARABIC))
        note = " ".join(rng.choices(words, k=rng.randrange(40, 200)))
        fields: dict[str, Value] = {
            "program_version": shared.version.bytes,
            "stage": shared.stages[0],
            "facility": shared.facility.bytes,
            "occurred_at": at,
            "values.note": note,
        }
        made.append(Row("events", at, fields, parent=rng.choice(persons), author=rng.randrange(6)))
    return made


def edits(rows: list[Row], count: int = 100, seed: int = 3) -> Iterator[tuple[int, dict[str, Value]]]:
    """(index of an event, one to three changed values)."""
    rng = random.Random(seed)
    events = [index for index, row in enumerate(rows) if row.table == "events"]
    for index in rng.sample(events, count):
        fresh = _event(rng, rows[index].at_ms, Shared((UUID(int=1),), UUID(int=1), UUID(int=1), ("",)), 0)
        keys = rng.sample([key for key in fresh.fields if key.startswith("values.")], rng.randrange(1, 4))
        yield index, {key: fresh.fields[key] for key in keys}
