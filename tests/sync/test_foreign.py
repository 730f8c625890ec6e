"""H7: one clinic's credential against another clinic's patients, through every door.

The attacker is an honest clinic's laptop with its true key, in other hands: it signs as it must and lies in
what it says. Whatever it tries, the other clinic's rows at central stay as they are, nothing of them comes
back, and what it hears of a record of theirs is what it would hear of one that does not exist, to the byte of
its length.
Not here: requests that are not believed at all (`test_bad_batches.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from clinic.board.models import DayStep
from registry.people.models import HouseholdMember
from registry.places.models import Facility
from sync.compare import digest_here
from sync.core.merge import GONE, Past, Value
from sync.core.protocol import Change
from sync.feed.models import Subscription
from sync.models import EnrolledNode, SecurityEvent
from sync.tables import Table, all_tables, table_named
from tests.sync.battery import make
from tests.sync.forge import Part, Talk, card, edit, logged, patient, slip_in
from tests.sync.looking import asides, register
from tests.world import Site, World

SCOPED = [table for table in all_tables() if table.scope_attname and table.sync.owner == "clinic"]
OF_A_PLACE = {
    "stock_movements",
    "openings",
    "dispensed_items",
    "staff_requests",
}  # or of its shelf: nobody follows that one here
OF_PEOPLE = [table for table in SCOPED if table.name not in OF_A_PLACE]
NAME = "Quetzalina"
Attack = Callable[["Prey"], Part]


@pytest.fixture
def two(make_world: Callable[..., World]) -> World:
    """The victim is the first clinic, the attacker the second; neither follows the other's patients."""
    return make_world(mode="subscribed")


class Prey:
    """A record of the other clinic, as the attacker might know it; or one that nobody has."""

    def __init__(self, table: Table, change: Change, *, exists: bool) -> None:
        self.table, self.exists = table, exists
        self.change = change
        self.record_id = change.record_id if exists else uuid4()
        self.past = Past({change.replica: change.seq}) if exists else Past()
        self._instead: dict[bytes, bytes] = {}

    @property
    def fields(self) -> dict[str, Value]:
        """What its creation said; a record that nobody has belongs to nobody anybody knows."""
        if self.exists:
            return dict(self.change.fields)
        parents = {column.name for column in self.table.parents if self.of_somebody(column.parent)}
        parents |= {self.table.scope_attname or ""} - {"id"}
        parents |= {self.table.sync.beside[1]} if self.table.sync.beside else set()
        return {
            name: self._other(value) if name in parents and isinstance(value, bytes) else value
            for name, value in self.change.fields.items()
        }

    @staticmethod
    def of_somebody(parent: str | None) -> bool:
        return parent is not None and (found := table_named(parent)) is not None and bool(found.scope_attname)

    def _other(self, value: bytes) -> bytes:
        """The same unknown id wherever the true one stood."""
        return self._instead.setdefault(value, uuid4().bytes)


def tombstone(prey: Prey) -> Part:
    """By its id, as if it had been seen."""
    return Part(prey.table.name, {GONE: True}, prey.record_id, prey.past)


def blind(prey: Prey) -> Part:
    """By its id, without having seen anything."""
    return Part(prey.table.name, {GONE: True}, prey.record_id)


def child(prey: Prey) -> Part:
    """A new row of that kind for the other clinic's patient."""
    return Part(prey.table.name, prey.fields)


ATTACKS: dict[str, Attack] = {"a tombstone": tombstone, "an edit unseen": blind, "a new row": child}


def prey_of(world: World, table: Table) -> Change:
    """Something that the victim wrote and central has."""
    victim = world.clinics[0]
    if table.name == "decisions":  # the one row whose scope is no reference
        owner = register(world, victim).pk.bytes
        note: dict[str, Value] = {
            "table": "patients",
            "record_id": owner,
            "field": "sex",
            "note": "asked again",
            "scope": owner,
        }
        with world.at(victim):
            record_id = slip_in(victim, Part("decisions", note))[0].record_id
    else:
        record_id = make(world, table).pk
    world.sync(victim)
    with world.at(victim):
        return next(one for one in logged() if one.record_id == record_id)


def one_who_has_synced(world: World) -> Talk:
    """The attacker, whose receipts have a predecessor by now: each is as long as the next."""
    attacker = world.clinics[1]
    register(world, attacker, "Own")
    world.sync(attacker)
    return Talk(world, attacker)


def scope_of(world: World, change: Change) -> UUID:
    with world.at(world.central):
        table = table_named(change.table)
        assert table is not None
        return getattr(table.model.objects.get(pk=change.record_id), str(table.scope_attname))  # type: ignore[no-any-return]


def digests_of(world: World, key: UUID) -> dict[str, bytes]:
    """What central holds of one patient, table by table."""
    with world.at(world.central):
        return {table.name: digest_here(table, key).root() for table in all_tables() if table.scope_attname}


def told_of(talk: Talk, parts: list[Part]) -> tuple[Any, ...]:
    """Two good saves around a bad one: what the attacker hears, by receipt and by hello, with its length."""
    world, site = talk.world, talk.site
    with world.at(site):
        slip_in(site, patient("Own 1"))
        bad = slip_in(site, *parts)
        slip_in(site, patient("Own 2"))
        mine = logged(bad[0].seq - 1, bad[-1].seq + 1)
    talk = Talk(world, site)
    reply = talk.send(talk.batch(mine))
    receipt = talk.receipts(reply)[0]
    answer = Talk(world, site).heard
    standing = [(one.state, one.code, one.sentence) for one in answer.asides if one.seq_from == bad[0].seq]
    return receipt.outcome_of_each(), receipt.problems, standing, len(reply.body)


@pytest.mark.parametrize("table", OF_PEOPLE, ids=lambda table: table.name)
def test_a_row_of_somebody_elses_patient_is_neither_changed_nor_betrayed(two: World, table: Table) -> None:
    """H7: by its id, and by a new row beside it; the good saves of the same batch are taken."""
    _victim, attacker = two.clinics
    change = prey_of(two, table)
    key = scope_of(two, change)
    before = digests_of(two, key)
    talk = one_who_has_synced(two)
    true, nobody = (Prey(table, change, exists=exists) for exists in (True, False))
    for name, attack in ATTACKS.items():
        if name == "a new row" and table.scope_attname == "id":
            continue
        heard, nothing = (told_of(talk, [attack(prey)]) for prey in (true, nobody))
        assert heard == nothing, name
        assert [heard[0][0], heard[0][2]] == ["applied", "applied"], name
        assert heard[0][1] in ("held", "quarantined"), name
        assert digests_of(two, key) == before, name
    assert_nothing_was_gained(two, attacker, key)


def assert_nothing_was_gained(world: World, attacker: Site, key: UUID, *, alarmed: bool = True) -> None:
    """It follows nobody new, and a whole run brings it nothing; what it wrote itself flows."""
    with world.at(world.central):
        node = EnrolledNode.objects.get(name=attacker.name)
        assert not Subscription.objects.filter(node_uuid=node.uuid, scope=key).exists()
        events = SecurityEvent.objects.values_list("code", "node_uuid")
        assert set(events) == ({("out-of-scope", node.uuid)} if alarmed else set())
    assert world.sync(attacker)[0].outcome == "done"
    held = world.shown(attacker)
    for table in SCOPED:
        for row in held[table.name].values():
            assert key not in row.values()
    assert key not in held["patients"]


@pytest.mark.parametrize("table", SCOPED, ids=lambda table: table.name)
def test_no_row_can_be_moved_to_another_scope(table: Table) -> None:
    """H7: the column that says whose a row is, is set when it is made and never again."""
    if table.scope_attname != "id":
        column = next(one for one in table.columns.values() if one.attname == table.scope_attname)
        assert table.sync.rules.get(column.name) == "fixed"
    assert not any(getattr(one, "fields", ()) for one in table.model._meta.constraints), (
        "a unique value would tell by a refusal that somebody has it"
    )


def test_ones_own_row_does_not_become_somebody_elses(two: World) -> None:
    """H7: a changed scope column, and a changed place."""
    victim, attacker = two.clinics
    theirs, own = register(two, victim, NAME), register(two, attacker, "Own")
    two.sync()
    before = digests_of(two, theirs.pk)
    with two.at(attacker):
        made = slip_in(attacker, card(own.pk, "C-1"))[0]
        past = Past({attacker.replica: made.seq})
        slip_in(attacker, Part("identifiers", {"patient": theirs.pk.bytes}, made.record_id, past))
        slip_in(attacker, edit(own.pk, Past({attacker.replica: 1}), registered_at=uuid4().bytes))
    two.sync(attacker)
    assert [code for *_rest, code in asides(two, two.central)] == ["fixed-field", "fixed-field"]
    assert digests_of(two, theirs.pk) == before


MIXED = [
    table
    for table in OF_PEOPLE
    if any(
        Prey.of_somebody(column.parent) and column.attname != table.scope_attname for column in table.parents
    )
]


@pytest.mark.parametrize("table", MIXED, ids=lambda table: table.name)
def test_a_row_of_ones_own_patient_cannot_hang_on_somebody_elses(two: World, table: Table) -> None:
    """H7: the scope is one's own, and what the row belongs to is not: a step of their visit, a tie to their
    patient, a referral that would make one's own clinic follow them.
    """
    _victim, attacker = two.clinics
    change = prey_of(two, table)
    key = scope_of(two, change)
    own = register(two, attacker, "Own")
    two.sync(attacker)
    before = digests_of(two, key)
    talk = Talk(two, attacker)
    scope = next(one.name for one in table.columns.values() if one.attname == table.scope_attname)
    heard, nothing = (
        told_of(talk, [Part(table.name, {**Prey(table, change, exists=exists).fields, scope: own.pk.bytes})])
        for exists in (True, False)
    )
    assert heard == nothing
    assert heard[0] == ["applied", "held", "applied"]
    assert digests_of(two, key) == before
    assert_nothing_was_gained(two, attacker, key)


def test_a_referral_to_oneself_brings_nobody_elses_patient(two: World) -> None:
    """H7: central makes the clinic follow whoever is referred to it; it must not refer them itself."""
    victim, attacker = two.clinics
    theirs = register(two, victim, NAME)
    two.sync(victim)
    with two.at(two.central):
        place = UUID(int=77)
        EnrolledNode.objects.filter(name=attacker.name).update(facilities=[str(place)])
    with two.at(attacker):
        fields: dict[str, Value] = {
            "patient": theirs.pk.bytes,
            "facility": place.bytes,
            "to_facility": place.bytes,
            "reason": "x",
            "referred_at": 1_789_000_000_000,
        }
        slip_in(attacker, Part("referrals", fields))
    two.sync(attacker, rounds=2)
    assert_nothing_was_gained(two, attacker, theirs.pk)


def test_whoever_knows_a_saves_id_cannot_write_into_what_it_made(two: World) -> None:
    """H7: ids of records follow from the save's, so the same save "creates" the other clinic's record."""
    victim, attacker = two.clinics
    theirs = register(two, victim, NAME)
    two.sync(victim)
    with two.at(victim):
        save_id = logged()[0].save_id
    before = digests_of(two, theirs.pk)
    with two.at(attacker):
        slip_in(attacker, patient("Mine now"), save_id=save_id)
        assert logged()[0].record_id == theirs.pk
    two.sync(attacker)
    assert asides(two, two.central) == [(1, "quarantined", "out-of-scope")]
    assert asides(two, attacker) == [(1, "quarantined", "broken-save")]
    assert digests_of(two, theirs.pk) == before
    with two.at(two.central):
        assert Subscription.objects.filter(scope=theirs.pk).count() == 1


def test_a_household_that_is_named_by_its_id_tells_nothing(two: World) -> None:
    """H7: a household is a mark on its members; to carry it is no way to them."""
    victim, attacker = two.clinics
    theirs, own = register(two, victim, NAME), register(two, attacker, "Own")
    with two.at(victim):
        made = slip_in(
            victim,
            Part(
                "household_members", {"patient": theirs.pk.bytes, "household": uuid4().bytes, "role": "head"}
            ),
        )[0]
    two.sync()
    before = digests_of(two, theirs.pk)
    talk = Talk(two, attacker)
    heard, nothing = (
        told_of(
            talk, [Part("household_members", {"patient": own.pk.bytes, "household": home, "role": "head"})]
        )
        for home in (made.fields["household"], uuid4().bytes)
    )
    assert heard == nothing
    assert digests_of(two, theirs.pk) == before
    assert_nothing_was_gained(two, attacker, theirs.pk, alarmed=False)
    with two.at(attacker):
        assert HouseholdMember.objects.filter(patient_id=theirs.pk).count() == 0


def test_a_clinic_opens_no_day_at_a_place_that_it_does_not_serve(make_world: Callable[..., World]) -> None:
    """H7: the shared list of days is everybody's to read, and each place's own to write."""
    world = make_world(clinics=0)
    with world.at(world.central):
        from sync.ledger.recording import recording

        with recording(by=world.author(world.central)) as save:
            places = [save.add(Facility, name=name, code=name) for name in ("North", "South")]
    clinic = world.add_clinic("north", facilities=[str(places[0].pk)])
    world.clinics.append(clinic)
    world.sync()
    with world.at(clinic):
        for place in places:
            day: dict[str, Value] = {"facility": place.pk.bytes, "kind": "opened", "at": 1_789_000_000_000}
            slip_in(clinic, Part("day_steps", day))
    world.sync()
    assert asides(world, world.central) == [(2, "quarantined", "out-of-scope")]
    with world.at(world.central):
        assert [step.facility_id for step in DayStep.objects.all()] == [places[0].pk]
