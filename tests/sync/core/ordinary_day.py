"""Ordinary clinic work, made up from a seed: what byte counts and speeds are measured on.

Here: `registrations_and_events` (people, then forms about them, one save each, over forty days),
`corrections` (edits of one to three fields) and `long_notes` (few fields, much Hindi and Arabic). Vitals
scatter as vitals do; a third of the events carry a short free text.

Not here: what is expected of the numbers (test_protocol_bytes.py, tests/bench/bytes_probe.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Final
from uuid import UUID

from sync.core.changes import Change, derive_id, new_save_id
from sync.core.merge import Past, Value

DAY_MS: Final = 86_400_000
FIRST_DAY: Final = 1_748_736_000_000
HOURS: Final = (6, 14)
DEVICES: Final = ("tablet-1", "tablet-2", "tablet-3", "laptop")
STARTS: Final = "Ki Ma Nya Lu Ndu Cha Sha Mu Ngo Kwe Ole Ru Ba Te".split()
ENDS: Final = "ka ni sha lo mbe ru to gwe si ba nzi le wa ndo pi ma".split()
NOTE: Final = (
    "fever cough three days no rash mother says vomiting twice paracetamol advised return worse "
    "referred x-ray wound clean dressing changed feels better headache anaemia iron continue review two "
    "weeks appetite good net diarrhoea rehydration breast feeding weight slow counselled test negative "
    "malaria started dose blood pressure"
).split()
ICD: Final = (
    "B54 J06.9 A09 N39.0 I10 E11.9 J18.9 K29.7 L02.9 Z34.9 B50.9 A01.0 D64.9 R50.9 M54.5 H10.9 B86 "
    "K02.9 J45.9 S01.9 T14.1 G40.9 B20 A16.9 E46 O80 Z23 R51 R05 L30.9 B82.9 N73.9 H66.9 J03.9 K59.0 "
    "B35.9 F32.9 I50.9"
).split()
HINDI: Final = (
    "रोगी को तीन दिन से बुखार है और खांसी भी हो रही सिर दर्द उल्टी दस्त नहीं पेट में की शिकायत दवा दी "
    "गई गोली सुबह शाम खाने के बाद लेने सलाह पानी अधिक पीने आराम अगले सप्ताह फिर जांच रक्त नकारात्मक "
    "रक्तचाप सामान्य वजन कम"
).split()
ARABIC: Final = (
    "المريض يعاني من حمى منذ ثلاثة أيام مع سعال وصداع شديد ولا يوجد قيء أو إسهال تم إعطاء دواء خافض "
    "للحرارة أقراص بعد الأكل صباحا ومساء نصح بشرب الماء والراحة والعودة الأسبوع القادم فحص الدم سلبي "
    "ضغط طبيعي الوزن منخفض"
).split()


class Clinic:
    """One clinic, its lists and its patients so far."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.replica = UUID(int=self.rng.getrandbits(128), version=4)
        self.staff, self.villages, self.places = (self._listed(many) for many in (6, 30, 2))
        self.programs, self.stages = self._listed(2), self._listed(4)
        self.patients: list[UUID] = []

    def _listed(self, many: int) -> list[UUID]:
        made = [new_save_id(FIRST_DAY - self.rng.randrange(400) * DAY_MS, self.rng) for _ in range(many)]
        return [derive_id(one, 0) for one in made]

    def change(self, seq: int, now: int, table: str, fields: dict[str, Value]) -> Change:
        save = new_save_id(now - self.rng.randrange(20_000, 240_000), self.rng)
        return Change(
            replica=self.replica,
            seq=seq,
            save_id=save,
            ordinal=0,
            last=True,
            table=table,
            record_id=derive_id(save, 0),
            stamp=now << 16,
            author=self.rng.choice(self.staff),
            device=self.rng.choice(DEVICES),
            clock_offset_ms=0,
            schema=1,
            past=Past(),
            fields=fields,
        )

    def name(self) -> str:
        return self.rng.choice(STARTS) + "".join(self.rng.choices(ENDS, k=self.rng.randint(1, 3)))

    def person(self) -> dict[str, Value]:
        rng = self.rng
        born = date(2025, 6, 1) - timedelta(days=int(rng.triangular(0, 30_000, 6_000)))
        return {
            "given_name": self.name(),
            "family_name": self.name(),
            "sex": rng.choice(("female", "male")),
            "birth_date": born.isoformat(),
            "phone": rng.choice(("+25571", "+25575", "+25562")) + f"{rng.randrange(10**7):07d}",
            "village": rng.choice(self.villages).bytes,
            "registered_at": self.places[0].bytes,
        }

    def event(self, now: int) -> dict[str, Value]:
        rng = self.rng
        stage = rng.randrange(4)
        return {
            "patient": rng.choice(self.patients).bytes,
            "program": self.programs[stage // 2].bytes,
            "stage": self.stages[stage].bytes,
            "facility": rng.choice(self.places).bytes,
            "occurred_at": now - rng.randrange(900_000),
            "status": rng.choices(("completed", "active"), (9, 1))[0],
            "values.bp_systolic": str(int(rng.gauss(122, 16))),
            "values.bp_diastolic": str(int(rng.gauss(78, 10))),
            "values.temperature": f"{rng.gauss(37.2, 0.8):.1f}",
            "values.weight": f"{max(3.0, rng.gauss(52, 18)):.1f}",
            "values.pregnant": rng.choices(("true", "false"), (1, 4))[0],
            "values.visit_kind": rng.choice(("new", "followup", "emergency", "anc")),
            "values.diagnosis": rng.choices(ICD, [1 / (1 + rank) for rank in range(len(ICD))])[0],
            "values.note": " ".join(rng.choices(NOTE, k=rng.randint(0, 6))) if rng.random() < 1 / 3 else "",
        }


def registrations_and_events(people: int, events: int, seed: int = 7) -> list[Change]:
    clinic = Clinic(seed)
    rng = clinic.rng
    first, last = (hour * 3_600_000 for hour in HOURS)
    times = sorted(
        FIRST_DAY + rng.randrange(40) * DAY_MS + rng.randrange(first, last) for _ in range(people + events)
    )
    kinds = [True] * (people - 1) + [False] * events
    rng.shuffle(kinds)
    changes = []
    for seq, (now, is_person) in enumerate(zip(times, [True, *kinds], strict=True), 1):
        table, fields = ("patients", clinic.person()) if is_person else ("stage_events", clinic.event(now))
        change = clinic.change(seq, now, table, fields)
        if is_person:
            clinic.patients.append(change.record_id)
        changes.append(change)
    return changes


def corrections(base: Sequence[Change], number: int, seed: int = 8) -> list[Change]:
    """Each corrects one to three fields of something in `base`, as somebody who had seen it."""
    clinic = Clinic(seed)
    clinic.replica, rng = base[0].replica, clinic.rng
    now, changes = base[-1].stamp >> 16, []
    clinic.patients = [change.record_id for change in base if change.table == "patients"]
    for seq in range(base[-1].seq + 1, base[-1].seq + 1 + number):
        now += rng.randrange(20_000, 200_000)
        old = rng.choice(base)
        fresh = clinic.person() if old.table == "patients" else clinic.event(now)
        names = rng.sample([name for name in fresh if not isinstance(fresh[name], bytes)], rng.randint(1, 3))
        change = clinic.change(seq, now, old.table, {name: fresh[name] for name in names})
        changes.append(edit_of(change, old))
    return changes


def edit_of(change: Change, old: Change) -> Change:
    plain = {name: getattr(change, name) for name in Change.__slots__}
    return Change(**{**plain, "record_id": old.record_id, "past": Past({old.replica: old.seq})})


def long_notes(number: int, seed: int = 3) -> list[Change]:
    clinic = Clinic(seed)
    rng, now = clinic.rng, FIRST_DAY
    clinic.patients = clinic._listed(300)
    changes = []
    for seq in range(1, number + 1):
        now += rng.randrange(20_000, 200_000)
        words = rng.choice((HINDI, ARABIC))
        often = [1 / (2 + rank) for rank in range(len(words))]
        text = " ".join(rng.choices(words, often, k=rng.randint(20, 120)))
        fields: dict[str, Value] = {"patient": rng.choice(clinic.patients).bytes, "text": f"{text}."}
        changes.append(clinic.change(seq, now, "notes", fields))
    return changes
