"""Makes `dictionary_v1.bin`: what a small batch would otherwise spend on words that every batch has.

Run as `python -m sync.core.train_dictionary PATH`. A dictionary that has been in use is never changed: train
a new one under the next number, and go on reading with the old ones (wire.py).

Everything it learns from is made up below: the tables and fields as the rooms declare them, and invented
values. This is the one file of sync where clinical words stand; nothing imports it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import UUID

import zstandard

from sync.core.batch import encode_changes
from sync.core.changes import Change, derive_id, new_save_id
from sync.core.merge import GONE, Past, Value
from sync.core.pages import StateRecord, encode_page
from sync.core.wire import CHANGES, PAGE, content_of

SIZE: Final = 16_384
SEEDS: Final = range(40)
BATCHES: Final = (1, 1, 2, 3, 5, 10, 20, 40, 100)

_VITALS: Final = {
    "bp_systolic": "int 90 180",
    "bp_diastolic": "int 55 110",
    "pulse": "int 55 130",
    "temperature": "tenths 355 400",
    "respiratory_rate": "int 12 40",
    "spo2": "int 85 100",
    "weight": "tenths 30 980",
    "height": "int 45 190",
    "muac": "tenths 100 320",
    "glucose": "tenths 35 180",
    "complaint": "words",
    "complaint_days": "int 1 30",
    "danger_signs": "many CONVULSIONS UNCONSCIOUS CANNOT_DRINK VOMITS_ALL HARD_BREATHING HEAVY_BLEEDING",
    "pregnant": "one YES NO UNKNOWN true false",
    "last_period": "day",
    "visit_kind": "one NEW FOLLOW_UP new follow_up emergency",
}
_CONSULTATION: Final = {
    "history": "words",
    "examination": "words",
    "malaria_test": "one POSITIVE NEGATIVE INVALID NOT_DONE",
    "diagnosis": "icd",
    "diagnosis_code": "icd",
    "certainty": "one CONFIRMED SUSPECTED",
    "plan": "words",
    "medicines": "words",
    "note": "words",
    "follow_up_on": "day",
    "referred_to": "words",
    "outcome": "one HOME RETURN REFERRED OBSERVED DIED",
    "dispensed": "one ALL SOME NONE",
    "explained": "one true false",
    "dispensing_notes": "words",
}
_FORMS: Final = {
    f"values.{prefix}{name}": kind
    for prefix in ("", "opd_")
    for name, kind in {**_VITALS, **_CONSULTATION}.items()
}
_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "patients": {
        "given_name": "given",
        "family_name": "family",
        "sex": "one female male female male other unknown",
        "birth_date": "birth",
        "birth_date_estimated": "flag",
        "phone": "phone",
        "village": "shared 30",
        "deceased": "flag",
        "registered_at": "shared 3",
        "registered_on": "moment",
    },
    "identifiers": {
        "patient": "patient",
        "system": "one posta:number posta:provisional national-id passport insurance-card",
        "value": "number",
        "label": "words",
    },
    "households": {"name": "family", "village": "shared 30", "head": "patient", "phone": "phone"},
    "visits": {
        "patient": "patient",
        "facility": "shared 3",
        "station": "shared 5",
        "status": "one open waiting in-progress completed cancelled",
        "priority": "one routine urgent emergency",
        "started_at": "moment",
        "ended_at": "moment",
        "reason": "words",
    },
    "enrollments": {
        "patient": "patient",
        "program": "shared 4",
        "version": "shared 6",
        "facility": "shared 3",
        "enrolled_at": "moment",
        "status": "one active completed cancelled",
    },
    "stage_events": {
        "patient": "patient",
        "enrollment": "patient",
        "visit": "patient",
        "program": "shared 4",
        "version": "shared 6",
        "stage": "shared 8",
        "facility": "shared 3",
        "occurred_at": "moment",
        "due_on": "day",
        "status": "one active completed completed scheduled skipped",
        **_FORMS,
    },
    "prescriptions": {
        "patient": "patient",
        "visit": "patient",
        "medicine": "shared 60",
        "dose": "words",
        "quantity": "int 1 60",
        "days": "int 1 30",
        "status": "one active dispensed stopped",
    },
    "dispensings": {
        "prescription": "patient",
        "lot": "number",
        "quantity": "int 1 60",
        "dispensed_at": "moment",
    },
    "stock_movements": {
        "item": "shared 60",
        "lot": "number",
        "quantity": "int 1 500",
        "reason": "one received dispensed lost expired counted",
        "happened_at": "moment",
    },
    "queue_entries": {
        "visit": "patient",
        "patient": "patient",
        "station": "shared 5",
        "status": "one waiting called in-progress done left",
        "claimed_by": "shared 9",
        "entered_at": "moment",
    },
    "notes": {"patient": "patient", "visit": "patient", "text": "words", "written_at": "moment"},
    "allergies": {
        "patient": "patient",
        "substance": "words",
        "severity": "one mild moderate severe",
        "status": "one active inactive",
    },
}
_WEIGHTS: Final = (6, 4, 1, 4, 2, 12, 2, 1, 1, 4, 2, 1)
_GIVEN: Final = (
    "Maria Ana Jose Juan Luis Rosa Carmen Fatima Ahmed Mohammed Aisha Omar Grace John Mary Peter".split()
)
_FAMILY: Final = (
    "Gonzalez Rodriguez Perez Sanchez Hassan Ali Ibrahim Okello Banda Kumar Singh Devi Begum Diallo".split()
)
_WORDS: Final = (
    "fever cough days since no pain head abdominal vomiting diarrhoea rash wound clean better worse review "
    "week weeks tomorrow return if tablets daily twice paracetamol amoxicillin ORS iron given started "
    "referred hospital normal mild severe good and for with the of in patient mother child left right "
    "chest back"
).split()
_ICD: Final = (
    "A09 B54 B50.9 B86 D64.9 E11.9 H10.9 I10 J00 J06.9 J18.9 J45.9 K29.7 L02.9 M54.5 N39.0 R50.9 R51 Z34.9"
).split()
_DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class _Clinic:
    """One clinic's made-up life; each seed has its own fields in use, ids and gaps."""

    rng: random.Random
    now: int
    replica: UUID = field(init=False)
    shared: list[UUID] = field(init=False)
    devices: list[str] = field(init=False)
    made: list[Change] = field(default_factory=list)
    habits: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replica = new_save_id(self.now, self.rng)
        self.shared = [self._id() for _ in range(80)]
        kind = self.rng.choice(("tablet", "Tablet", "laptop", "device"))
        self.devices = [f"{kind}-{number}" for number in range(1, 6)]

    def _id(self) -> UUID:
        return derive_id(new_save_id(self.now - self.rng.randrange(400 * _DAY_MS), self.rng), 0)

    def changes(self) -> Iterator[Change]:
        while True:
            self.now += int(self.rng.expovariate(1 / 90_000))
            save = new_save_id(self.now - self.rng.randrange(200_000), self.rng)
            parts = self.rng.choices((1, 2, 3), (8, 2, 1))[0]
            for ordinal in range(parts):
                yield self._change(save, ordinal, ordinal == parts - 1)

    def _change(self, save: UUID, ordinal: int, last: bool) -> Change:
        edited = self.rng.choice(self.made[-400:]) if self.made and self.rng.random() < 0.25 else None
        table = edited.table if edited else self.rng.choices(list(_TABLES), _WEIGHTS)[0]
        change = Change(
            replica=self.replica,
            seq=len(self.made) + 1,
            save_id=save,
            ordinal=ordinal,
            last=last,
            table=table,
            record_id=edited.record_id if edited else derive_id(save, ordinal),
            stamp=self.now << 16 | ordinal,
            author=self.rng.choice(self.shared[:9]),
            device=self.rng.choice(self.devices),
            clock_offset_ms=0,
            schema=1,
            past=Past({self.replica: edited.seq}) if edited else Past(),
            fields=self._fields(table, self.rng.randint(1, 3) if edited else None),
        )
        self.made.append(change)
        return change

    def _fields(self, table: str, few: int | None) -> dict[str, Value]:
        names = [name for name in _TABLES[table] if self.rng.random() < self._habit(table, name)]
        chosen = self.rng.sample(names, min(few, len(names))) if few else names
        return {name: self._value(_TABLES[table][name]) for name in chosen}

    def _habit(self, table: str, name: str) -> float:
        key = (table, name)
        if key not in self.habits:
            used = 0.4 if name.startswith("values.") else 0.9
            self.habits[key] = self.rng.choice((0.5, 0.95, 1.0)) if self.rng.random() < used else 0.0
        return self.habits[key]

    def _value(self, kind: str) -> Value:
        way, *words = kind.split()
        rng = self.rng
        if way == "int":
            return str(rng.randint(int(words[0]), int(words[1])))
        if way == "tenths":
            return f"{rng.randint(int(words[0]), int(words[1])) / 10:.1f}"
        if way == "one":
            return rng.choice(words)
        if way == "many":
            return rng.sample(words, rng.randrange(3))
        if way == "shared":
            return rng.choice(self.shared[: int(words[0])]).bytes
        return self._other(way)

    def _other(self, way: str) -> Value:
        rng = self.rng
        today = date(1970, 1, 1) + timedelta(days=self.now // _DAY_MS)
        made: Mapping[str, Value] = {
            "patient": rng.choice(self.made).record_id.bytes if self.made else None,
            "moment": self.now - rng.randrange(600_000),
            "day": (today + timedelta(days=rng.randrange(60))).isoformat(),
            "birth": (today - timedelta(days=rng.randrange(30_000))).isoformat(),
            "flag": rng.random() < 0.5,
            "given": rng.choice(_GIVEN),
            "family": rng.choice(_FAMILY),
            "icd": rng.choice(_ICD),
            "number": f"{rng.randrange(10**8):08d}",
            "phone": f"+{rng.choice((255, 507, 91, 249))}{rng.randrange(10**9):09d}",
            "words": " ".join(rng.choices(_WORDS, k=rng.randrange(7))),
        }
        return made[way]


def samples(seed: int) -> list[bytes]:
    """What the compressor sees of batches of every size, and of pages."""
    rng = random.Random(seed)  # noqa: S311 - the same samples each time
    clinic = _Clinic(rng, 1_700_000_000_000 + rng.randrange(700 * _DAY_MS))
    changes = clinic.changes()
    seen: list[bytes] = []
    refs: dict[UUID, int] = {}
    for size in BATCHES * 4:
        batch = list(islice(changes, size))
        seen.append(content_of(CHANGES, encode_changes(batch, refs, 1, dictionary=0)))
        refs.update((change.record_id, change.seq) for change in batch)
        seen.append(content_of(PAGE, encode_page(_states(batch), 1, dictionary=0)))
    return seen


def _states(batch: Sequence[Change]) -> list[StateRecord]:
    """The created ones, as central would send them."""
    created = [change for change in batch if change.past.is_empty]
    return [
        StateRecord(
            change.table,
            change.record_id,
            change.seq,
            1,
            change.write(change.stamp + (3600 << 26)),
            {**change.fields, GONE: False},
        )
        for change in sorted(created, key=lambda change: change.table)
    ]


def train(volume: Sequence[int] = SEEDS, size: int = SIZE) -> bytes:
    content: list[bytes | bytearray | memoryview] = [sample for seed in volume for sample in samples(seed)]
    return zstandard.train_dictionary(size, content, level=19).as_bytes()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(train())
