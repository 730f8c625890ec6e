"""Where a visit stands, and who may do what: tables, no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from clinic.visits import policy
from clinic.visits.policy import EventState, Standing, Station, Step, StepKind, VisitState, standing_of
from registry.refusals import Refused
from registry.staff.policy import Authority, Role

OPENED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ANA, TINA = UUID(int=1), UUID(int=2)
BOCAS, DARIEN = UUID(int=10), UUID(int=11)


def step(kind: str, station: str, minutes: int, by: UUID | None = None) -> Step:
    return Step(kind, station, OPENED + timedelta(minutes=minutes), by)


def at(minutes: int) -> datetime:
    return OPENED + timedelta(minutes=minutes)


SENT = step("sent", "triage", 0)


def test_a_visit_without_steps_waits_nowhere() -> None:
    assert standing_of(OPENED, []) == Standing(VisitState.WAITING, "", OPENED, OPENED)


def test_whoever_claims_has_the_patient_and_the_wait_still_counts_from_the_arrival() -> None:
    now = standing_of(OPENED, [SENT, step("claimed", "triage", 12, TINA)])
    assert now == Standing(VisitState.WITH_SOMEONE, "triage", at(12), OPENED, claimed_by=TINA)


def test_sending_on_frees_the_patient() -> None:
    now = standing_of(OPENED, [SENT, step("claimed", "triage", 12, TINA), step("sent", "provider", 15)])
    assert now == Standing(VisitState.WAITING, "provider", at(15), at(15), came_from="triage")


def test_a_claim_at_a_station_the_patient_has_left_counts_for_nothing() -> None:
    now = standing_of(OPENED, [SENT, step("sent", "provider", 15), step("claimed", "triage", 16, TINA)])
    assert (now.state, now.station, now.claimed_by) == (VisitState.WAITING, "provider", None)


def test_closed_stays_closed_whatever_came_from_elsewhere() -> None:
    closed = step("closed", "provider", 30, ANA)
    now = standing_of(OPENED, [SENT, step("sent", "provider", 15), closed, step("sent", "pharmacy", 31)])
    assert not now.is_open
    assert (now.station, now.closed_at, now.closed_by) == ("provider", at(30), ANA)


def test_every_station_leads_somewhere_or_home() -> None:
    assert [policy.next_station(station) for station in Station] == [
        Station.TRIAGE,
        Station.PROVIDER,
        Station.PHARMACY,
        Station.PROVIDER,
        None,
    ]
    assert policy.next_station("a station of the next version") is None


@pytest.mark.parametrize("code", ["triage", " Triage ", "PHARMACY"])
def test_a_station_is_known_by_its_code(code: str) -> None:
    assert policy.clean_station(code).value == code.strip().lower()


def test_an_unknown_station_is_refused_at_its_field() -> None:
    with pytest.raises(Refused) as refused:
        policy.clean_station("roof")
    assert (refused.value.code, list(refused.value.fields)) == ("unknown-station", ["station"])


WAITING = Standing(VisitState.WAITING, "triage", OPENED, OPENED)
WITH_TINA = Standing(VisitState.WITH_SOMEONE, "triage", OPENED, OPENED, claimed_by=TINA)
CLOSED = Standing(VisitState.CLOSED, "triage", OPENED, OPENED, closed_at=OPENED)


@pytest.mark.parametrize(
    ("now", "by", "code"),
    [
        (WAITING, ANA, ""),
        (WITH_TINA, TINA, ""),
        (WITH_TINA, ANA, "already-claimed"),
        (CLOSED, ANA, "visit-closed"),
    ],
)
def test_one_person_at_a_time(now: Standing, by: UUID, code: str) -> None:
    assert policy.can_claim(now, by) is (code == "")
    if code:
        with pytest.raises(Refused) as refused:
            policy.check_claim(now, by)
        assert (refused.value.code, refused.value.status) == (code, 409)
    else:
        policy.check_claim(now, by)


@pytest.mark.parametrize(("now", "may"), [(WAITING, True), (WITH_TINA, True), (CLOSED, False)])
def test_who_went_home_is_not_sent_on(now: Standing, may: bool) -> None:
    assert policy.can_continue(now) is may
    if not may:
        with pytest.raises(Refused, match="visit-closed"):
            policy.check_continue(now)


def working(role: Role, facility: UUID | None = BOCAS) -> Authority:
    return Authority(uuid4(), True, frozenset({(role, facility)}))


MAY_OPEN = {Role.REGISTRAR, Role.TRIAGE, Role.PROVIDER, Role.COORDINATOR}


@pytest.mark.parametrize("role", list(Role))
def test_who_may_open_move_and_enrol(role: Role) -> None:
    who = working(role)
    assert policy.can_open(who, [BOCAS]) is policy.can_enrol(who, [BOCAS]) is (role in MAY_OPEN)
    assert policy.can_move(who, [BOCAS]) is (role is not Role.CENTRAL_ADMIN)
    for check, can in (
        (policy.check_open, policy.can_open),
        (policy.check_move, policy.can_move),
        (policy.check_enrol, policy.can_enrol),
    ):
        assert not can(who, [DARIEN])
        with pytest.raises(Refused) as refused:
            check(who, [DARIEN])
        assert (refused.value.code, refused.value.status) == ("not-allowed", 403)
        if can(who, [BOCAS]):
            check(who, [BOCAS])


@pytest.mark.parametrize(
    ("roles", "station"),
    [
        ([Role.TRIAGE], Station.TRIAGE),
        ([Role.PHARMACIST], Station.PHARMACY),
        ([Role.COORDINATOR], None),
        ([Role.TRIAGE, Role.COORDINATOR], Station.TRIAGE),
        ([Role.TRIAGE, Role.PROVIDER], None),
    ],
)
def test_a_person_of_one_station_need_not_choose_it(roles: list[Role], station: Station | None) -> None:
    who = Authority(uuid4(), True, frozenset((role, BOCAS) for role in roles))
    assert policy.station_of(who, [BOCAS]) == station
    assert policy.station_of(who, [DARIEN]) is None


@pytest.mark.parametrize(
    ("wanted", "missing", "state"),
    [
        ("", [], EventState.COMPLETED),
        ("", ["weight"], EventState.ACTIVE),
        ("active", [], EventState.ACTIVE),
        ("completed", [], EventState.COMPLETED),
    ],
)
def test_a_stage_is_complete_once_everything_is_answered(
    wanted: str, missing: list[str], state: EventState
) -> None:
    assert policy.state_for(wanted, missing) is state


def test_what_is_recorded_has_happened() -> None:
    policy.check_moment(at(60), OPENED)
    with pytest.raises(Refused, match="in-the-future"):
        policy.check_moment(OPENED + timedelta(hours=25), OPENED)
    with pytest.raises(Refused, match="long-ago"):
        policy.check_moment(OPENED.replace(year=1899), OPENED)


def test_nobody_is_enrolled_tomorrow_or_before_their_grandparents() -> None:
    today = OPENED.date()
    policy.check_enrolled_on(today, today)
    with pytest.raises(Refused, match="in-the-future"):
        policy.check_enrolled_on(today + timedelta(days=1), today)
    with pytest.raises(Refused, match="long-ago"):
        policy.check_enrolled_on(today.replace(year=1899), today)


def test_the_words_of_steps_never_change() -> None:
    assert {kind.value for kind in StepKind} == set(
        "sent sent-back claimed released skipped left returned carried priority closed".split()
    )
