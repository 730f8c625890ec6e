"""Central's feed: every committed change in scope is delivered once, and nothing outside of it ever."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from clinic.visits.models import Visit
from registry.people.models import Identifier, Patient
from registry.places.models import Area, Facility
from sync import intake
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.core.merge import Past
from sync.core.protocol import Change, StateRecord, chain_digest, decode_page, derive_id, new_save_id
from sync.download import Inflow
from sync.exchanges import PagesAnswer, unpack
from sync.feed import pages
from sync.feed.models import Anchor, Cursor, Gate, Subscription
from sync.feed.pages import Reader, gates, page_for
from sync.feed.subscriptions import subscribe
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.models import EnrolledNode, SecurityEvent, SyncRun
from sync.run import make_run
from sync.tables import all_tables
from tests.sync.forge import Talk, problem
from tests.world import Site, World

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)


def register(world: World, site: Site, name: str = "Ana", **fields: Any) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, given_name=name, registered_on=NOON, **fields)


def visit(world: World, site: Site, patient: UUID, facility: UUID) -> Visit:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Visit, patient_id=patient, facility_id=facility, opened_at=NOON)


def card(world: World, site: Site, patient: UUID, value: str = "P1") -> Identifier:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Identifier, patient_id=patient, system="passport", value=value)


def facility(world: World) -> Facility:
    with world.at(world.central), recording(by=world.author(world.central)) as save:
        return save.add(Facility, name="Post", code="P")


def edit(world: World, site: Site, row: Any, **changes: Any) -> None:
    with world.at(site), recording(by=world.author(site)) as save:
        save.edit(type(row).objects.get(pk=row.pk), changes)


@contextmanager
def delivered(world: World, site: Site) -> Iterator[list[list[StateRecord]]]:
    """The pages that a clinic gets while the block runs."""
    link = site.link
    assert link is not None
    true_send, got = link.send, list[list[StateRecord]]()

    def reading(wire: Wire, *, patience: float) -> Reply:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith("pages") and reply.status == 200:
            answer = unpack(PagesAnswer, reply.body)
            got.append(decode_page(answer.page) if answer.count else [])
        return reply

    link.send = reading  # type: ignore[method-assign]
    try:
        yield got
    finally:
        link.send = true_send  # type: ignore[method-assign]


def ids(page_list: list[list[StateRecord]], table: str = "patients") -> list[UUID]:
    return [record.record_id for page in page_list for record in page if record.table == table]


def reader_of(world: World, site: Site) -> Reader:
    with world.at(world.central):
        replica = Replica.objects.get(uuid=site.replica)
        return Reader(EnrolledNode.objects.get(pk=str(replica.node_uuid)), replica.number)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    proper = Inflow.__init__

    def small(self: Inflow, *args: Any, **kwargs: Any) -> None:
        proper(self, *args, **{**kwargs, "page_bytes": 2_000})

    monkeypatch.setattr(Inflow, "__init__", small)


# --- ties and moving targets -----------------------------------------------------------------------------


def many_changes(site: Site, count: int, stamp: int) -> list[Change]:
    """One save with that many people in it, all at the same instant."""
    save = new_save_id(site.node.wall(), random.Random(1))
    return [
        Change(
            replica=site.replica,
            seq=place + 1,
            save_id=save,
            ordinal=place,
            last=place == count - 1,
            table="patients",
            record_id=derive_id(save, place),
            stamp=stamp,
            author=None,
            device="",
            clock_offset_ms=0,
            schema=1,
            past=Past(),
            fields={"given_name": "Ana", "registered_on": 1_790_000_000_000},
        )
        for place in range(count)
    ]


def test_five_thousand_rows_of_one_transaction_come_once_each_in_small_pages(
    world: World, small_pages: None
) -> None:
    """C2: a tie of five thousand."""
    one, two = world.clinics
    with world.at(world.central):
        node = reader_of(world, one).node
        intake.take_in(node, one.replica, many_changes(one, 5_000, one.node.clock.tick()), b"\1" * 32)
        assert Gate.objects.get(table="patients").last_position == 5_000
    with delivered(world, two) as got:
        run = world.sync(two)[0]
    assert (run.outcome, run.digests, run.fetched) == ("done", "equal", 5_000)
    assert len(got) > 50
    assert len(ids(got)) == len(set(ids(got))) == 5_000


def test_rows_that_change_while_pages_are_read_arrive_as_they_ended(world: World, small_pages: None) -> None:
    """C3: a moving target."""
    one, two = world.clinics
    with world.at(world.central):
        node = reader_of(world, one).node
        intake.take_in(node, one.replica, many_changes(one, 400, one.node.clock.tick()), bytes(32))
        rows = list(Patient.objects.all())
    chance = random.Random(4)
    link = two.link
    assert link is not None
    true_send = link.send

    def busy(wire: Wire, *, patience: float) -> Reply:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith("pages"):
            for row in chance.sample(rows, 5):
                edit(world, world.central, row, phone=str(chance.random()))
        return reply

    link.send = busy  # type: ignore[method-assign]
    with delivered(world, two) as got:
        runs = world.sync(two)
    assert len(got) > 5
    link.send = true_send  # type: ignore[method-assign]
    runs += world.sync(two)
    assert [(run.outcome, run.digests) for run in runs] == [("done", "equal"), ("done", "equal")]
    assert world.shown(two)["patients"] == world.shown(world.central)["patients"]
    with world.at(two):
        assert not SecurityEvent.objects.exists()


def test_a_run_reads_up_to_its_bounds_and_not_further(world: World, small_pages: None) -> None:
    """C3: busy colleagues cannot keep a run going for ever."""
    one, two = world.clinics
    for number in range(60):
        register(world, one, f"N{number}")
    world.sync(one)
    link = two.link
    assert link is not None
    true_send, asked = link.send, itertools.count()

    def busy(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("pages") and next(asked) < 200:
            for _ in range(3):
                register(world, world.central, "later")
        return true_send(wire, patience=patience)

    link.send = busy  # type: ignore[method-assign]
    assert world.sync(two)[0].outcome == "done"
    assert next(asked) < 20
    with world.at(two):
        assert Patient.objects.exclude(given_name="later").count() == 60


@pytest.mark.parametrize("seed", range(3))
def test_any_cursor_between_positions_gives_everything_after_it(world: World, seed: int) -> None:
    """C15: positions are no times: nothing after the cursor is left out, nothing before it comes."""
    chance = random.Random(seed)
    one, two = world.clinics
    rows = [register(world, one, f"N{number}") for number in range(12)]
    world.sync(one)
    for _ in range(10):
        edit(world, world.central, chance.choice(rows), phone=str(chance.random()))
    reader = reader_of(world, two)
    with world.at(world.central):
        place = dict(Patient.objects.values_list("pk", "position"))
        bound = gates()["patients"]
        for cursor in range(bound[0] + 5):
            page = page_for(reader, {"patients": cursor}, {"patients": (bound[0], bound[2])}, 10**6)
            assert {r.record_id for r in page.records} == {
                pk for pk, at in place.items() if (at or 0) > cursor
            }
            assert page.moved.get("patients", (cursor, b""))[0] >= cursor
    with world.at(two):  # a cursor beyond everything is no cursor of this central
        Cursor.objects.create(table="patients", position=bound[0] + 5, anchor=b"")
        run = make_run()
    assert (run.outcome, "put back from a backup" in run.reason) == ("failed", True)


def test_an_anchor_of_another_central_is_noticed_before_anything_moves(world: World) -> None:
    one, two = world.clinics
    register(world, one)
    world.sync()
    with world.at(two):
        Cursor.objects.filter(table="patients").update(anchor=b"otherone")
    register(world, two, "unsent")
    run = world.sync(two)[0]
    assert (run.outcome, world.unsent(two)) == ("failed", 1)


# --- echoes ----------------------------------------------------------------------------------------------


def test_a_clinics_own_news_is_not_sent_back_to_it(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    edit(world, one, row, phone="1")
    with delivered(world, one) as got:
        world.sync(one)
        edit(world, one, row, phone="2")
        world.sync(one, rounds=2)
    assert ids(got) == []
    world.sync(two)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_what_the_merge_brought_together_goes_to_both(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    edit(world, one, row, phone="1")
    edit(world, two, row, family_name="Two")
    world.sync(one, two)
    with delivered(world, one) as first, delivered(world, two) as second:
        world.sync()
    assert ids(first) == [row.pk]
    assert ids(second) in ([], [row.pk])
    world.sync()
    shown = world.shown(one)["patients"][row.pk]
    assert (shown["phone"], shown["family_name"]) == ("1", "Two")
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_a_record_that_moves_past_the_bound_while_its_origin_reads_is_not_lost(world: World) -> None:
    """The clinic's own edit, made before it saw the other one, carries the record out of the run's reach."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    edit(world, two, row, family_name="theirs")
    world.sync(two)
    edit(world, one, row, phone="mine")  # concurrent; uploaded before the page with theirs is read
    with delivered(world, one) as got:
        world.sync(one)
    assert ids(got) == [row.pk]  # past the first bound, and fetched all the same
    shown = world.shown(one)["patients"][row.pk]
    assert (shown["phone"], shown["family_name"]) == ("mine", "theirs")
    assert world.digests(one) == world.digests(world.central)


@pytest.mark.parametrize("seed", range(4))
def test_whoever_edits_in_whatever_order_everybody_ends_with_everything(world: World, seed: int) -> None:
    chance = random.Random(seed)
    one, two = world.clinics
    rows = [register(world, one, f"N{number}") for number in range(4)]
    world.sync()
    for step in range(25):
        site = chance.choice([one, two, world.central])
        edit(world, site, chance.choice(rows), **{chance.choice(["phone", "family_name"]): str(step)})
        if chance.random() < 0.4:
            world.sync(chance.choice([one, two]))
    world.sync(rounds=2)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)
    assert world.shown(one) == world.shown(two) == world.shown(world.central)
    with world.at(one):
        assert not SecurityEvent.objects.exists()


# --- scope -----------------------------------------------------------------------------------------------


@pytest.fixture
def scoped(make_world: Callable[..., World]) -> World:
    """Clinics that see only whom they follow."""
    return make_world(mode="subscribed")


def follow(world: World, site: Site, *patients: UUID) -> None:
    with world.at(world.central), transaction.atomic():
        subscribe((reader_of(world, site).node.uuid, patient) for patient in patients)


def test_nothing_outside_its_scope_reaches_a_clinic(scoped: World) -> None:
    one, two = scoped.clinics
    post = facility(scoped)
    scoped.sync()
    for site in (one, two):
        for number in range(8):
            person = register(scoped, site, f"{site.name} {number}")
            card(scoped, site, person.pk, f"{site.name}-{number}")
            visit(scoped, site, person.pk, post.pk)
    with delivered(scoped, one) as first, delivered(scoped, two) as second:
        scoped.sync(rounds=3)
    for site, got in ((one, first), (two, second)):
        with scoped.at(site):
            mine = set(Patient.objects.values_list("pk", flat=True))
            names = set(Patient.objects.values_list("given_name", flat=True))
        assert len(mine) == 8
        assert {name.rsplit(" ", 1)[0] for name in names} == {site.name}
        for record in (one_record for page in got for one_record in page):
            scope = record.record_id if record.table == "patients" else record.state.get("patient")
            assert record.table in ("facilities", "areas") or scope in mine or scope is None, record
    with scoped.at(scoped.central):
        assert Patient.objects.count() == 16
        assert Subscription.objects.count() == 16
    assert not set(ids(first)) & set(ids(second))


def test_a_new_subscription_brings_the_whole_person(scoped: World) -> None:
    """Also what the clinic's cursors passed long ago; and from then on what is new."""
    one, two = scoped.clinics
    post = facility(scoped)
    person = register(scoped, one)
    scoped.sync(rounds=2)
    for number in range(3):
        card(scoped, one, person.pk, f"C{number}")
        visit(scoped, one, person.pk, post.pk)
    edit(scoped, one, person, phone="1")
    register(scoped, one, "somebody else")
    scoped.sync(rounds=2)
    assert scoped.shown(two)["patients"] == {}
    follow(scoped, two, person.pk)
    run = scoped.sync(two)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    shown, there = scoped.shown(two), scoped.shown(scoped.central)
    assert shown["patients"] == {person.pk: there["patients"][person.pk]}
    assert (len(shown["identifiers"]), len(shown["visits"])) == (3, 3)
    edit(scoped, one, person, phone="2")
    scoped.sync(one, two)
    assert scoped.shown(two)["patients"][person.pk]["phone"] == "2"
    edit(scoped, two, person, family_name="Two")
    scoped.sync(two, one)
    assert scoped.shown(one)["patients"][person.pk]["family_name"] == "Two"


def test_someone_followed_in_the_middle_of_a_run_comes_whole_with_the_next(scoped: World) -> None:
    """Pages and back-fill of one run use the subscriptions of its beginning; nothing seems to differ."""
    one, two = scoped.clinics
    person = register(scoped, one)
    card(scoped, one, person.pk, "old")
    scoped.sync(one)
    own = [register(scoped, two, f"N{number}") for number in range(3)]
    scoped.sync(two, rounds=2)
    card(scoped, one, person.pk, "new")
    scoped.sync(one)
    edit(scoped, scoped.central, own[0], phone="1")
    link = two.link
    assert link is not None
    true_send = link.send

    def meanwhile(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("pages"):
            follow(scoped, two, person.pk)
        return true_send(wire, patience=patience)

    link.send = meanwhile  # type: ignore[method-assign]
    with delivered(scoped, two) as got:
        run = scoped.sync(two)[0]
    link.send = true_send  # type: ignore[method-assign]
    assert (run.outcome, run.digests) == ("done", "equal")
    assert ids(got) == [own[0].pk]
    assert ids(got, "identifiers") == []
    with scoped.at(two):
        assert not SecurityEvent.objects.exists()
    run = scoped.sync(two)[0]
    assert run.digests == "equal"
    assert len(scoped.shown(two)["identifiers"]) == 2


def test_back_filling_many_people_is_cut_into_pages(scoped: World, small_pages: None) -> None:
    one, two = scoped.clinics
    people = [register(scoped, one, f"N{number}") for number in range(30)]
    for person in people:
        for number in range(4):
            card(scoped, one, person.pk, f"{person.given_name}-{number}")
    scoped.sync(one)
    scoped.sync(two)
    follow(scoped, two, *(person.pk for person in people))
    with delivered(scoped, two) as got:
        run = scoped.sync(two)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    assert len(got) > 3
    assert max(map(len, got)) < 75
    assert sorted(ids(got)) == sorted(person.pk for person in people)
    assert len(scoped.shown(two)["identifiers"]) == 120


def test_a_page_never_holds_more_records_than_a_page_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = world.clinics
    for number in range(25):
        register(world, one, f"N{number}")
    world.sync(one)
    monkeypatch.setattr(pages, "MOST_RECORDS", 10)
    with delivered(world, two) as got:
        world.sync(two)
    assert [len(page) for page in got] == [10, 10, 5]


def test_parents_that_have_moved_past_the_bound_travel_with_their_children(world: World) -> None:
    one, two = world.clinics
    person = register(world, one)
    card(world, one, person.pk)
    world.sync(one)
    link = two.link
    assert link is not None
    true_send, seen = link.send, list[tuple[int, int]]()

    def meanwhile(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("pages"):  # hello has given the bounds; now the parent moves on
            edit(world, world.central, person, phone="moved")
        reply = true_send(wire, patience=patience)
        with world.at(two):
            seen.append((Patient.objects.count(), Identifier.objects.count()))
        return reply

    link.send = meanwhile  # type: ignore[method-assign]
    with delivered(world, two) as got:
        world.sync(two)
    assert [record.table for record in got[0]] == ["patients", "identifiers"]
    link.send = true_send  # type: ignore[method-assign]
    world.sync(two)
    assert world.digests(two) == world.digests(world.central)


def test_the_whole_line_of_parents_travels(world: World) -> None:
    """A village in a district in a country, all renamed while the page with its facility is read."""
    two = world.clinics[1]
    with world.at(world.central), recording(by=world.author(world.central)) as save:
        country = save.add(Area, name="country", level=1)
        district = save.add(Area, name="district", level=2, parent=country)
        village = save.add(Area, name="village", level=3, parent=district)
        save.add(Facility, name="Post", area=village)
    reader = reader_of(world, two)
    with world.at(world.central):
        bounds = {name: (gate[0], gate[2]) for name, gate in gates().items()}
    for area in (country, district, village):
        edit(world, world.central, area, code="new")
    with world.at(world.central):
        page = page_for(reader, {}, bounds, 10**6)
    assert [record.table for record in page.records] == ["areas", "areas", "areas", "facilities"]


def test_parents_that_the_clinic_has_are_not_sent_again(world: World) -> None:
    one, two = world.clinics
    post = facility(world)
    person = register(world, one)
    world.sync(rounds=2)
    for _ in range(3):
        visit(world, one, person.pk, post.pk)
    world.sync(one)
    with delivered(world, two) as got:
        world.sync(two)
    assert [record.table for page in got for record in page] == ["visits"] * 3


def test_clinics_of_both_modes_live_beside_each_other(make_world: Callable[..., World]) -> None:
    world = make_world(clinics=1, mode="everything")
    follower = world.add_clinic("follower", mode="subscribed")
    world.clinics.append(follower)
    everything = world.clinics[0]
    person, other = register(world, follower), register(world, everything)
    world.sync(rounds=2)
    assert set(world.shown(everything)["patients"]) == {person.pk, other.pk}
    assert set(world.shown(follower)["patients"]) == {person.pk}
    for site in (everything, follower):
        assert site.link is not None
        before = site.link.requests
        world.sync(site)
        assert site.link.requests == before + 1  # nothing to do is one request, whatever others follow


# --- bounds and gates ------------------------------------------------------------------------------------


def test_gates_tell_the_last_position_the_time_and_an_anchor_that_is_known(world: World) -> None:
    register(world, world.clinics[0])
    world.sync()
    with world.at(world.central):
        position, modified, anchor = gates()["patients"]
        assert position == 1
        assert abs(modified - world.now_ms) < 10_000
        assert Anchor.objects.filter(table="patients", position=1, anchor=anchor).exists()


def test_a_clinic_cannot_ask_for_what_central_never_offered(world: World) -> None:
    one, two = world.clinics
    register(world, one)
    world.sync(one)
    talk = Talk(world, two)
    gate = talk.heard.gates["patients"]
    from sync.exchanges import PagesRequest

    for bound in ((gate[0] + 1, gate[2]), (gate[0], b"12345678"), (gate[0], b"")):
        reply = talk.send(talk.wire("pages", PagesRequest({}, {"patients": bound}).pack()))
        assert problem(reply)["code"] == "unknown-bound"
    fine = PagesRequest({"patients": 0, "no such list": 9}, {"patients": (gate[0], gate[2])})
    assert talk.send(talk.wire("pages", fine.pack())).status == 200


# --- gates and the chain -------------------------------------------------------------------------------


def test_digest_chain_of_central_is_its_own(world: World) -> None:
    """Central is a replica too: what it writes is in its log, in order, and in the feed."""
    facility(world)
    person = register(world, world.central)
    edit(world, world.central, person, phone="1")
    with world.at(world.central):
        mine = Replica.objects.get(is_self=True)
        assert mine.head_seq == 3
        from sync.core.protocol import first_digest
        from sync.ledger.models import Change as ChangeRow

        digest = first_digest(mine.uuid)
        for row in ChangeRow.objects.filter(replica=mine).order_by("seq"):
            digest = chain_digest(digest, bytes(row.body))
        assert digest == bytes(mine.head_digest)
    world.sync()
    for site in world.clinics:
        assert world.digests(site) == world.digests(world.central)


def test_every_table_has_a_gate_of_its_own(world: World) -> None:
    facility(world)
    register(world, world.clinics[0])
    world.sync()
    with world.at(world.central):
        assert {"facilities", "patients"} == set(gates())
        assert set(gates()) <= {table.name for table in all_tables()}
    with world.at(world.clinics[1]):
        assert SyncRun.objects.get().outcome == "done"
