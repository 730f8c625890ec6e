"""One write's journey, from the nurse's Save to every replica (`docs/architecture.md` tells it in words)."""

from __future__ import annotations

from uuid import uuid4

from registry.people.models import Patient
from sync.compare import digest_here
from sync.ledger.models import Change, Replica
from sync.ledger.recording import Author, recording
from sync.ledger.selectors import history_of
from sync.models import SyncRun
from sync.tables import all_tables, table_of
from tests.world import World


def register(world: World, save_id: object = None) -> Patient:
    """A registrar saves, at the first clinic."""
    clinic = world.clinics[0]
    with recording(by=Author(uuid4(), "tablet 3"), save_id=save_id) as save:  # type: ignore[arg-type]
        if save.repeated:
            return Patient.objects.get(pk=save.id_of(0))
        return save.add(
            Patient,
            given_name="Ana",
            family_name="Muñoz",
            sex="female",
            registered_on=clinic.node.now(),
        )


def test_a_write_reaches_everybody_and_both_sides_can_prove_it(world: World) -> None:
    here, other = world.clinics
    with world.at(here):
        save_id = uuid4()
        patient = register(world, save_id)
        assert register(world, save_id).pk == patient.pk  # a double tap is the same change
        assert Patient.objects.count() == 1
        assert Change.objects.count() == 1
        assert here.node.marks.read().head_seq == 1
    assert world.unsent(here) == 1

    run = world.sync(here)[0]
    assert (run.outcome, run.reason, run.digests) == (SyncRun.Outcome.DONE, "", "equal")
    assert world.unsent(here) == 0
    with world.at(world.central):
        there = Patient.objects.get(pk=patient.pk)
        assert (there.given_name, there.family_name, there.sex) == ("Ana", "Muñoz", "female")
        assert there.position is not None
        assert [entry.field for entry in history_of(there)] == [entry.field for entry in history_of(there)]
        assert history_of(there)[0].received_at["central"] is not None

    world.sync(other)
    with world.at(other):
        assert Patient.objects.get(pk=patient.pk).family_name == "Muñoz"
    assert world.digests(here) == world.digests(world.central) == world.digests(other)


def test_a_stale_form_is_a_concurrent_edit_and_a_decision_ends_the_conflict(world: World) -> None:
    here, other = world.clinics
    with world.at(here):
        patient = register(world)
    world.sync()
    with world.at(other):
        theirs = Patient.objects.get(pk=patient.pk)
        with recording(by=world.author(other)) as save:
            assert save.edit(theirs, {"sex": "male", "phone": "1"}) == "applied"
    with world.at(here), recording(by=world.author(here)) as save:
        assert (
            save.edit(Patient.objects.get(pk=patient.pk), {"sex": "other", "family_name": "X"}) == "applied"
        )
    world.sync(rounds=2)
    for site in [world.central, *world.clinics]:
        with world.at(site):
            row = Patient.objects.get(pk=patient.pk)
            assert row.is_contested
            assert (row.phone, row.family_name) == ("1", "X")
    with world.at(here):
        row = Patient.objects.get(pk=patient.pk)
        with recording(by=world.author(here)) as save:
            save.edit(row, {"sex": "male"})
        assert not Patient.objects.get(pk=patient.pk).is_contested
    world.sync(rounds=2)
    for site in [world.central, *world.clinics]:
        with world.at(site):
            row = Patient.objects.get(pk=patient.pk)
            assert (row.sex, row.is_contested) == ("male", False)
            assert digest_here(table_of(Patient)).root() == world.digests(world.central)["patients"]


def test_a_run_with_nothing_to_do_is_one_request(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world)
    world.sync(rounds=2)
    assert here.link is not None
    before = here.link.requests
    run = world.sync(here)[0]
    assert (run.outcome, run.reason) == (SyncRun.Outcome.DONE, "")
    assert here.link.requests == before + 1


def test_every_synced_table_is_known_and_the_log_has_no_gaps(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        for _ in range(5):
            register(world)
        mine = Replica.objects.get(is_self=True)
        assert list(Change.objects.filter(replica=mine).values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert {"patients", "identifiers"} <= {table.name for table in all_tables()}


def test_a_conflict_is_shown_at_the_end_of_the_run_that_met_it(world: World) -> None:
    here, other = world.clinics
    with world.at(here):
        patient = register(world)
    world.sync()
    for site, sex in ((here, "male"), (other, "other")):
        with world.at(site), recording(by=world.author(site)) as save:
            save.edit(Patient.objects.get(pk=patient.pk), {"sex": sex})
    world.sync(here)
    run = world.sync(other)[0]
    assert (run.outcome, run.digests) == (SyncRun.Outcome.DONE, "equal")
    with world.at(other):
        assert Patient.objects.get(pk=patient.pk).is_contested
