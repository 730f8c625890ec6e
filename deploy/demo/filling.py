"""A clinic's months and its present day, as the demo tells them.

Lives here: `fill`, the order in which everything is written: the shelf, the visits and the babies, each at
its time; families and care; then, sent by the caller or not, what happened since. It may be repeated. Not
here: any of the rooms (`lab.py`, `pharmacy.py`, `referrals.py`, `care.py`, `family.py`, `board.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice

from deploy.demo import board, care, family, pharmacy, referrals, stock
from deploy.demo.people import Plan
from deploy.demo.seeding import Deed, Errand, Seeding, deeds_of
from registry.people.selectors import today
from registry.staff.policy import Role


@dataclass(frozen=True, slots=True)
class Birth:
    """A baby is written down."""

    at: datetime
    seeding: Seeding
    baby: family.Baby

    def do(self) -> None:
        mother = self.seeding.patient(self.baby.mother)
        by = self.seeding.staff[Role.REGISTRAR]
        family.bear(by=by, baby=self.baby, mother=mother, facility=self.seeding.facility)


def fill(seeding: Seeding, plan: Plan, now: datetime, *, send: Callable[[], None]) -> None:
    """Everything up to `now`. What is older than `plan.sent_until` is written before `send`."""
    past = [deed for deed in deeds_of(plan) if deed.coming.at <= plan.sent_until]
    seeding.play(merge(past, _errands(seeding, plan, now), key=lambda one: one.at))
    with seeding.at(plan.sent_until):
        _families(seeding, plan)
        care.seed(facility=seeding.facility, today=plan.sent_until.date())
    send()
    seeding.play(deed for deed in deeds_of(plan) if deed.coming.at > plan.sent_until)
    board.seed(facility=seeding.facility)
    pharmacy.seed(facility=seeding.facility, today=now.date(), staff=seeding.staff)
    referrals.seed(facility=seeding.facility, by=seeding.staff[Role.PROVIDER])
    care.appoint(facility=seeding.facility, today=today())


def _errands(seeding: Seeding, plan: Plan, now: datetime) -> list[Deed | Errand]:
    shelf = pharmacy.shelf_at(seeding.facility, now.date(), seeding.staff[Role.PHARMACIST])
    births = [Birth(baby.written_on, seeding, baby) for baby in family.babies_of(plan, now)]
    return sorted([*stock.errands(shelf, now), *births], key=lambda one: one.at)


def _families(seeding: Seeding, plan: Plan) -> None:
    by = seeding.staff[Role.REGISTRAR]
    known = {deed.coming.who.number for deed in deeds_of(plan) if deed.coming.at <= plan.sent_until}
    pairs = [pair for pair in family.mothers_of(plan) if {one.number for one in pair} <= known]
    for child, mother in pairs:
        family.tie(by=by, child=seeding.patient(child), mother=seeding.patient(mother))
    for child, mother in islice(pairs, family.HOMES):
        family.live_together(by=by, child=seeding.patient(child), mother=seeding.patient(mother))
