"""What is measured and written down on one visit of the demo.

Lives here, pure: the answers of the three stages of our outpatient programme, plausible for the person's age
and reason for coming. Not here: reasons (`stories.py`), people and dates (`people.py`).
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

from deploy.demo.people import Coming, Someone

Answers = dict[str, str | list[str]]
CHILD_WEIGHTS: Final = (
    6.5,
    9.8,
    12.2,
    14.3,
    16.3,
    18.3,
    20.5,
    22.9,
    25.4,
    28.1,
    31.4,
    35.0,
    39.5,
    44.5,
    49.0,
    53.0,
)
CHILD_HEIGHTS: Final = (64, 76, 87, 95, 102, 109, 115, 121, 127, 132, 137, 143, 149, 156, 161, 164)
GROWN_UP: Final = 16
FEVER: Final = 38.0
CONSULTATION_ONLY: Final = frozenset({"malaria_test"})


def triage(rng: random.Random, coming: Coming) -> Answers:
    """What the triage nurse records."""
    who, story = coming.who, coming.story
    age = max(who.age(coming.at.date()), 0)
    better = 1.4 if coming.again and story.temperature > FEVER else 0
    answers: Answers = {
        "complaint": story.words[who.language].complaint,
        "complaint_days": str(rng.randrange(1, 6)),
        "temperature": f"{story.temperature - better + rng.gauss(0, 0.25):.1f}",
        "pulse": str(int(rng.gauss(118 if age < 3 else 96 if age < 10 else 78, 7))),
        "respiratory_rate": str(rng.randrange(24, 32) if age < 5 else rng.randrange(14, 20)),
        "spo2": str(rng.randrange(96, 100)),
        "weight": f"{_weight(who, age) * rng.uniform(0.985, 1.015):.1f}",
    }
    answers |= _by_age(rng, coming, age)
    answers |= {name: value for name, value in story.signs.items() if name not in CONSULTATION_ONLY}
    if story.signs.get("pregnant"):
        answers["last_period"] = (coming.at.date() - timedelta(days=rng.randrange(60, 240))).isoformat()
    return answers


def _by_age(rng: random.Random, coming: Coming, age: int) -> Answers:
    found: Answers = {}
    if age >= GROWN_UP:
        upper = coming.story.systolic or 112 + age // 4
        upper += int(rng.gauss(0, 6)) - (8 if coming.again and coming.story.systolic else 0)
        found |= {"bp_systolic": str(upper), "bp_diastolic": str(int(upper * 0.62) + rng.randrange(-3, 5))}
    if 1 <= age < 5:
        found["muac"] = f"{rng.uniform(13.2, 16.4):.1f}"
    if age >= 2:
        found["height"] = str(_height(coming.who, age))
    return found


def _weight(who: Someone, age: int) -> float:
    if age < GROWN_UP:
        return CHILD_WEIGHTS[age] * who.weight_factor
    return (62 if who.sex == "female" else 69) * who.weight_factor


def _height(who: Someone, age: int) -> int:
    if age < GROWN_UP:
        return int(CHILD_HEIGHTS[age] * (0.9 + who.weight_factor / 10))
    return int((145 if who.sex == "female" else 156) + 10 * who.weight_factor)


def consultation(rng: random.Random, coming: Coming) -> Answers:
    """What the provider records."""
    story, words = coming.story, coming.story.words[coming.who.language]
    answers: Answers = {
        "visit_kind": "FOLLOW_UP" if coming.again else "NEW",
        "diagnosis": words.diagnosis,
        "diagnosis_code": story.code,
        "certainty": "CONFIRMED" if rng.random() < 0.8 else "SUSPECTED",
        "plan": words.plan,
        "medicines": story.medicines,
        "outcome": "RETURN" if story.again_days else "HOME",
    }
    if story.again_days:
        answers["follow_up_on"] = (coming.at.date() + timedelta(days=story.again_days)).isoformat()
    if story.temperature > FEVER:
        answers["malaria_test"] = "NEGATIVE" if coming.again else story.signs.get("malaria_test", "NEGATIVE")
    return answers


def pharmacy(rng: random.Random, coming: Coming) -> Answers:
    """What the pharmacist records."""
    if rng.random() < 0.92:
        return {"dispensed": "ALL", "explained": "true"}
    return {
        "dispensed": "SOME",
        "missing_medicines": coming.story.medicines.split(";")[-1].strip(),
        "explained": "true",
    }
