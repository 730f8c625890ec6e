"""What the demo's rooms are filled with: plausible, the same every time, safe to write again.

Not here: people and their visits (`test_demo.py`), real processes (`tests/system/test_demo.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from clinic.lab.definition import ATTENTION, Flag, judge
from clinic.lab.examples import shipped
from clinic.lab.models import LabOrder
from clinic.lab.selectors import bench, unseen_critical
from clinic.lab.values import clean_result
from clinic.pharmacy.doses import Frequency
from clinic.pharmacy.examples import ESSENTIAL
from clinic.pharmacy.models import Allergy, Dispensing
from clinic.pharmacy.selectors import waiting_at
from clinic.pharmacy.stock import stock_of
from clinic.referrals.selectors import expected_at, sent_from
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.selectors import present_at, standing
from clinic.visits.worklists import ListName, counts
from deploy.demo import family, lab, pharmacy, programme, referrals, stock
from deploy.demo.filling import fill
from deploy.demo.people import Plan, Until, plan
from deploy.demo.programme import FACILITIES, VILLAGES, colleague
from deploy.demo.seeding import seeding_here
from deploy.demo.stories import STORIES
from registry.people.models import HouseholdMember, Patient, Relation
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.policy import Role
from registry.staff.selectors import authority_of
from sync.node import current_node
from sync.run import make_run
from sync.status import status
from tests.registry.conftest import cheap_argon2
from tests.sync.conftest import make_world
from tests.world import Site, World

__all__ = ["cheap_argon2", "make_world"]
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAY_MS = 86_400_000
PEOPLE = 16
MOVED: tuple[tuple[Until, timedelta], ...] = (
    ("lab", timedelta(minutes=20)),
    ("back", timedelta(minutes=30)),
    ("pharmacy", timedelta(minutes=40)),
    ("pharmacy", timedelta(days=1)),  # whom nobody sent home
)
LISTED = {line.split(",")[0] for line in ESSENTIAL.read_text().splitlines()[1:]}


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan(300, NOW, len(VILLAGES))


# --- pure --------------------------------------------------------------------------------------------------


def test_every_test_is_offered_and_every_value_can_be_one(made: Plan) -> None:
    offered = {test.code: test for test in shipped()}
    flags: Counter[Flag] = Counter()
    for coming in made.comings:
        for code, value in lab.values_for(coming).items():
            assert clean_result(offered[code], value) == value
            age = float(coming.who.age(coming.at.date()))
            flags[judge(offered[code], value, sex=coming.who.sex, age=age)] += 1
    assert set(flags) >= {Flag.NORMAL, *ATTENTION}
    back = [coming for coming in made.comings if coming.until == "back"]
    assert back
    assert all(
        judge(offered["hb"], lab.CRITICAL["hb"], sex=one.who.sex, age=30) is Flag.CRITICAL for one in back
    )


def test_every_course_is_one_that_can_be_prescribed() -> None:
    assert set(pharmacy.COURSES) == {story.code for story in STORIES}
    for courses in (*pharmacy.COURSES.values(), pharmacy.SYRUP):
        for course in courses:
            assert course.code in LISTED
            assert course.frequency in set(Frequency)
            assert Decimal(course.dose) > 0


def test_the_shelf_is_of_the_list() -> None:
    assert stock.EMPTY | stock.FEW | stock.SOON | {stock.EXPIRED[0], stock.BROKEN[0]} <= LISTED


def test_letters_go_where_there_is_somebody(made: Plan) -> None:
    codes = {code for code, *_rest in FACILITIES}
    assert {letter.to for letter in referrals.LETTERS.values()} <= codes
    written = [letter for coming in made.comings if (letter := referrals.letter_for(coming))]
    assert any(letter.answer for letter in written)
    assert any(not letter.answer for letter in written)


def test_babies_are_of_this_year_and_have_mothers(made: Plan) -> None:
    babies = family.babies_of(made, NOW)
    assert len(babies) == len(family.BORN_DAYS_AGO)
    assert len({baby.mother.number for baby in babies}) == len(babies)
    first = {coming.who.number: coming.at for coming in reversed(made.comings)}
    for baby in babies:
        assert (baby.mother.sex, baby.mother.parent) == ("female", None)
        assert baby.mother.age(baby.born) >= 17
        assert first[baby.mother.number] < baby.written_on <= NOW
        assert baby.written_on.date() >= baby.born


# --- written -----------------------------------------------------------------------------------------------


@pytest.fixture
def world(make_world: Callable[..., World], cheap_argon2: None) -> World:
    return make_world(clinics=0)


def clinic_of(world: World) -> Site:
    """A clinic with the programme that central decided a year before."""
    with world.at(world.central):
        programme.load()
        place = str(Facility.objects.get(code=FACILITIES[0][0]).pk)
    world.advance(400 * DAY_MS)
    site = world.add_clinic("Bocas laptop", facilities=[place])
    world.clinics.append(site)
    world.sync()
    return site


def with_somebody_everywhere(few: Plan, now: datetime) -> Plan:
    """A plan of few people, the last visits of four of whom were moved to where a large one has some."""
    last = {coming.who.number: coming for coming in few.comings if coming.at < few.sent_until}
    moved = [
        replace(coming, at=now - ago, until=until)
        for (until, ago), coming in zip(MOVED, list(last.values())[:: len(last) // 4], strict=False)
    ]
    others = [one for one in few.comings if one not in [last[there.who.number] for there in moved]]
    return replace(few, comings=sorted([*others, *moved], key=lambda one: one.at))


def written(facility: Facility) -> dict[str, object]:
    """What somebody finds there."""
    stocked = stock_of(facility)
    who = authority_of(StaffMember.objects.get(username=colleague(Role.PROVIDER).username).pk)
    listed = counts(who, facility)
    return {
        "people": Patient.objects.count(),
        "events": StageEvent.objects.count(),
        "enrollments": Enrollment.objects.count(),
        "orders": LabOrder.objects.count(),
        "at the bench": len(bench(facility)),
        "dispensings": Dispensing.objects.count(),
        "to hand out": len(waiting_at(facility)),
        "low": sum(one.is_low for one in stocked),
        "soon": sum(one.expires_soon for one in stocked),
        "expired": sum(one.has_expired for one in stocked),
        "sent": len(sent_from(facility)),
        "expected": len(expected_at(facility)),
        "allergies": Allergy.objects.count(),
        "ties": Relation.objects.count(),
        "homes": HouseholdMember.objects.count(),
        "due": listed[ListName.DUE],
        "overdue": listed[ListName.OVERDUE],
        "follow-up": listed[ListName.FOLLOW_UP],
    }


def test_a_clinic_is_filled_once_however_often_it_is_tried(world: World) -> None:
    site = clinic_of(world)
    with world.at(site):
        now = current_node().now()
        people = with_somebody_everywhere(plan(PEOPLE, now, len(VILLAGES)), now)
        seeding = seeding_here(FACILITIES[0][0], now)
        fill(seeding, people, now, send=lambda: sent(world))
        assert status()["unsent"] > 0
        first = written(seeding.facility)
        assert not [name for name, number in first.items() if not number and name not in ("sent", "overdue")]
        assert any(unseen_critical(visit.patient) for visit in present_at(seeding.facility))
        assert left_open_yesterday()
        fill(seeding_here(FACILITIES[0][0], now), people, now, send=lambda: sent(world))
        assert written(seeding.facility) == first
        sent(world)
    assert world.digests(site) == world.digests(world.central)


def sent(world: World) -> None:
    world.advance(1_000)
    assert make_run("test").outcome == "done"


def left_open_yesterday() -> list[Visit]:
    yesterday = today() - timedelta(days=1)
    visits = Visit.objects.filter(opened_at__date__gte=yesterday, opened_at__date__lt=today())
    return [visit for visit in visits if standing(visit).is_open]
