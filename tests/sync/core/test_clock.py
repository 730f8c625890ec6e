"""The hybrid logical clock under walls that stand still, jump and lie (E1, E2, E6 of the fault list)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.clock import COUNTER_MAX, DAY_MS, HybridClock, millis_of, pack, stamp_text, unpack
from tests.sync.core.strategies import REPLICAS, quick

NOON = 1_760_000_000_000


class Wall:
    """A wall clock that somebody sets."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def rising(stamps: list[int]) -> bool:
    return all(earlier < later for earlier, later in pairwise(stamps))


def test_a_hundred_thousand_stamps_in_one_millisecond_rise_and_carry() -> None:
    clock = HybridClock(Wall())
    stamps = [clock.tick() for _ in range(100_000)]
    assert rising(stamps)
    assert unpack(stamps[0]) == (NOON, 0)
    assert unpack(stamps[COUNTER_MAX]) == (NOON, COUNTER_MAX)
    assert unpack(stamps[COUNTER_MAX + 1]) == (NOON + 1, 0)
    assert unpack(stamps[-1]) == (NOON + 1, 100_000 - COUNTER_MAX - 2)


def test_a_full_counter_carries_into_the_milliseconds() -> None:
    clock = HybridClock(Wall(), floor=pack(NOON, COUNTER_MAX))
    assert unpack(clock.tick()) == (NOON + 1, 0)


def test_a_stamp_is_the_wall_when_the_wall_moves_on() -> None:
    wall = Wall()
    clock = HybridClock(wall)
    clock.tick()
    wall.now += 5
    assert unpack(clock.tick()) == (NOON + 5, 0)
    assert unpack(clock.tick()) == (NOON + 5, 1)


@pytest.mark.parametrize("wrong", [0, -1, NOON - 400 * DAY_MS])
def test_a_wall_that_goes_back_does_not_take_the_stamps_with_it(wrong: int) -> None:
    wall = Wall()
    clock = HybridClock(wall)
    before = clock.tick()
    wall.now = wrong
    assert [clock.tick(), clock.tick()] == [before + 1, before + 2]


def test_a_restart_in_1970_goes_on_above_the_persisted_floor() -> None:
    first = HybridClock(Wall())
    last = [first.tick() for _ in range(10)][-1]
    restarted = HybridClock(Wall(0), floor=first.floor)
    assert restarted.tick() == last + 1


def test_the_floor_follows_what_was_made_and_adopted() -> None:
    clock = HybridClock(Wall())
    assert clock.floor == 0
    assert clock.tick() == clock.floor
    ahead = pack(NOON + 1_000, 7)
    assert clock.observe(ahead)
    assert clock.floor == ahead
    assert clock.tick() == ahead + 1


def test_an_older_stamp_is_taken_without_going_back() -> None:
    clock = HybridClock(Wall())
    mine = clock.tick()
    assert clock.observe(pack(NOON - DAY_MS, 3))
    assert clock.floor == mine


@pytest.mark.parametrize(
    ("ahead_ms", "adopted"),
    [(DAY_MS, True), (DAY_MS + 1, False), (400 * DAY_MS, False), (-400 * DAY_MS, True), (0, True)],
)
def test_a_stamp_beyond_the_cap_is_not_adopted(ahead_ms: int, adopted: bool) -> None:
    clock = HybridClock(Wall())
    before = clock.tick()
    remote = pack(NOON + ahead_ms, COUNTER_MAX)
    assert clock.observe(remote) is adopted
    assert clock.floor == (max(before, remote) if adopted else before)


def test_the_cap_can_be_set() -> None:
    clock = HybridClock(Wall(), cap_ms=10)
    assert not clock.observe(pack(NOON + 11))
    assert clock.observe(pack(NOON + 10))


def test_a_corrected_clock_goes_on_from_central_time() -> None:
    wall = Wall(NOON + 400 * DAY_MS)
    clock = HybridClock(wall)
    wrong = clock.tick()
    wall.now = NOON
    assert clock.tick() == wrong + 1
    clock.reset(pack(NOON, 4))
    assert clock.floor == pack(NOON, 4)
    assert clock.tick() == pack(NOON, 5)
    wall.now += 1
    assert clock.tick() == pack(NOON + 1)


def test_threads_never_share_a_stamp() -> None:
    clock = HybridClock(Wall())
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [clock.tick() for _ in range(2_000)], range(8)))
    assert all(rising(run) for run in runs)
    assert len({stamp for run in runs for stamp in run}) == 16_000


def test_the_wall_is_read_under_the_lock() -> None:
    clock: HybridClock
    held: list[bool] = []

    def wall() -> int:
        held.append(clock._lock.locked())
        return NOON

    clock = HybridClock(wall)
    clock.tick()
    clock.observe(pack(NOON))
    assert held == [True, True]


walls = st.integers(-10, 2**40)
counters = st.integers(0, COUNTER_MAX)


@quick
@given(st.lists(st.tuples(st.sampled_from(["tick", "observe", "restart"]), walls, counters), max_size=40))
def test_stamps_rise_whatever_the_wall_the_remotes_and_the_restarts(
    steps: list[tuple[str, int, int]],
) -> None:
    wall = Wall(0)
    clock = HybridClock(wall)
    made: list[int] = []
    for what, millis, counter in steps:
        floor = clock.floor
        if what == "tick":
            wall.now = millis
            made.append(clock.tick())
            assert millis_of(made[-1]) >= wall.now
        elif what == "observe":
            remote = pack(max(millis, 0), counter)
            adopted = clock.observe(remote)
            assert adopted == (max(millis, 0) - wall.now <= DAY_MS)
            assert clock.floor == (max(floor, remote) if adopted else floor)
        else:
            wall.now = millis
            clock = HybridClock(wall, floor=floor)
    assert rising(made)


@quick
@given(st.lists(walls.filter(lambda now: now >= 0), min_size=2, max_size=8), st.data())
def test_a_message_carries_its_cause_between_clocks_within_the_cap(
    now: list[int], data: st.DataObject
) -> None:
    near = [now[0] + offset % DAY_MS for offset in now]
    clocks = [HybridClock(Wall(one)) for one in near]
    for _ in range(5):
        sender, receiver = (data.draw(st.sampled_from(clocks)) for _ in range(2))
        sent = sender.tick()
        assert receiver.observe(sent)
        assert receiver.tick() > sent


@quick
@given(st.integers(0, 2**47 - 1), counters)
def test_packing_comes_back(millis: int, counter: int) -> None:
    stamp = pack(millis, counter)
    assert unpack(stamp) == (millis, counter)
    assert millis_of(stamp) == millis
    assert 0 <= stamp < 2**63


@pytest.mark.parametrize(("millis", "counter"), [(-1, 0), (0, -1), (0, COUNTER_MAX + 1)])
def test_what_is_no_stamp_cannot_be_packed(millis: int, counter: int) -> None:
    with pytest.raises(ValueError, match="no stamp"):
        pack(millis, counter)


@quick
@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.sampled_from(REPLICAS)), min_size=2))
def test_stamps_sort_as_text(stamps: list[tuple[int, UUID]]) -> None:
    assert [stamp_text(*one) for one in sorted(stamps)] == sorted(stamp_text(*one) for one in stamps)


def test_a_stamp_reads_as_millis_counter_and_replica() -> None:
    assert stamp_text(pack(NOON, 12), UUID(int=1)) == (
        "001760000000000-00012-00000000-0000-0000-0000-000000000001"
    )
