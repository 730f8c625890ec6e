"""Saves that wait for something: held with a reason, and released by what they waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from registry.people.models import Identifier, Patient
from sync import intake
from sync.core.merge import Past
from sync.download import apply_page
from sync.feed.pages import record_of
from sync.ledger.birth import take_new_identity
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.ledger.recording import Author, recording
from sync.node import acting_as
from sync.pace import Pace
from sync.problems import Problem
from sync.review.models import Aside
from sync.review.services import reject, release
from sync.run import make_run
from sync.status import status
from sync.tables import table_of
from sync.vault.backup import make_backup, put_back
from tests.sync.forge import Talk, card, edit, logged, patient, slip_in, traces
from tests.sync.looking import asides, register, shown_at
from tests.world import Site, World, backend_for

# --- held ------------------------------------------------------------------------------------------------


def test_a_child_waits_for_a_parent_made_elsewhere_and_is_released_by_its_arrival(world: World) -> None:
    """B6: the parent was made at another clinic."""
    one, two = world.clinics
    parent = register(world, one, "Ana")
    with world.at(two):  # the parent reached the second clinic on a stick, not yet central
        child = slip_in(two, card(parent.pk))[0]
    world.sync(two)
    assert asides(world, world.central) == asides(world, two) == [(1, "held", "missing-parent")]
    assert world.unsent(two) == 0
    world.advance(86_400_000)
    with world.at(two):
        assert status()["held"] == 1
    with world.at(world.central):
        assert world.now_ms - Aside.objects.get().since >= 86_400_000
    world.sync(one)
    assert asides(world, world.central) == []
    with world.at(world.central):
        assert Identifier.objects.get(pk=child.record_id).patient_id == parent.pk
    world.sync(rounds=2)
    assert asides(world, two) == []
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_a_change_to_a_record_that_central_lacks_waits_for_it(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    with world.at(one):
        carried = record_of(table_of(Patient), Patient.objects.get(pk=row.pk))
    with world.at(two):  # the record reached the second clinic on a stick
        apply_page([carried], {})
        with recording(by=world.author(two)) as save:
            save.edit(Patient.objects.get(pk=row.pk), {"phone": "555"})
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "missing-record")]
    world.sync(one, two, one)
    assert asides(world, world.central) == []
    assert {site.name: shown_at(world, site, row.pk)["phone"] for site in (one, two, world.central)} == {
        "clinic 1": "555", "clinic 2": "555", "central": "555",
    }  # fmt: skip


def test_a_past_that_central_has_not_seen_is_held_never_believed(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    with world.at(one), recording(by=world.author(one)) as save:
        save.edit(Patient.objects.get(pk=row.pk), {"phone": "one"})
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 2}), phone="two"))
        slip_in(two, edit(row.pk, Past({one.replica: 2, two.replica: 1}), sex="male"))
        slip_in(two, edit(row.pk, Past({two.replica: 99}), sex="other"))
    world.sync(two)
    assert [code for _seq, _state, code in asides(world, world.central)] == [
        "unseen-past", "after-aside", "after-aside",
    ]  # fmt: skip
    assert shown_at(world, world.central, row.pk)["phone"] == ""
    world.sync(one)
    assert asides(world, world.central) == [(3, "held", "unseen-past")]
    there = shown_at(world, world.central, row.pk)
    assert (there["phone"], there["sex"]) == ("two", "male")


def test_a_save_cut_by_a_batch_waits_for_its_rest(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        with recording(by=world.author(here)) as save:
            row = save.add(Patient, given_name="Ana", registered_on=here.node.now())
            for number in range(5):
                save.add(Identifier, patient=row, system="passport", value=f"P{number}")
        link = here.link
        assert link is not None
        seen: list[tuple[int, int]] = []
        true_send = link.send

        def watched(wire: Any, *, patience: float) -> Any:
            reply = true_send(wire, patience=patience)
            if wire.url.endswith("changes"):
                with world.at(world.central):
                    seen.append((Patient.objects.count(), Aside.objects.count()))
            return reply

        link.send = watched  # type: ignore[method-assign]
        run = make_run(pace=Pace(fixed_changes=2))
        assert (run.outcome, run.digests) == ("done", "equal")
        assert seen == [(0, 1), (0, 1), (1, 0)]
        assert [receipt.seq_to for receipt in ReceiptRow.objects.order_by("seq_to")] == [2, 4, 6]
        assert status()["held"] == 0  # at once, not only after the next hello
    assert world.digests(here) == world.digests(world.central)
    with world.at(world.central):
        assert Identifier.objects.count() == 5


def test_half_a_save_cannot_be_rejected(world: World) -> None:
    """Its other half would arrive and be merged."""
    here = world.clinics[0]
    with world.at(here):
        with recording(by=world.author(here)) as save:
            row = save.add(Patient, given_name="Ana", registered_on=here.node.now())
            save.add(Identifier, patient=row, system="passport", value="P1")
        first = logged(1, 1)
    talk = Talk(world, here)
    talk.send(talk.batch(first))
    with world.at(world.central):
        half = Aside.objects.get(code="incomplete")
        with pytest.raises(Problem, match="not arrived"):
            reject(by=world.author(world.central), aside=half, note="no")
    world.sync(here)
    assert asides(world, world.central) == asides(world, here) == []
    assert world.digests(here) == world.digests(world.central)


def test_the_parts_of_a_cut_save_count_as_received_when_each_was(world: World) -> None:
    """The clinic knows it from its receipts; were central to count all from the last one, each would show
    another of two concurrent values where the clinic's clock is ahead.
    """
    here, other = world.clinics
    row = register(world, here)
    world.sync()
    here.clock_error_ms = 3_600_000
    with world.at(here), recording(by=world.author(here)) as save:
        save.edit(Patient.objects.get(pk=row.pk), {"phone": "ahead"})
        save.add(Patient, given_name="second", registered_on=here.node.now())
    link = here.link
    assert link is not None
    true_send = link.send

    def slowly(wire: Any, *, patience: float) -> Any:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith(("hello", "changes")):  # the first part goes with hello
            world.advance(600_000)
        return reply

    link.send = slowly  # type: ignore[method-assign]
    with world.at(here):
        make_run(upload_only=True, pace=Pace(fixed_changes=1))
        firsts = list(ReceiptRow.objects.order_by("seq_from").values_list("received", flat=True))
    world._now -= 900_000  # between the two receipts somebody else wrote
    with world.at(other):
        other.node.clock.reset(0)
        Replica.objects.filter(is_self=True).update(last_stamp=0)
        with recording(by=world.author(other)) as save:
            save.edit(Patient.objects.get(pk=row.pk), {"phone": "between"})
        stamp = logged()[-1].stamp
    assert firsts[1] < stamp < firsts[2]
    world.advance(900_000)
    link.send = true_send  # type: ignore[method-assign]
    world.sync(rounds=3)
    assert {shown_at(world, site, row.pk)["phone"] for site in (here, other, world.central)} == {"between"}


def test_a_held_change_holds_later_ones_of_its_replica_to_the_same_record(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    elsewhere = uuid4()
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 1}), village=elsewhere.bytes))
        slip_in(two, edit(row.pk, Past({one.replica: 1, two.replica: 1}), phone="later"))
        free = slip_in(two, patient("free"))[0]
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "missing-parent"), (2, "held", "after-aside")]
    assert shown_at(world, world.central, row.pk)["phone"] == ""
    assert shown_at(world, world.central, free.record_id)


def test_what_a_replica_left_set_aside_holds_its_successors_changes_to_the_same_record(world: World) -> None:
    """After a restore: else somebody at central who sees only the later change would overrule, unseen, what
    the change that is set aside says.
    """
    here = world.clinics[0]
    row = register(world, here, phone="1")
    world.sync()
    with world.at(here):
        (bad,) = slip_in(here, edit(row.pk, Past({here.replica: 1}), phone="2", sex="?"))
        path = make_backup()
    world.sync(here)
    with world.at(here):
        put_back(path)
        take_new_identity()
    world.sync(here)
    with world.at(here):
        slip_in(here, edit(row.pk, Past({bad.replica: 2}), family_name="later"))
    world.sync(here)
    assert asides(world, world.central) == asides(world, here)
    assert asides(world, here) == [(1, "held", "after-aside"), (2, "quarantined", "unknown-code")]
    with world.at(world.central):
        waiting = Aside.objects.get(state="held")
        assert not release(by=world.author(world.central), aside=waiting)
        reject(by=world.author(world.central), aside=Aside.objects.get(state="quarantined"), note="no")
        assert not Aside.objects.exists()
    world.sync(rounds=2)
    assert shown_at(world, world.central, row.pk)["family_name"] == "later"
    assert shown_at(world, here, row.pk) == shown_at(world, world.central, row.pk)


def test_release_of_saves_from_two_clinics_that_wait_for_each_other(world: World) -> None:
    """A chain across clinics: each arrival frees what it can."""
    one, two = world.clinics
    with world.at(one):
        person = slip_in(one, patient("Ana"))[0]
        slip_in(one, edit(person.record_id, Past({one.replica: 1, two.replica: 2}), phone="1"))
    with world.at(two):
        slip_in(two, card(person.record_id))
        slip_in(two, patient("Zoë"))
    world.sync(two, one)
    assert asides(world, world.central) == []
    assert shown_at(world, world.central, person.record_id)["phone"] == "1"


# --- many at once ----------------------------------------------------------------------------------------


def test_releasing_a_held_save_does_not_lock_out_somebody_who_works_at_central(world: World) -> None:
    """Records are locked before counters, everywhere: a batch that holds the counters waits for no record."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 2}), family_name="held"))
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "unseen-past")]
    editing, failures = threading.Event(), list[BaseException]()

    def at_the_office() -> None:
        try:
            with in_a_thread(world, world.central), recording(by=Author(None, "office")) as save:
                save.edit(Patient.objects.get(pk=row.pk), {"sex": "female"})
                editing.set()
                time.sleep(1.5)
        except BaseException as error:
            failures.append(error)
        finally:
            editing.set()

    office = threading.Thread(target=at_the_office)
    office.start()
    editing.wait(10)
    with world.at(one), recording(by=world.author(one)) as save:
        save.add(Patient, given_name="another", registered_on=one.node.now())
    run = world.sync(one)[0]
    office.join(20)
    assert (failures, run.outcome) == ([], "done")
    assert asides(world, world.central) == []
    there = shown_at(world, world.central, row.pk)
    assert (there["family_name"], there["sex"]) == ("held", "female")


@contextmanager
def in_a_thread(world: World, site: Site) -> Iterator[None]:
    """As that site, with a connection of this thread's own."""
    connection = backend_for(site.connection.settings_dict)
    before = connections["default"]
    connections["default"] = connection
    try:
        with acting_as(site.node):
            yield
    finally:
        connection.close()
        connections["default"] = before


def test_what_was_held_while_its_parent_arrived_is_found_by_a_later_hello(world: World) -> None:
    """Two batches at the same time: neither sees the other, and nothing else would ever wake the one that
    waits.
    """
    one, two = world.clinics
    row = register(world, one)
    with world.at(two):
        slip_in(two, card(row.pk))
    world.sync(two)
    held = traces(world)["asides"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intake, "release", lambda keys: 0)  # central stops between the commit and the release
        world.sync(one)
    assert traces(world)["asides"] == held == [(1, "missing-parent", "held")]
    world.sync(two)
    assert asides(world, world.central) == asides(world, two) == []
    with world.at(world.central):
        assert Identifier.objects.count() == 1
