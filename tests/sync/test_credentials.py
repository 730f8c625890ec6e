"""Two use one credential side by side: what neither a stale token nor a fork gives away raises an alarm."""

from __future__ import annotations

import shutil

import pytest

from sync.carriers.server import Reply
from sync.conversation import open_session, say_hello
from sync.credentials import BY_TURNS_MS, SETTLED_MS, TWICE_IN_A_ROW
from sync.exchanges import GatesRequest
from sync.marks import Marks
from sync.models import SecurityEvent
from tests.sync.forge import Talk
from tests.world import Site, World


def alarms(world: World) -> list[str]:
    with world.at(world.central):
        return list(SecurityEvent.objects.filter(code="parallel-use").values_list("sentence", flat=True))


def hello_with(world: World, site: Site, marks: Marks) -> None:
    """The site says hello as the copy of it that holds these marks."""
    before, site.node.marks = site.node.marks, marks
    try:
        with world.at(site):
            say_hello(open_session())
    finally:
        site.node.marks = before


@pytest.fixture
def copied(world: World) -> Marks:
    """A thief's copy of the first clinic, as it was after a run: its key, its database, its marks."""
    here = world.clinics[0]
    world.sync(here)
    copy = here.node.data_dir / "thief"
    copy.mkdir()
    shutil.copy(here.node.marks.path, copy / "marks")
    return Marks(copy / "marks")


def test_a_copy_that_reads_between_the_runs_of_the_laptop_is_noticed(world: World, copied: Marks) -> None:
    """H8: it writes nothing, so there is no fork; the token before is still accepted, so nothing is stale."""
    here = world.clinics[0]
    for _ in range(2 * TWICE_IN_A_ROW + 2):
        hello_with(world, here, copied)
        with world.at(here):
            say_hello(open_session())
    assert alarms(world)
    copied.close()


def test_a_token_that_was_replaced_and_used_is_not_the_laptops(world: World, copied: Marks) -> None:
    """H8: the thief asks for pages; the laptop comes back with the token from before."""
    here = world.clinics[0]
    before, here.node.marks = here.node.marks, copied
    talk = Talk(world, here)
    assert talk.send(talk.wire("gates", GatesRequest().pack())).status == 200
    here.node.marks = before
    world.advance(SETTLED_MS + 1)
    world.sync(here)
    assert alarms(world) == [
        "Two may be using this credential. Hello shows a token that this laptop had replaced."
    ]
    copied.close()


def test_a_nonce_that_was_replaced_and_used_long_after_is_noticed(world: World) -> None:
    here = world.clinics[0]
    old, new = Talk(world, here), Talk(world, here)
    assert new.send(new.wire("gates", GatesRequest().pack())).status == 200
    assert old.send(old.wire("gates", GatesRequest().pack())).status == 200
    assert alarms(world) == [], "it may have been on its way"
    world.advance(SETTLED_MS + 1)
    assert old.send(old.wire("gates", GatesRequest().pack())).status == 200
    assert len(alarms(world)) == 1


def test_a_laptop_whose_answers_are_lost_is_no_thief(world: World) -> None:
    here = world.clinics[0]
    assert here.link is not None
    for _ in range(6):
        here.link.lose_answers = 3
        world.sync(here)
        world.advance(SETTLED_MS + 1)
    here.link.lose_answers = 0
    world.sync(here, rounds=4)
    assert alarms(world) == []


def ask_from(talk: Talk, address: str) -> Reply:
    wire = talk.wire("gates", GatesRequest().pack())
    wire.address = address
    return talk.send(wire)


@pytest.mark.parametrize(
    ("addresses", "minutes", "noticed"),
    [
        (["1", "2", "1", "2"], 1, True),
        (["1", "1", "2", "2", "1", "2"], 1, True),
        (["1", "2", "3", "4"], 1, False),
        (["1", "2", "1", "1"], 1, False),
        (["1", "2", "1", "2"], BY_TURNS_MS // 60_000, False),
    ],
)
def test_requests_from_two_addresses_by_turns(
    world: World, addresses: list[str], minutes: int, noticed: bool
) -> None:
    """H8: a laptop moves from one network to another, but not to and fro all the time."""
    talk = Talk(world, world.clinics[0])
    for address in addresses:
        assert ask_from(talk, f"10.0.0.{address}").status == 200
        world.advance(minutes * 60_000)
    assert bool(alarms(world)) is noticed


def test_many_alarms_do_not_fill_the_disk(world: World) -> None:
    talk = Talk(world, world.clinics[0])
    for turn in range(60):
        ask_from(talk, f"10.0.0.{turn % 2}")
    assert len(alarms(world)) == 20
    world.advance(61_000)
    ask_from(talk, "10.0.0.0")
    assert len(alarms(world)) == 21
