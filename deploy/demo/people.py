"""People who do not exist: who they are, and when they come to the clinic for what.

Lives here, pure: `plan`, which makes the same people and visits from the same seed. Not here: names
(`names.py`), reasons for coming (`stories.py`), what is measured (`histories.py`), writing (`seeding.py`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

from deploy.demo.names import COMMUNITIES, Community
from deploy.demo.stories import STORIES, Story

BACK_DAYS: Final = 300
NEWCOMERS: Final = 1 / 15  # of all people: 20 of 300 came after the last sync
A_DAY: Final = timedelta(days=1)
WORDS_OF_A_FAMILY: Final = 4

Until = Literal["triage", "with-triage", "provider", "with-provider", "lab", "back", "pharmacy", "home"]
TODAY: Final[tuple[Until, ...]] = (
    "home", "pharmacy", "with-provider", "back", "home", "lab", "provider",
    "pharmacy", "lab", "provider", "with-triage", "triage", "triage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, as the registrar would write them down."""

    number: int
    language: str
    given_name: str
    family_name: str
    sex: str
    born: date
    estimated: bool
    phone: str
    village: int
    papers: tuple[tuple[str, str], ...]
    weight_factor: float
    parent: int | None = None

    def age(self, on: date) -> int:
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class Coming:
    """One visit: who comes when for what, and how far they get."""

    who: Someone
    ordinal: int
    at: datetime
    story: Story
    again: bool = False
    until: Until = "home"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everybody, and every visit in the order of time. What is after `sent_until` waits to be sent."""

    people: Sequence[Someone]
    comings: Sequence[Coming]
    sent_until: datetime


def plan(count: int, now: datetime, villages: int, seed: int = 7) -> Plan:
    """`count` people with one to six visits each; the newest of them have come since yesterday."""
    rng = random.Random(seed)
    newcomers = round(count * NEWCOMERS)
    everybody = list(_everybody(rng, count, now.date(), villages))
    known, fresh = everybody[: count - newcomers], everybody[count - newcomers :]
    comings = [coming for who in known for coming in _history(rng, who, now)]
    comings += _lately(rng, fresh, now)
    comings += _today(rng, known[: max(1, len(known) // 8)], fresh, now)
    return Plan(
        everybody, sorted(_numbered(comings), key=lambda one: (one.at, one.who.number)), now - 2 * A_DAY
    )


def _everybody(rng: random.Random, count: int, today: date, villages: int) -> Iterator[Someone]:
    shares = [community.share for community in COMMUNITIES]
    grown_up: Someone | None = None
    for number in range(count):
        if grown_up is not None and rng.random() < 0.35:
            yield _child_of(rng, number, grown_up, today)
            continue
        (community,) = rng.choices(COMMUNITIES, shares)
        grown_up = _grown_up(rng, number, community, today, villages)
        yield grown_up


def _grown_up(rng: random.Random, number: int, community: Community, today: date, villages: int) -> Someone:
    sex = rng.choice(("female", "female", "male"))
    years = min(92, int(rng.triangular(15, 88, 28)))
    return Someone(
        number,
        community.language,
        _given(rng, community, sex),
        " ".join(rng.sample(community.families, community.family_names)),
        sex,
        today - timedelta(days=years * 365 + rng.randrange(365)),
        years > 55 and rng.random() < 0.5,
        _drawn(rng, community.phone) if rng.random() < 0.7 else "",
        rng.randrange(villages),
        _papers(rng, community),
        rng.uniform(0.85, 1.25),
    )


def _child_of(rng: random.Random, number: int, parent: Someone, today: date) -> Someone:
    community = next(one for one in COMMUNITIES if one.language == parent.language)
    sex = rng.choice(("female", "male"))
    oldest = max(1, min(14, parent.age(today) - 17))
    return replace(
        parent,
        number=number,
        parent=parent.number,
        given_name=_given(rng, community, sex),
        sex=sex,
        born=today - timedelta(days=rng.randrange(BACK_DAYS + 20, oldest * 365 + BACK_DAYS + 60)),
        estimated=False,
        papers=(),
        weight_factor=rng.uniform(0.85, 1.15),
    )


def _given(rng: random.Random, community: Community, sex: str) -> str:
    names = community.women if sex == "female" else community.men
    two = community.language == "es" and rng.random() < 0.4
    return " ".join(rng.sample(names, 2 if two else 1))


def _papers(rng: random.Random, community: Community) -> tuple[tuple[str, str], ...]:
    if rng.random() < 0.45:
        return ()
    system, pattern = rng.choice(community.papers)
    return ((system, _drawn(rng, pattern)),)


def _drawn(rng: random.Random, pattern: str) -> str:
    return re.sub("#", lambda _hash: str(rng.randrange(10)), pattern)


def _history(rng: random.Random, who: Someone, now: datetime) -> Iterator[Coming]:
    """One to six visits, all of them more than three days ago."""
    at = _clinic_hour(rng, now - rng.randrange(4, BACK_DAYS) * A_DAY)
    (wanted,) = rng.choices((1, 2, 3, 4, 5, 6), (38, 28, 16, 9, 6, 3))
    latest, again = now - 3 * A_DAY, False
    story = _story(rng, who, at.date())
    for _number in range(wanted):
        if at > latest:
            return
        yield Coming(who, 0, at, story, again)
        again = bool(story.again_days) and rng.random() < 0.8
        days = story.again_days + rng.randrange(5) if again else rng.randrange(12, 90)
        at = _clinic_hour(rng, at + days * A_DAY)
        if not again:
            story = _story(rng, who, at.date())


def _lately(rng: random.Random, fresh: Sequence[Someone], now: datetime) -> Iterator[Coming]:
    """Newcomers of yesterday, one of whom nobody sent home; every second newcomer is in the queue now
    instead.
    """
    for place, who in enumerate(fresh[::2]):
        at = now - A_DAY - timedelta(minutes=rng.randrange(60, 300))
        until: Until = "pharmacy" if place == 1 else "home"
        yield Coming(who, 0, at, _story(rng, who, now.date()), until=until)


def _today(
    rng: random.Random, known: Sequence[Someone], fresh: Sequence[Someone], now: datetime
) -> Iterator[Coming]:
    """Who came this morning: some are still in the queue."""
    arriving = [*fresh[1::2], *rng.sample(known, min(len(known), max(1, len(fresh) // 3)))]
    rng.shuffle(arriving)
    for place, who in enumerate(arriving):
        waited = timedelta(minutes=9 + 6 * (len(arriving) - place) + rng.randrange(7))
        until = TODAY[max(0, (place + 1) * len(TODAY) // len(arriving) - 1)]
        yield Coming(who, 0, now - waited, _story(rng, who, now.date()), until=until)


def _numbered(comings: Sequence[Coming]) -> Iterator[Coming]:
    seen: dict[int, int] = {}
    for coming in sorted(comings, key=lambda one: one.at):
        ordinal = seen[coming.who.number] = seen.get(coming.who.number, -1) + 1
        yield replace(coming, ordinal=ordinal)


def _clinic_hour(rng: random.Random, day: datetime) -> datetime:
    morning = day.replace(hour=8, minute=0, second=0, microsecond=0)
    return morning + timedelta(seconds=rng.randrange(8 * 3600))


def _story(rng: random.Random, who: Someone, on: date) -> Story:
    age = max(who.age(on), 0)
    fitting = [
        story for story in STORIES if story.ages[0] <= age <= story.ages[1] and story.sex in ("", who.sex)
    ]
    return rng.choices(fitting, [story.share for story in fitting])[0]
