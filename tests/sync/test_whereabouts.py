"""Where records have been received: never said before it is true, however the link behaves."""

from __future__ import annotations

import random
from collections.abc import Iterable
from uuid import UUID, uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.people.models import Patient
from sync.ledger.birth import take_new_identity
from sync.ledger.models import Change, Receipt, Replica
from sync.ledger.recording import recording
from sync.review.models import Aside
from sync.whereabouts import Whereabouts, whereabouts
from tests.world import Site, World


def register(world: World, site: Site, name: str = "Ana") -> Patient:
    with recording(by=world.author(site)) as save:
        found: Patient = save.add(Patient, given_name=name, registered_on=site.node.now())
    return found


def rename(world: World, site: Site, pk: UUID, name: str) -> None:
    row = Patient.objects.get(pk=pk)
    with recording(by=world.author(site)) as save:
        save.edit(row, {"given_name": name}, seen=row.version)


def lose(site: Site, answers: int) -> None:
    """So many of central's next answers get lost."""
    assert site.link is not None
    site.link.lose_answers = answers


def told(world: World, site: Site) -> dict[UUID, Whereabouts]:
    with world.at(site):
        return whereabouts(list(Patient.objects.all()))


def waiting_by_hand() -> set[UUID]:
    """The oracle: records with a change of our own that no verified receipt covers."""
    covered: set[tuple[int, int]] = set()
    for replica, first, last in Receipt.objects.values_list("replica", "seq_from", "seq_to"):
        covered |= {(replica, seq) for seq in range(first, last + 1)}
    changes: Iterable[tuple[int, int, UUID]] = Change.objects.filter(table="patients").values_list(
        "replica", "seq", "record_id"
    )
    return {record for replica, seq, record in changes if (replica, seq) not in covered}


def test_a_record_is_here_until_central_has_signed_for_it(world: World) -> None:
    here, there = world.clinics
    with world.at(here):
        pk = register(world, here).pk
    assert told(world, here) == {pk: Whereabouts.HERE}
    world.sync(here)
    assert told(world, here) == {pk: Whereabouts.CENTRAL}
    with world.at(here):
        rename(world, here, pk, "Anna")
    assert told(world, here) == {pk: Whereabouts.HERE}, "one value of it is not there yet"
    world.sync(here, there)
    assert told(world, here) == told(world, there) == {pk: Whereabouts.CENTRAL}
    with world.at(there):
        rename(world, there, pk, "Anita")
    assert told(world, there) == {pk: Whereabouts.HERE}
    assert told(world, here) == {pk: Whereabouts.CENTRAL}
    assert told(world, world.central) == {pk: Whereabouts.CENTRAL}


def test_two_values_of_one_record_are_both_asked_for(world: World) -> None:
    """A colleague's value came from central; our own beside it has not been sent."""
    here, there = world.clinics
    with world.at(here):
        pk = register(world, here).pk
    world.sync(here, there)
    with world.at(there):
        rename(world, there, pk, "Anita")
    world.sync(there)
    with world.at(here):
        row = Patient.objects.get(pk=pk)
        with recording(by=world.author(here)) as save:
            save.edit(row, {"family_name": "Ruiz"}, seen=row.version)
    lose(here, 1)
    world.sync(here)
    with world.at(here):
        expected = Whereabouts.HERE if waiting_by_hand() else Whereabouts.CENTRAL
    assert told(world, here) == {pk: expected}
    world.heal_and_sync()
    assert told(world, here) == {pk: Whereabouts.CENTRAL}


def test_an_answer_that_was_lost_proves_nothing(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        pk = register(world, here).pk
    lose(here, 99)
    world.sync(here)
    assert told(world, here) == {pk: Whereabouts.HERE}
    lose(here, 0)
    world.sync(here)
    assert told(world, here) == {pk: Whereabouts.CENTRAL}


def test_it_agrees_with_counting_receipts_through_a_bad_day(world: World) -> None:
    chance = random.Random(4)
    here, there = world.clinics
    for _turn in range(25):
        site = chance.choice([here, there])
        with world.at(site):
            known = list(Patient.objects.all())
            if known and chance.random() < 0.5:
                rename(world, site, chance.choice(known).pk, f"Name {chance.random()}")
            else:
                register(world, site)
        if chance.random() < 0.4:
            lose(site, chance.randrange(3))
            world.sync(site)
            lose(site, 0)
        for one in (here, there):
            found = told(world, one)
            with world.at(one):
                waiting = waiting_by_hand()
            assert {pk for pk, where in found.items() if where is Whereabouts.HERE} == waiting & set(found)
            with world.at(world.central):
                at_central = set(Patient.objects.values_list("pk", flat=True))
            assert {pk for pk, where in found.items() if where is Whereabouts.CENTRAL} <= at_central


def test_what_central_set_aside_is_told_apart(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        first, second = register(world, here), register(world, here)
    world.sync(here)
    with world.at(here):
        mine = Replica.objects.get(is_self=True)
        Aside.objects.create(
            replica_uuid=mine.uuid,
            save_id=uuid4(),
            seq_from=second.made_seq,
            seq_to=second.made_seq,
            state=Aside.State.QUARANTINED,
            code="x",
            since=1,
        )
    assert told(world, here) == {first.pk: Whereabouts.CENTRAL, second.pk: Whereabouts.ASIDE}


def test_a_restored_laptop_knows_what_it_had_sent_before(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        sent = register(world, here)
    world.sync(here)
    with world.at(here):
        unsent = register(world, here)
        take_new_identity()
        fresh = register(world, here)
    assert told(world, here) == {
        sent.pk: Whereabouts.CENTRAL,
        unsent.pk: Whereabouts.HERE,
        fresh.pk: Whereabouts.HERE,
    }


def test_many_records_cost_what_one_costs(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        for _number in range(10):
            register(world, here)
        rows = list(Patient.objects.all())
        whereabouts(rows[:1])
        with CaptureQueriesContext(connection) as seen:
            whereabouts(rows)
    assert len(seen) <= 2
    with world.at(here):
        assert whereabouts([]) == {}
